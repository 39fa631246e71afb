"""How many files of what was applied each entry of an opt-out list names: an entry that names none may be misspelt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from bigcode.api.diagnostics import Problem
from bigcode.decide.wishes import count_rows
from bigcode.run.records import recorded_results
from bigcode.run.session import Session
from bigcode.store.tables import read_table

_NAMES = ["host", "owner", "repository", "path", "blob", "git_sha1", "authors"]
_LONG = 20
"""From so many entries on, those that name files are summed up."""


def tell_reach(
    session: Session, address: str, entries: Sequence[Mapping[str, str]], numbers: Sequence[int]
) -> list[str]:
    """Lines for a steward, by the entries' positions alone; none where no snapshot that the list is for was applied."""
    tables = _applied_tables(session, address) if entries else []
    if not tables:
        return []
    try:
        counts = count_rows(_read(session, tables), {"entries": list(entries)}).tolist()
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


def _applied_tables(session: Session, address: str) -> list[str]:
    """The tables of files of the snapshots whose datasets heed a list, as far as they were applied."""
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
    return sorted(set(tables))


def _read(session: Session, tables: Sequence[str]) -> Iterator[pa.Table]:
    for key in tables:
        yield read_table(session.store.objects, key, _NAMES)
