"""What people decided about licences, in place of what was detected."""

from __future__ import annotations

from collections.abc import Mapping

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
    said: Statements, observations: pa.Table, homes: Ints, decisions: Mapping[str, str]
) -> tuple[Statements, set[int]]:
    """The statements with decisions in their place, and the numbers of homes that are denied as a whole.

    A decision about a file stands for what the file states, in all its revisions; where the file is a licence text or
    metadata, the files that take from it take the decision. A decision about a repository stands for what its root
    states: a notice in a file or a text in a folder is nearer and counts, but not against `deny`.

    The category of a decided expression is that of its ids among what was detected in the same project, else unknown.
    """
    names = repositories(observations)
    files = pc.binary_join_element_wise(names, observations["path"].combine_chunks(), ":")
    cases = pa.array(sorted(decisions), pa.string())
    file_rows = np.flatnonzero(pc.is_in(files, value_set=cases).to_numpy(zero_copy_only=False))
    home_rows = np.flatnonzero(pc.is_in(names, value_set=cases).to_numpy(zero_copy_only=False))
    book = _Book(said, observations, homes, np.concatenate([file_rows, home_rows]))
    denied: set[int] = set()
    of_homes: dict[int, int] = {}
    _, firsts = np.unique(homes[home_rows], return_index=True)
    for row in home_rows[firsts].tolist():
        decision, home = decisions[names[row].as_py()], int(homes[row])
        code = book.code(decision, home)
        if decision == "deny":
            denied.add(home)
        else:
            of_homes[home] = code
    codes = {row: book.code(decisions[files[row].as_py()], int(homes[row])) for row in file_rows.tolist()}
    reviewed = np.zeros(observations.num_rows, bool)
    reviewed[file_rows] = True
    return _replaced(said, book, codes, reviewed)._replace(of_homes=of_homes), denied


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
