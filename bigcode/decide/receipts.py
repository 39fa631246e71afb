"""What became of the copies of some opted-out texts, file by file: what a receipt says."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from bigcode.decide.optout import STRENGTHS, CopyPolicy, Groups, spread

OUTCOMES = pa.schema(
    [*((name, pa.string()) for name in ("file", "outcome", "strength", "why")), ("containment", pa.float64())]
)
"""A file elsewhere that holds an opted-out text, once: `removed`, or staying as `common` property, `contested`, put
before a person (`review`) or `kept` as a person decided; its strongest match; and why a text is common property."""


def explain_copies(
    held: pa.Table,
    policy: CopyPolicy,
    decided: Mapping[str, str],
    pinned: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> pa.Table:
    """Schema `OUTCOMES`, sorted by file, of what `spread` judges; files that a list names themselves are no copies.

    Args:
        held: of schema `HOLDERS`, of the texts that are asked about.
    """
    if policy.copies == "keep" or not held.num_rows:
        return OUTCOMES.empty_table()
    result = spread(held, policy, decided, pinned)
    gone = set(result.removals["file"].to_pylist())
    disputed = dict(zip(result.disputed["file"].to_pylist(), result.disputed["why"].to_pylist(), strict=True))
    groups = Groups(held, policy)
    shared, _ = groups.kinds(policy.common)
    best: dict[str, dict[str, object]] = {}
    files = held["file"].to_pylist()
    common = np.logical_or.reduce(list(shared.values()))[groups.of]
    # A part of what is common property is no copy of anybody's text.
    rows = np.flatnonzero(~groups.hit & (groups.whole | (groups.band & ~common)))
    # The strongest match first, and of equals one that is common property, which tells why the file stays.
    order = rows[np.lexsort((~common[rows], -groups.containment[rows], groups.strength[rows]))]
    for row in order.tolist():
        name = files[row]
        if name in best:
            continue
        why = next((kind for kind, flags in shared.items() if flags[groups.of[row]]), "")
        outcome = _outcome(name, gone, disputed, why)
        best[name] = {
            "file": name,
            "outcome": outcome,
            "strength": STRENGTHS[groups.strength[row]],
            "why": why if outcome == "common" else "",
            "containment": float(groups.containment[row]),
        }
    return pa.Table.from_pylist([best[name] for name in sorted(best)], OUTCOMES)


def _outcome(name: str, gone: set[str], disputed: Mapping[str, str], why: str) -> str:
    if name in gone:
        return "removed"
    if name in disputed:
        return "contested" if disputed[name] == "origin" else "review"
    return "common" if why else "kept"
