"""What a person decides about a case, written as a Review resource of the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from bigcode.api.diagnostics import Problem, fail
from bigcode.decide.expressions import operands, satisfied
from bigcode.evidence.consent import replace_file
from bigcode.run.review import QUEUES, find_cases
from bigcode.run.session import Session
from bigcode.spec.lock import read_lock
from bigcode.spec.reviews import decisions_about
from bigcode.spec.text import parse_document
from bigcode.spec.workspace import load_workspace

FOLDER = "reviews"
_TO_KEEP = ("keep", "remove")
Decision = Mapping[str, Any]
"""As it stands in a Review: queue, case, saw (a list), decide, reason."""


def choose_case(session: Session, address: str, case: str, queue: str) -> tuple[str, list[str]]:
    """The queue in which a case can be decided, which is that of licences for a conflict, and the digests of what it is
    about today.

    Raises:
        Problem: E003 for a case that no queue lists, or that several do.
    """
    wanted = [q for q in QUEUES if queue in ("", "licence" if q == "conflicts" else q)]
    cases = find_cases(session, address, wanted)
    mine = [c for c in cases if case in (*c.cases, *c.saw)]
    found = {"licence" if c.queue == "conflicts" else c.queue for c in mine}
    if len(found) == 1:
        return found.pop(), sorted({digest for c in mine for digest in c.saw.get(case, ())})
    if found:
        raise fail("E003", f"the case is in {len(found)} queues", hint=f"Say --queue {min(found)}, for one.")
    hint = f"`bigcode review {session.workspace.root} {address}` lists the cases."
    if queue in ("", "withdrawal"):
        hint += " `bigcode review withdraw` opens a case of that queue."
    raise fail("E003", f"{address} has no such case", hint=hint)


def record_decision(
    session: Session, address: str, decision: Decision, by: str, day: str, *, released: bool = False
) -> Path:
    """Write a decision (queue, case, and decide, perhaps saw and reason) and return the file that holds it.

    It joins the Review of the same dataset, person and day where there is one that can take it; comments stay. Else it
    is a file of its own. Nothing is changed unless the workspace can be loaded with it.

    Args:
        released: whether the dataset may be in the lock: for what must leave a released version.

    Raises:
        Problem: E210 for a released dataset, E209 for a case that is decided, E105 for what does not parse, and every
            error of the specs.
    """
    _check(session, address, decision, released)
    for name, resource in session.workspace.resources.items():
        spec = resource.spec
        if resource.kind != "Review" or name in read_lock(session.workspace.root)["released"]:
            continue
        if session.workspace.address_of(spec.dataset) == address and (spec.by, str(spec.date)) == (by, day):
            path = Path(session.workspace.documents[name].file)
            extended = _extended(path.read_text("utf-8"), decision)
            if extended is not None:
                return _write(session, path, extended)
    dataset = address.partition("/")[2].partition("@")[0]
    stem, path = _free_name(session, dataset, day)
    return _write(session, path, _new_review(stem, address, decision, by, day))


def _check(session: Session, address: str, decision: Decision, released: bool) -> None:
    lock = read_lock(session.workspace.root)["released"]
    if address in lock and not released:
        hint = "Copy its file, raise metadata.version, apply, and decide for that version."
        raise fail("E210", f"{address} was released; what it holds is decided", hint=hint)
    for known in decisions_about(session.workspace, address):
        same = (known.queue, known.case) == (decision["queue"], decision["case"])
        if same and (not known.saw or set(known.saw) & set(decision.get("saw", ()))):
            told = f"the case was decided as `{known.decide}` by {known.by} on {known.date}"
            raise fail("E209", told, known.place, "Edit that line to decide anew; its history stays in git.")
    if decision["queue"] == "licence":
        check_expression(decision["decide"])
    elif decision["decide"] not in _TO_KEEP:
        raise fail("E105", f"`{decision['decide']}` decides no case of the queue {decision['queue']}",
                   hint="Say keep or remove.")  # fmt: skip


def check_expression(text: str) -> None:
    """Refuse what is neither `deny` nor an SPDX expression; ids are looked up where the library is installed.

    Raises:
        Problem: E105.
    """
    if text == "deny":
        return
    if not satisfied(text, lambda _: True):
        raise fail(
            "E105", f"`{text}` is no SPDX expression", hint="For example `MIT OR Apache-2.0`, or `deny`."
        )
    if find_spec("license_expression") is None:
        return
    from license_expression import get_spdx_licensing  # type: ignore[import-untyped]

    known = get_spdx_licensing().validate(text)
    unknown = [name for name in known.invalid_symbols if not name.startswith("LicenseRef-")]
    if unknown or (known.errors and not known.invalid_symbols):
        told = f"SPDX has no licence `{unknown[0]}`" if unknown else f"`{text}` is no SPDX expression"
        raise fail("E105", told, hint=f"Ids are case-sensitive: {', '.join(operands(text))}.")


def _item(decision: Decision) -> str:
    kept = {name: value for name, value in decision.items() if value}
    return yaml.safe_dump([kept], sort_keys=False, allow_unicode=True, width=10_000)


def _extended(text: str, decision: Decision) -> str | None:
    """The text of a Review with one more decision behind the others, or None where it is written in another style."""
    document, _ = parse_document(text, "")
    assert document is not None, "the workspace was loaded from this file"
    decisions = document.value["spec"]["decisions"]
    at = ("spec", "decisions", len(decisions) - 1)
    inside = [place.line + document.raws.get(p, "").rstrip("\n").count("\n")
              for p, place in document.values.items() if p[: len(at)] == at]  # fmt: skip
    lines = text.splitlines()
    first = document.values[at]
    indent = lines[first.line - 1].find("- ")
    if indent < 0 or lines[first.line - 1][:indent].strip():
        return None
    added = [" " * indent + line for line in _item(decision).splitlines()]
    end = max(inside)
    new = "\n".join([*lines[:end], *added, *lines[end:]]) + "\n"
    again, found = parse_document(new, "")
    kept = {name: value for name, value in decision.items() if value}
    spec = {**document.value["spec"], "decisions": [*decisions, kept]}
    return new if again and not found and again.value == {**document.value, "spec": spec} else None


def _free_name(session: Session, dataset: str, day: str) -> tuple[str, Path]:
    """A name for a Review that no resource and no file has."""
    names = {a.partition("/")[2].partition("@")[0] for a in session.workspace.resources if a[:7] == "Review/"}
    number = 0
    while True:
        stem = dataset if not number else f"{dataset}-{day}" + ("" if number == 1 else f"-{number}")
        path = session.workspace.root / FOLDER / f"{stem}.yaml"
        if stem not in names and not path.exists():
            return stem, path
        number += 1


def _new_review(name: str, address: str, decision: Decision, by: str, day: str) -> str:
    head: dict[str, Any] = {
        "apiVersion": "bigcode/v1",
        "kind": "Review",
        "metadata": {"name": name, "version": "1.0.0"},
        "spec": {"dataset": address, "by": by, "date": day},
    }
    said = "".join(f"    {line}\n" for line in _item(decision).splitlines())
    return yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=10_000) + "  decisions:\n" + said


def _write(session: Session, path: Path, text: str) -> Path:
    """Write, load the workspace, and take the edit back if that shows an error."""
    before = path.read_bytes() if path.exists() else None
    made = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text.encode())
    try:
        load_workspace(session.workspace.root, session.host.registry)
    except Problem:
        if before is None:
            path.unlink()
            if made:
                path.parent.rmdir()
        else:
            replace_file(path, before)
        raise
    return path
