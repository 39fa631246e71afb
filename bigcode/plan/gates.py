"""Gates of a release: the age of its opt-out snapshot, how well personal data is found, and signed approvals.

A gate that finds nothing to judge is not met, unless the Project says that nothing is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bigcode.api.diagnostics import Diagnostic, Place
from bigcode.api.facts import Fact
from bigcode.api.resource import references
from bigcode.evidence.signing import verified
from bigcode.spec.locate import repository_root
from bigcode.spec.text import parse_document, read_text
from bigcode.spec.workspace import Workspace

NO_FACTS: Mapping[str, Fact] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate's state; `waiver` names who waived it, until when."""

    release: str
    id: str
    ok: bool
    text: str
    code: str = "E510"
    waiver: str = ""

    @property
    def passes(self) -> bool:
        return self.ok or bool(self.waiver)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision record: Markdown whose front matter carries id, title, kind, date, subject and signatures.

    A signature is {name, key, value} over `bigcode-decision/1\\n<sha256 of the front matter without signatures, as
    canonical JSON>\\n<sha256 of the body>\\n`.
    """

    path: Path
    front: Mapping[str, Any]
    body: bytes


def gates(workspace: Workspace, as_of: date, facts: Mapping[str, Fact] = NO_FACTS) -> list[Gate]:
    """All gates of all releases at a date.

    Args:
        facts: measured facts of the datasets by full id, as far as they are known.
    """
    found: list[Gate] = []
    for address, resource in workspace.resources.items():
        if resource.kind != "Release":
            continue
        for name in resource.spec.gates:
            if name == "opt-out-age":
                gate = _opt_out_age(workspace, address, as_of)
            elif name == "approvals":
                gate = _approvals(workspace, address)
            else:
                gate = _detection(workspace, address, facts)
            found += [_waived(g, resource, as_of) for g in gate]
    return found


def closure(workspace: Workspace, value: Any) -> set[str]:
    """Addresses of all that a value of a spec refers to, and of what that refers to."""
    found: set[str] = set()
    stack = [value]
    while stack:
        for _, text, _ in references(stack.pop()):
            address = workspace.address_of(text)
            if address not in found:
                found.add(address)
                stack.append(workspace.resources[address].spec)
    return found


def _opt_out_age(workspace: Workspace, address: str, as_of: date) -> list[Gate]:
    """A gate for each list that the data of any artifact was made under: a model is made of data, too."""
    spec = workspace.resources[address].spec
    behind = sorted(closure(workspace, spec.artifacts))
    snapshots = [workspace.resources[a] for a in behind if a.startswith("OptOutSnapshot/")]
    if not snapshots:
        text = "no artifact of the release leads to an OptOutSnapshot, so there is no list to judge"
        return [Gate(address, "opt-out-age", False, text)]
    found = []
    limit = int(spec.opt_out_max_age // 86400)
    for snapshot in snapshots:
        age = (as_of - date.fromisoformat(snapshot.spec.as_of)).days
        told = f"{age} d old, limit {limit} d" if age >= 0 else f"dated {-age} d ahead of {as_of}"
        text = f"{snapshot.address} is {told}"
        found.append(Gate(address, "opt-out-age", 0 <= age <= limit, text, "E406"))
    return found


def _detection(workspace: Workspace, address: str, facts: Mapping[str, Fact]) -> list[Gate]:
    """A gate for each entity that a PIIPolicy behind the release asks something of."""
    found = []
    for dataset in sorted(closure(workspace, workspace.resources[address].spec.artifacts)):
        if not dataset.startswith("Dataset/"):
            continue
        policy = workspace.get(workspace.resources[dataset].spec.pii)
        for entity, asked in sorted(policy.spec.gates.items()):
            for what, least in (("recall", asked.recall), ("precision", asked.precision)):
                if least > 0:
                    found.append(_measured(address, dataset, entity, what, least, asked, facts))
    return found


def _measured(
    release: str, dataset: str, entity: str, what: str, least: float, asked: Any, facts: Mapping[str, Fact]
) -> Gate:
    name = f"{what}-everywhere" if what == "precision" and asked.everywhere else what
    start = f"{dataset}/pii.{name}{{entity={entity},set={asked.set}"
    known = [f for f in facts.values() if f.id.startswith(start) and f.interval is not None]
    values = [float(f.interval[0] if asked.basis == "lower" else f.value) for f in known]  # type: ignore[index,arg-type]
    if not values:
        return Gate(release, "pii", False, f"{dataset}: {what} of {entity} was not measured")
    bound = "lower bound of " if asked.basis == "lower" else ""
    text = f"{dataset}: {bound}{what} of {entity} is {min(values):.3f}, asked for {least:g}"
    return Gate(release, "pii", min(values) >= least, text)


def _approvals(workspace: Workspace, address: str) -> list[Gate]:
    project = workspace.project.spec
    if not project.approvals:
        return [Gate(address, "approvals", True, "none are required by the Project")]
    found = []
    records, problems = read_decisions(workspace)
    for approval in project.approvals:
        names = approved_by(records, project.approvers, approval, workspace.name, address)
        ok = len(names) >= approval.minimum and not problems
        text = f"{approval.kind}: {len(names)} of {approval.minimum} from {', '.join(approval.groups)}"
        if problems:
            text += f"; a record cannot be read: {problems[0].place} {problems[0].code}"
        found.append(Gate(address, "approvals", ok, text))
    return found


def approved_by(
    records: Sequence[Decision], approvers: Sequence[Any], approval: Any, workspace: str, subject: str
) -> set[str]:
    """People of the required groups who signed a decision of this kind on this release of this workspace."""
    wanted = {"kind": approval.kind, "workspace": workspace, "subject": subject}
    by_key = {a.key: a for a in approvers if a.group in approval.groups}
    names: set[str] = set()
    for record in records:
        if any(record.front.get(name) != value for name, value in wanted.items()):
            continue
        for signature in record.front.get("signatures") or ():
            person = by_key.get(str(signature.get("key")))
            if person and verified(person.key, str(signature.get("value")), decision_message(record)):
                names.add(person.name)
    return names


def decision_message(record: Decision) -> bytes:
    """What is signed: all that the record says but its signatures. Whoever could change its kind or its workspace
    after it was signed could make one approval pass for another."""
    from bigcode.api.canonical import digest, key_of

    said = key_of({name: value for name, value in record.front.items() if name != "signatures"})
    return f"bigcode-decision/1\n{said}\n{digest(record.body)}\n".encode()


def read_decisions(workspace: Workspace) -> tuple[list[Decision], list[Diagnostic]]:
    """The decision records of the repository, and of the workspace where it has its own."""
    records, problems = [], []
    for path in decision_files(workspace).values():
        record, found = read_decision(path)
        problems += found
        if record:
            records.append(record)
    return records, problems


def decision_files(workspace: Workspace) -> dict[str, Path]:
    """Paths of the decision records by name; those of the workspace's own folder stand below its name."""
    root = workspace.root.resolve()
    base = repository_root(root) or root
    folders = {"": base} if base == root else {"": base, f"{workspace.name}/": root}
    return {
        f"{prefix}{path.name}": path
        for prefix, folder in folders.items()
        for path in sorted((folder / "governance" / "decisions").glob("*.md"))
    }


def read_decision(path: Path) -> tuple[Decision | None, list[Diagnostic]]:
    """A record, or E209 with what is wrong with it."""
    text, found = read_text(path, str(path))
    if found:
        return None, found
    hint = "A record starts with front matter between two lines `---`."
    if not text.startswith("---\n") or "\n---\n" not in text[4:]:
        return None, [Diagnostic("E209", "the decision record has no front matter", Place(str(path)), hint)]
    head, _, body = text[4:].partition("\n---\n")
    # The empty line stands for the first `---`, so that places are those of the file.
    document, found = parse_document(f"\n{head}", str(path))
    if document is None:
        return None, found
    if not isinstance(document.value, dict) or not document.value.get("id"):
        return None, [*found, Diagnostic("E209", "the front matter names no id", Place(str(path)), hint)]
    signatures = document.value.get("signatures") or []
    if not isinstance(signatures, list) or not all(isinstance(s, dict) for s in signatures):
        place = document.place(("signatures",))
        return None, [
            *found,
            Diagnostic(
                "E209", "signatures are a list of name, key and value", place, "`bigcode approve` signs."
            ),
        ]
    return Decision(path, document.value, body.encode()), found


def _waived(gate: Gate, release: Any, as_of: date) -> Gate:
    if gate.ok:
        return gate
    for waiver in release.spec.waivers:
        if waiver.gate == gate.id:
            if date.fromisoformat(waiver.expires) >= as_of:
                return replace(gate, waiver=f"{waiver.by} until {waiver.expires}: {waiver.reason}")
            return replace(gate, text=f"{gate.text}; the waiver of {waiver.by} expired {waiver.expires}")
    return gate


def refuse(found: Sequence[Gate]) -> list[Diagnostic]:
    """A diagnostic for each gate that does not pass."""
    hints = {
        "opt-out-age": "Import the newest list with `bigcode optout import`, raise asOf, and apply again.",
        "approvals": "Ask for signatures on the decision record: `bigcode approve`.",
        "pii": "Mend the detector, or let the PIIPolicy ask for what it can do; a waiver names who accepts less.",
    }
    return [
        Diagnostic(g.code, f"{g.release}: gate {g.id} is not met: {g.text}", hint=hints.get(g.id, ""))
        for g in found
        if not g.passes
    ]
