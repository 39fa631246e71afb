"""`purge`: which contents an order means, and whether they may go. What is then done to the store is in `erasing`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.diagnostics import Diagnostic, Place, fail, raise_errors
from bigcode.decide.columns import FILE, file_ids
from bigcode.decide.optout import row_key
from bigcode.plan.gates import approved_by, read_decision, read_decisions
from bigcode.run.consent import read_list
from bigcode.run.erasing import Erased, Order, erase
from bigcode.run.planning import survey_applied
from bigcode.run.session import Session
from bigcode.run.sweep import claimed
from bigcode.store.leases import alone
from bigcode.store.tables import read_table

OPTOUT = "optout"
ENDED = ("superseded", "retired", "withdrawn")
"""States of a dataset that does not keep a purge from its shards."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Contents that go, the files they were of, contents that stay because other files hold them, and near-copies
    by others, which stay in the snapshot and out of the dataset."""

    blobs: frozenset[str]
    files: int
    shared: int = 0
    near: int = 0


def purge(
    session: Session,
    address: str,
    rows: frozenset[str] | None,
    reason: str,
    as_of: str,
    *,
    dry_run: bool = False,
) -> tuple[Targets, Erased]:
    """Erase contents of a dataset's snapshot from the store and from what was written of it.

    Args:
        rows: file ids, keyed row ids or digests of contents; None for all that an opt-out took away.
        reason: stands in the tombstones; it names nobody.

    Raises:
        Problem: E505 while a run is at work, E507 when something is pending, E513 when a dataset keeps a file.
    """
    with alone(session.store) as free:
        if not free or claimed(session.store):
            hint = "Run the command again when it is done."
            raise fail("E505", "a run is at work on this store", hint=hint)
        targets = find_targets(session, address, rows)
        order = Order(address, targets.blobs, reason, as_of)
        return targets, erase(session, order, dry_run=dry_run)


def find_targets(session: Session, address: str, rows: frozenset[str] | None) -> Targets:
    """Look up an order in the verdicts of the last apply.

    Raises:
        Problem: as `purge`, and E401 to E404 for the opt-out list that hidden rows are known by.
    """
    workspace = session.workspace
    lists = {sealed.address: sealed.data for sealed in session.open_lists()}
    _, found = survey_applied(session)
    spec = workspace.resources[address].spec
    _, secret = read_list(lists[workspace.address_of(spec.opt_out)])
    files = _files(session, found.results, workspace.address_of(spec.snapshot))
    ids = files["id"].to_pylist()
    keys = [row_key(secret, name) for name in ids]
    reasons = _reasons(_verdicts(session, found.results, address))
    blobs = files["blob"].to_pylist()
    if rows is None:
        wanted = [reasons.get(key, "optout.seat") != "optout.seat" for key in keys]
    else:
        wanted = [bool(rows & {name, key, blob}) for name, key, blob in zip(ids, keys, blobs, strict=True)]
        _check_all_found(address, rows, ids, keys, blobs)
    meant = {name for name, take in zip(ids, wanted, strict=True) if take}
    gone = {blob for blob, take in zip(blobs, wanted, strict=True) if take}
    kept = sum(take and reasons.get(name) == "kept" for name, take in zip(ids, wanted, strict=True))
    problems = [_in_use(address, kept)] if kept else []
    shared = {blob for blob, take in zip(blobs, wanted, strict=True) if not take and blob in gone}
    for other in sorted(a for a in workspace.resources if a.startswith("Dataset/") and a != address):
        more, count = _held_by(_verdicts(session, found.results, other), gone, meant)
        shared |= more
        if count and workspace.resources[other].spec.lifecycle.state not in ENDED:
            problems.append(_in_use(other, count))
    raise_errors(problems)
    near = sum(reason == "optout.seat" for reason in reasons.values()) if rows is None else 0
    return Targets(frozenset(gone - shared), len(meant), len(shared), near)


def _in_use(address: str, count: int) -> Diagnostic:
    hint = "Opt them out and apply, or end that dataset's lifecycle, and purge then."
    return Diagnostic("E513", f"{address} keeps {count:,} of the files", hint=hint)


def _check_all_found(address: str, rows: frozenset[str], *columns: list[str]) -> None:
    known: set[str] = set().union(*map(set, columns))
    missing = len(rows - known)
    if missing:
        hint = "A row is HOST/OWNER/REPO@REVISION:PATH, the row id of a verdict table, or a SHA-256 of the content."
        raise fail("E003", f"{missing} of {len(rows)} rows name no file of {address}", hint=hint)


def _files(session: Session, results: Mapping[str, Any], snapshot: str) -> pa.Table:
    parts = [
        read_table(session.store.objects, entry.digest, [*FILE, "blob"])
        for action in results[f"{snapshot}#collect.files"].values()
        for entry in action.outputs["files"]
    ]
    table = pa.concat_tables(parts)
    return pa.table({"id": file_ids(table), "blob": table["blob"].combine_chunks()})


def _verdicts(session: Session, results: Mapping[str, Any], address: str) -> pa.Table:
    return pa.concat_tables(
        read_table(
            session.store.objects, action.outputs["verdicts"][0].digest, ["row", "path", "blob", "reason"]
        )
        for action in results[f"{address}#verdicts"].values()
    )


def _reasons(verdicts: pa.Table) -> dict[str, str]:
    """Reasons by row id, keyed for rows that an opt-out touches."""
    return dict(zip(verdicts["row"].to_pylist(), verdicts["reason"].to_pylist(), strict=True))


def _held_by(verdicts: pa.Table, gone: Iterable[str], meant: set[str]) -> tuple[set[str], int]:
    """Contents that a dataset shows as those of other files, and how many of the files themselves it keeps."""
    held = verdicts.filter(pc.is_in(verdicts["blob"], value_set=pa.array(sorted(gone), pa.string())))
    shared, kept = set(), 0
    for row in held.to_pylist():
        if row["row"] not in meant:
            shared.add(row["blob"])
        elif row["reason"] == "kept":
            kept += 1
    return shared, kept


def read_rows(path: Path) -> frozenset[str]:
    """Rows of a file, one a line; empty lines and lines that start with `#` are left out.

    Raises:
        Problem: E001 when it cannot be read or holds none.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise fail("E001", f"`{path}` cannot be read as a list of rows") from error
    return _rows(lines, Place(str(path)))


def _rows(lines: Iterable[str], place: Place) -> frozenset[str]:
    rows = frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not rows:
        raise fail("E001", "the list names no row", place)
    return rows


def read_order(session: Session, address: str, path: Path) -> tuple[frozenset[str] | None, str]:
    """Rows and reason of a decision record of kind `purge`; no rows where it says `rows: optout`.

    Raises:
        Problem: E209 when it decides something else, or lacks the approvals that the Project asks for.
    """
    record, found = read_decision(path)
    raise_errors(found)
    assert record is not None
    workspace, place = session.workspace, Place(str(path))
    wanted = {"kind": "purge", "workspace": workspace.name, "subject": address}
    wrong = [name for name, value in wanted.items() if record.front.get(name) != value]
    if wrong:
        hint = "It says " + ", ".join(f"{name}: {value}" for name, value in wanted.items()) + "."
        raise fail("E209", f"the record is no purge of {address}: {', '.join(wrong)} differ", place, hint)
    project = workspace.project.spec
    known = [record, *read_decisions(workspace)[0]]
    for approval in (a for a in project.approvals if a.kind == "purge"):
        names = approved_by(known, project.approvers, approval, workspace.name, address)
        if len(names) < approval.minimum:
            told = f"{len(names)} of {approval.minimum} approvals from {', '.join(approval.groups)}"
            raise fail("E209", f"the record has {told}", place, "`bigcode approve` signs it.")
    rows = record.front.get("rows", OPTOUT)
    if not re.fullmatch(r"[\w .-]{1,60}", str(record.front["id"])):
        raise fail("E209", "the id of the record is no short name", place)
    reason = f"decision {record.front['id']}"
    return (None if rows == OPTOUT else _rows([str(row) for row in rows], place)), reason
