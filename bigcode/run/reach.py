"""How many files of what was applied each entry of an opt-out list names: an entry that names none may be misspelt."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from bigcode.api.diagnostics import Problem
from bigcode.decide.wishes import DEFAULT_LEVEL, count_rows
from bigcode.evidence.consent import list_path
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
    waiting = [_waits(session, address, entry) for entry in entries]
    tables = _applied_tables(session, address) if entries else []
    if not tables:
        return _told_waiting(waiting, numbers)
    content = {"entries": list(entries), "renames": _renames(session, address)}
    try:
        counts = count_rows(_read(session, tables), content).tolist()
    except Problem:
        return [
            "How many files the entries name cannot be told: the store is damaged. `bigcode apply` mends it."
        ]
    long, lines = len(counts) >= _LONG, []
    for number, count, wait in zip(numbers, counts, waiting, strict=True):
        if not count:
            lines.append(f"entry {number}: names no file of the applied snapshot: check the spelling{wait}")
        elif not long:
            lines.append(f"entry {number}: names {count:,} {'file' if count == 1 else 'files'}{wait}")
    if long:
        lines.append(
            f"{sum(map(bool, counts)):,} of {len(counts):,} entries name files of the applied snapshot"
        )
        lines += _told_waiting(waiting, numbers)
    return lines


def _waits(session: Session, address: str, entry: Mapping[str, Any]) -> str:
    """That an entry stands below the identity level that the policy asks for; else an empty string."""
    least = session.workspace.resources[address].spec.min_levels.get(entry["scope"], 0)
    level = entry.get("level", DEFAULT_LEVEL)
    if entry.get("kind") == "tombstone" or entry.get("withdrawn") or level >= least:
        return ""
    return f"; it waits for a proof of identity: level {level} of {least}"


def _told_waiting(waiting: Sequence[str], numbers: Sequence[int]) -> list[str]:
    """Entries that wait, one by one while they are few."""
    told = [(number, wait) for number, wait in zip(numbers, waiting, strict=True) if wait]
    if len(told) >= _LONG:
        return [f"{len(told):,} entries wait for a proof of identity"]
    return [f"entry {number}: {wait.removeprefix('; it ')}" for number, wait in told]


def _renames(session: Session, address: str) -> list[dict[str, str]]:
    """The renames of the list as it stands; none where it cannot be read."""
    try:
        data = list_path(session.workspace, session.workspace.resources[address]).read_bytes()
        found: list[dict[str, str]] = json.loads(data).get("renames", [])
    except (OSError, ValueError):
        return []
    return found


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
