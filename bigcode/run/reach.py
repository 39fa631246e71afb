"""How many files of what was applied each entry of an opt-out list names: an entry that names none may be misspelt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bigcode.api.diagnostics import Problem
from bigcode.decide.optout import Row, Wish, reach
from bigcode.decide.verdicts import file_id
from bigcode.run.records import recorded_results
from bigcode.run.session import Session
from bigcode.store.tables import read_table

_NAMES = ["host", "owner", "repository", "revision", "path"]
_LONG = 20
"""From so many entries on, those that name files are summed up."""


def tell_reach(
    session: Session, address: str, entries: Sequence[Mapping[str, str]], numbers: Sequence[int]
) -> list[str]:
    """Lines for a steward, by the entries' positions alone; none where no snapshot that the list is for was applied."""
    wishes = [Wish(e["scope"], e["value"].lower(), e.get("host", "").lower()) for e in entries]
    rows = _applied_rows(session, address) if wishes else None
    if rows is None:
        return []
    try:
        counts = reach(rows, wishes)
    except Problem:
        return [
            "How many files the entries name cannot be told: the store is damaged. `bigcode apply` mends it."
        ]
    long, lines = len(counts) >= _LONG, []
    for number, count in zip(numbers, counts, strict=True):
        if not count:
            lines.append(f"entry {number}: names no file of the applied snapshot: check the spelling")
        elif not long:
            lines.append(f"entry {number}: names {count:,} {'file' if count == 1 else 'files'}")
    if long:
        lines.append(
            f"{sum(map(bool, counts)):,} of {len(counts):,} entries name files of the applied snapshot"
        )
    return lines


def _applied_rows(session: Session, address: str) -> Iterator[Row] | None:
    """The files of the snapshots whose datasets heed a list, each once; None where none of them was applied."""
    workspace = session.workspace
    snapshots = {
        workspace.address_of(resource.spec.snapshot)
        for resource in workspace.resources.values()
        if resource.kind == "Dataset" and workspace.address_of(resource.spec.opt_out) == address
    }
    tables: list[str] = []
    for snapshot in sorted(snapshots):
        try:
            results = recorded_results(session.graph((snapshot,)), session.store)
        except Problem:
            continue
        for action in results.get(f"{snapshot}#collect.files", {}).values():
            tables += [entry.digest for entry in action.outputs.get("files", ())]
    return _rows(session, tables) if tables else None


def _rows(session: Session, tables: Sequence[str]) -> Iterator[Row]:
    seen: set[str] = set()
    for key in tables:
        table = read_table(session.store.objects, key, [*_NAMES, "blob", "git_sha1"])
        for r in table.to_pylist():
            name = file_id(*(r[c] for c in _NAMES))
            if name not in seen:
                seen.add(name)
                yield Row(
                    name,
                    r["host"],
                    r["owner"],
                    r["repository"],
                    r["path"],
                    r["blob"],
                    r["git_sha1"],
                    bytes=0,
                    released=0,
                    vendored=False,
                    license_text=False,
                )
