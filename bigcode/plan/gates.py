"""Gates of a release: the age of its opt-out snapshot, and approvals from signed decision records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bigcode.api.diagnostics import Diagnostic, Place
from bigcode.evidence.signing import verified
from bigcode.spec.locate import repository_root
from bigcode.spec.text import parse_document, read_text
from bigcode.spec.workspace import Workspace


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


def gates(workspace: Workspace, as_of: date) -> list[Gate]:
    """All gates of all releases at a date."""
    found: list[Gate] = []
    for address, resource in workspace.resources.items():
        if resource.kind != "Release":
            continue
        for name in resource.spec.gates:
            gate = (
                _opt_out_age(workspace, address, as_of)
                if name == "opt-out-age"
                else _approvals(workspace, address)
            )
            found += [_waived(g, resource, as_of) for g in gate]
    return found


def _opt_out_age(workspace: Workspace, address: str, as_of: date) -> list[Gate]:
    spec = workspace.resources[address].spec
    if spec.artifacts.dataset is None:
        return []
    snapshot = workspace.get(workspace.get(spec.artifacts.dataset).spec.opt_out)
    age = (as_of - date.fromisoformat(snapshot.spec.as_of)).days
    limit = int(spec.opt_out_max_age // 86400)
    ok = 0 <= age <= limit
    told = f"{age} d old, limit {limit} d" if age >= 0 else f"dated {-age} d ahead of {as_of}"
    return [Gate(address, "opt-out-age", ok, f"{snapshot.address} is {told}", "E406")]


def _approvals(workspace: Workspace, address: str) -> list[Gate]:
    project = workspace.project.spec
    found = []
    records, problems = read_decisions(workspace)
    for approval in project.approvals:
        names = approved_by(records, project.approvers, approval, workspace.name)
        ok = len(names) >= approval.minimum and not problems
        text = f"{approval.kind}: {len(names)} of {approval.minimum} from {', '.join(approval.groups)}"
        if problems:
            text += f"; a record cannot be read: {problems[0].place} {problems[0].code}"
        found.append(Gate(address, "approvals", ok, text))
    return found


def approved_by(
    records: Sequence[Decision], approvers: Sequence[Any], approval: Any, workspace: str
) -> set[str]:
    """People of the required groups who signed a decision of this kind on this workspace."""
    by_key = {a.key: a for a in approvers if a.group in approval.groups}
    names: set[str] = set()
    for record in records:
        if record.front.get("kind") != approval.kind or record.front.get("workspace", workspace) != workspace:
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
    base = repository_root(workspace.root) or workspace.root
    folders = {base / "governance" / "decisions", workspace.root / "governance" / "decisions"}
    records, problems = [], []
    for path in sorted(p for folder in folders if folder.is_dir() for p in folder.glob("*.md")):
        record, found = read_decision(path)
        problems += found
        if record:
            records.append(record)
    return records, problems


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
                return Gate(
                    gate.release,
                    gate.id,
                    False,
                    gate.text,
                    gate.code,
                    f"{waiver.by} until {waiver.expires}: {waiver.reason}",
                )
            return Gate(
                gate.release,
                gate.id,
                False,
                f"{gate.text}; the waiver of {waiver.by} expired {waiver.expires}",
                gate.code,
            )
    return gate


def refuse(found: Sequence[Gate]) -> list[Diagnostic]:
    """A diagnostic for each gate that does not pass."""
    hints = {
        "opt-out-age": "Import the newest list with `bigcode optout import`, raise asOf, and apply again.",
        "approvals": "Ask for signatures on the decision record: `bigcode approve`.",
    }
    return [
        Diagnostic(g.code, f"{g.release}: gate {g.id} is not met: {g.text}", hint=hints.get(g.id, ""))
        for g in found
        if not g.passes
    ]
