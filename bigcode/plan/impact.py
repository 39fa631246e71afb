"""The governance impact of a change: two states of a dataset compared, in counts of files, never in names of people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bigcode.api.facts import Fact, Query, Value
from bigcode.evidence.tally import answer, sum_tallies


@dataclass(frozen=True, slots=True)
class Change:
    """One dataset before and after. Before is empty for a dataset that was never applied."""

    dataset: str
    reasons: Mapping[str, tuple[int, int]]
    kept_bytes: tuple[int, int]
    licenses: Mapping[str, tuple[int, int]]
    redactions: Mapping[str, tuple[int, int]]
    added: int
    removed: int
    facts: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Impact:
    """What the change means for people: data, models that are overtaken, cards, energy, and what is not foreseen."""

    changes: tuple[Change, ...] = ()
    stale: tuple[str, ...] = ()
    retrained: Mapping[str, float | None] = field(default_factory=dict)
    """Models that would be trained, with the energy in kWh that their last training took, if one is recorded."""
    printed: Mapping[str, int] = field(default_factory=dict)
    """Printed values that change, by card."""
    unforeseen: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "datasets": {
                c.dataset: {
                    "reasons": {k: list(v) for k, v in c.reasons.items()},
                    "keptBytes": list(c.kept_bytes),
                    "licenses": {k: list(v) for k, v in c.licenses.items()},
                    "redactions": {k: list(v) for k, v in c.redactions.items()},
                    "added": c.added,
                    "removed": c.removed,
                    "facts": {k: list(v) for k, v in c.facts.items()},
                }
                for c in self.changes
            },
            "stale": list(self.stale),
            "retrained": dict(self.retrained),
            "printed": dict(self.printed),
            "unforeseen": list(self.unforeseen),
        }

    def lines(self) -> list[str]:
        """The impact for a person to read."""
        out: list[str] = []
        for change in self.changes:
            out += _change_lines(change)
        out += [
            f"  model       {m} is pinned and overtaken by its data; it is not trained again"
            for m in self.stale
        ]
        for model, energy in self.retrained.items():
            known = (
                f"about {energy:.4g} kWh, as last time"
                if energy is not None
                else "energy not known: no training is recorded"
            )
            out.append(f"  training    {model} would be trained ({known})")
        out += [
            f"  card        {card}: {count} printed values change" for card, count in self.printed.items()
        ]
        out += [f"  not foreseen: {text}" for text in self.unforeseen]
        return ["Governance impact", *(out or ["  none: no verdict changes"])]


def compare(
    dataset: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    moved: tuple[int, int],
    facts: Mapping[str, Fact],
    run: Callable[[Query], Value],
) -> Change:
    """Compare two states of a dataset.

    Args:
        before: the summed tally of the verdicts as they were applied; None when they never were.
        after: that of the new verdicts.
        moved: files that enter and that leave.
        facts: recorded facts of the dataset; those with a query over verdicts are taken again.
        run: runs a query over the new verdicts, for what tallies do not say.
    """
    old = sum_tallies([]) if before is None else before
    changed: dict[str, tuple[Value, Value]] = {}
    for fact in facts.values():
        if fact.query is not None and fact.query.table == "verdicts":
            value = answer(fact.query, after)
            value = run(fact.query) if value is None else value
            if value != fact.value:
                changed[fact.id] = (fact.value, value)
    return Change(
        dataset,
        _pairs(old["reasons"], after["reasons"]),
        (old["bytes"], after["bytes"]),
        _pairs(_files(old["license"]), _files(after["license"])),
        _pairs(old["redactions"], after["redactions"]),
        *moved,
        changed,
    )


def _change_lines(change: Change) -> list[str]:
    out = [
        f"  {change.dataset}: {change.removed:,} files leave, {change.added:,} enter; "
        f"{change.kept_bytes[1] - change.kept_bytes[0]:+,} bytes"
    ]
    for reason, (old, new) in sorted(change.reasons.items()):
        if old != new:
            out.append(f"    {reason:<28} {old:>8,} -> {new:>8,}  ({new - old:+,})")
    for label, pairs in (("licence", change.licenses), ("masked", change.redactions)):
        for name, (old, new) in sorted(pairs.items()):
            if old != new:
                state = " enters" if not old else " leaves" if not new else ""
                out.append(f"    {label} {name}: {old:,} -> {new:,}{state}")
    return out


def _pairs(old: Mapping[str, int], new: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    return {k: (old.get(k, 0), new.get(k, 0)) for k in sorted({*old, *new})}


def _files(groups: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    return {name: files for name, (files, _) in groups.items()}
