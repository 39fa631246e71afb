"""What people decided about licences, in place of what was detected."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.decide.expressions import operands
from bigcode.decide.statements import CATEGORIES, Bools, Ints, Statements, severity_of

DENIED = "LicenseRef-denied-by-review"
"""Stands for `deny` among the ids of statements; no policy can admit it."""
_UNKNOWN = CATEGORIES.index("unknown")


def repositories(table: pa.Table) -> pa.Array:
    """`HOST/OWNER/REPO` of each row."""
    parts = (table[name].combine_chunks() for name in ("host", "owner", "repository"))
    return pc.binary_join_element_wise(*parts, "/")


def apply_decisions(
    said: Statements,
    observations: pa.Table,
    homes: Ints,
    decisions: Mapping[str, str],
    pinned: Sequence[tuple[str, str, str]] = (),
) -> tuple[Statements, set[int]]:
    """The statements with decisions in their place, and the numbers of homes that are denied as a whole.

    A decision about a file stands for what the file states, in all its revisions; where the file is a licence text or
    metadata, the files that take from it take the decision. A decision about a repository stands for what its root
    states: a notice in a file or a text in a folder is nearer and counts, but not against `deny`.

    A pinned decision (case, digest, decision) holds where the file's blob or the `root_digest` of the repository at a
    revision is the digest that was looked at; elsewhere it is as if nobody had decided.

    The category of a decided expression is that of its ids among what was detected in the same project, else unknown.
    """
    of_files, by_home = find_decided(observations, homes, decisions, pinned)
    first_rows = np.array([row for row, _ in by_home.values()], np.int64)
    rows = np.array(sorted(of_files), np.int64)
    book = _Book(said, observations, homes, np.concatenate([rows, first_rows]))
    denied: set[int] = set()
    of_homes: dict[int, int] = {}
    for home, (_, decision) in by_home.items():
        code = book.code(decision, home)
        if decision == "deny":
            denied.add(home)
        else:
            of_homes[home] = code
    codes = {row: book.code(of_files[row], int(homes[row])) for row in rows.tolist()}
    reviewed = np.zeros(observations.num_rows, bool)
    reviewed[rows] = True
    return _replaced(said, book, codes, reviewed)._replace(of_homes=of_homes), denied


def find_decided(
    observations: pa.Table, homes: Ints, decisions: Mapping[str, str], pinned: Sequence[tuple[str, str, str]]
) -> tuple[dict[int, str], dict[int, tuple[int, str]]]:
    """Decisions that hold: by row for files, and by the number of the home for repositories, with a row of it."""
    by_digest: dict[str, dict[str, str]] = {}
    for case, saw, decision in pinned:
        by_digest.setdefault(case, {})[saw] = decision
    names = repositories(observations)
    files = pc.binary_join_element_wise(names, observations["path"].combine_chunks(), ":")
    cases = pa.array(sorted({*decisions, *by_digest}), pa.string())
    of_files: dict[int, str] = {}
    for row in _rows_in(files, cases):
        case = files[row].as_py()
        found = decisions.get(case) or by_digest.get(case, {}).get(
            _blob(observations, row, case in by_digest)
        )
        if found:
            of_files[row] = found
    of_homes: dict[int, tuple[int, str]] = {}
    rows = np.array(_rows_in(names, cases), np.int64)
    for home, first in zip(*np.unique(homes[rows], return_index=True), strict=True):
        row = int(rows[first])
        case = names[row].as_py()
        found = decisions.get(case)
        if not found and case in by_digest:
            mine = observations.select(_STATED).take(pa.array(rows[homes[rows] == home]))
            found = by_digest[case].get(root_digest(mine.to_pylist()))
        if found:
            of_homes[int(home)] = (row, found)
    return of_files, of_homes


def root_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """Of what the root of a repository at a revision states: sha256 over the sorted digests of its licence texts and
    package metadata.

    Args:
        rows: path, blob and license_role of the repository's files.
    """
    blobs = {row["blob"] for row in rows if _at_root(row["path"], row["license_role"] or "")}
    return hashlib.sha256("".join(f"{blob}\n" for blob in sorted(blobs)).encode()).hexdigest()


_STATED = ["path", "blob", "license_role"]


def _at_root(path: str, role: str) -> bool:
    folder = path.rpartition("/")[0]
    return (role == "text" and folder.upper() in ("", "LICENSES", "LICENCES")) or (
        role == "metadata" and not folder
    )


def _blob(observations: pa.Table, row: int, wanted: bool) -> str:
    return str(observations["blob"][row].as_py()) if wanted else ""


def _rows_in(values: pa.Array, wanted: pa.Array) -> list[int]:
    rows: list[int] = np.flatnonzero(
        pc.is_in(values, value_set=wanted).to_numpy(zero_copy_only=False)
    ).tolist()
    return rows


def _replaced(said: Statements, book: _Book, codes: Mapping[int, int], reviewed: Bools) -> Statements:
    rows = np.repeat(said.rows, np.diff(said.starts))
    stays = ~reviewed[rows]
    added = np.array(sorted(codes), np.int64)
    all_rows = np.concatenate([rows[stays], added])
    all_codes = np.concatenate(
        [said.codes[stays], np.array([codes[row] for row in added.tolist()], np.int64)]
    )
    order = np.argsort(all_rows, kind="stable")
    parents = all_rows[order]
    starts = np.flatnonzero(np.diff(parents, prepend=-1))
    return said._replace(
        ids=book.ids,
        severity=np.array(book.severity, np.int64),
        rows=parents[starts],
        starts=np.append(starts, len(parents)),
        codes=all_codes[order],
        is_stated=said.is_stated | reviewed,
        unclear=said.unclear & ~reviewed,
        is_reviewed=reviewed,
    )


class _Book:
    """Ids and severities with those that decisions add. One expression may have several codes: its category is a
    matter of the project."""

    def __init__(self, said: Statements, observations: pa.Table, homes: Ints, rows: Ints) -> None:
        self.ids = [*said.ids]
        self.severity = said.severity.tolist()
        self._codes: dict[tuple[str, int], int] = {}
        self._known: dict[int, dict[str, int]] = {}
        if "license_categories" not in observations.column_names:
            return
        chosen = np.flatnonzero(np.isin(homes, homes[rows]))
        columns = observations.select(["license_ids", "license_categories"]).take(pa.array(chosen))
        for home, row in zip(homes[chosen].tolist(), columns.to_pylist(), strict=True):
            known = self._known.setdefault(home, {})
            worst = severity_of(pa.array(row["license_categories"] or [], pa.string())).tolist()
            for name, severity in zip(row["license_ids"] or [], worst, strict=True):
                known[name] = max(known.get(name, 0), severity)

    def code(self, decision: str, home: int) -> int:
        name = DENIED if decision == "deny" else decision
        known = self._known.get(home, {})
        severity = max((known.get(part, _UNKNOWN) for part in operands(name)), default=_UNKNOWN)
        severity = known.get(name, severity)
        key = (name, severity)
        if key not in self._codes:
            self._codes[key] = len(self.ids)
            self.ids.append(name)
            self.severity.append(severity)
        return self._codes[key]
