"""What may be told of an opt-out list: counts of entries, never names, and no count that is as good as a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from bigcode.evidence.optout_list import DEFAULT_LEVEL, SCOPES, Entry, Key, entry_key

WITHHELD = "withheld"


def count_entries(
    entries: Collection[Entry],
    *,
    min_levels: Mapping[str, int],
    applied: Collection[Key],
    small_cell: int,
    as_of: date | None = None,
) -> dict[str, Any]:
    """Entries in force by scope, level and kind, those below their level, and how long the oldest waits.

    Args:
        applied: entries that a build has used.
        small_cell: smaller counts are withheld, and further ones where a difference would tell them.
        as_of: the day to count ages to; without one, no age is told.

    Returns:
        entries, scopes, levels, kinds, pending (by scope), withdrawn, waiting, undated: counts or `withheld`;
        oldestWaitingDays: the age in days of the oldest entry in force that no build has honoured, or None.
    """
    force = [e for e in entries if not e.get("withdrawn") or e.get("kind") == "tombstone"]
    pending = [
        e
        for e in force
        if e.get("kind") != "tombstone" and e.get("level", DEFAULT_LEVEL) < min_levels.get(e["scope"], 0)
    ]
    below = {entry_key(e) for e in pending}
    waiting = [e for e in force if entry_key(e) in below or entry_key(e) not in applied]
    by_scope = Counter(e["scope"] for e in force)
    tables = {
        "scopes": {scope: by_scope[scope] for scope in SCOPES if by_scope[scope]},
        "levels": dict(sorted(Counter(str(e.get("level", DEFAULT_LEVEL)) for e in force).items())),
        "kinds": dict(sorted(Counter(e.get("kind", "wish") for e in force).items())),
        "pending": dict(sorted(Counter(e["scope"] for e in pending).items())),
    }
    told: dict[str, Any] = {name: withhold(table, small_cell) for name, table in tables.items()}
    single = {
        "entries": len(force),
        "withdrawn": len(entries) - len(force),
        "waiting": len(waiting),
        "undated": sum("since" not in e for e in waiting),
    }
    told |= {name: withhold({"": count}, small_cell)[""] for name, count in single.items()}
    days = [date.fromisoformat(e["since"]) for e in waiting if "since" in e]
    oldest = max(0, (as_of - min(days)).days) if as_of and days else None
    return {**told, "oldestWaitingDays": oldest}


def withhold(counts: Mapping[str, int], small_cell: int) -> dict[str, int | str]:
    """Counts of which none from one to `small_cell` − 1 can be told, nor found out from a total.

    Where the small ones add up to less than `small_cell`, the smallest others are withheld with them.
    """
    hidden = [name for name, count in counts.items() if 0 < count < small_cell]
    others = sorted((count, name) for name, count in counts.items() if count >= small_cell)
    while hidden and others and (len(hidden) < 2 or sum(counts[name] for name in hidden) < small_cell):
        hidden.append(others.pop(0)[1])
    return {name: WITHHELD if name in hidden else count for name, count in counts.items()}
