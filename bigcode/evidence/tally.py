"""Counts of verdict tables, bucket by bucket: their sums, and the queries that the sums answer without a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bigcode.api.facts import Query, Value

PROJECT = "host,owner,repository"
_KEPT = ("reason", "kept")
GROUPS = ("language", "license", "license_category", "license_attribution", "split")
"""Columns by whose values kept files are counted."""


def sum_tallies(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums of tallies of buckets.

    A tally holds `files` (judged), `bytes` and `projects` (kept), `reasons` and `redactions` (counts by name), and for
    each of `GROUPS` files and bytes kept, by name; what an older tally does not hold counts as nothing.
    """
    total: dict[str, Any] = {"files": 0, "bytes": 0, "projects": 0, "reasons": {}, "redactions": {}}
    total |= {name: {} for name in GROUPS}
    for part in parts:
        for name in ("files", "bytes", "projects"):
            total[name] += part[name]
        for name in ("reasons", "redactions"):
            for key, n in part[name].items():
                total[name][key] = total[name].get(key, 0) + n
        for name in GROUPS:
            for key, (n, size) in part.get(name, {}).items():
                files, found = total[name].get(key, (0, 0))
                total[name][key] = (files + n, found + size)
    return total


def answer(query: Query, total: Mapping[str, Any]) -> Value | None:
    """What `run_query` gives for a query over the verdicts that were tallied; None where tallies do not say."""
    kept = _KEPT in query.where
    rest = [pair for pair in query.where if pair != _KEPT]
    asked = (query.aggregate, query.column)
    if len(rest) > 1 or len(query.where) - len(rest) > 1:
        return None
    if not rest:
        known = {
            ("count", ""): total["reasons"].get("kept", 0) if kept else total["files"],
            ("sum", "bytes"): total["bytes"] if kept else None,
            ("distinct", PROJECT): total["projects"] if kept else None,
        }
        return known.get(asked)
    ((column, value),) = rest
    if not isinstance(value, str) or not value:
        return None
    if not kept:
        return total["reasons"].get(value, 0) if asked == ("count", "") and column == "reason" else None
    if column in GROUPS and asked in (("count", ""), ("sum", "bytes")):
        files, size = total[column].get(value, (0, 0))
        return int(files if query.aggregate == "count" else size)
    if column == "redactions" and asked == ("count", ""):
        return int(total["redactions"].get(value, 0))
    return None
