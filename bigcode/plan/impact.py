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
    copies: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """What becomes of copies of opted-out files elsewhere, by the names of `COPIES`."""

    @property
    def matters(self) -> bool:
        """Whether anything of what is counted differs."""
        pairs = (*self.reasons.values(), *self.copies.values())
        return bool(self.added or self.removed or any(old != new for old, new in pairs))


COPIES = {
    "removed": "copies elsewhere that are removed",
    "common": "copies that stay, being common property",
    "contested": "copies that stay, their origin being contested",
    "review": "partial copies put before a person",
}


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
                    "copies": {k: list(v) for k, v in c.copies.items()},
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
    copies: tuple[Mapping[str, int], Mapping[str, int]] = ({}, {}),
) -> Change:
    """Compare two states of a dataset.

    Args:
        before: the summed tally of the verdicts as they were applied; None when they never were.
        after: that of the new verdicts.
        moved: files that enter and that leave.
        facts: recorded facts of the dataset; those with a query over verdicts are taken again.
        run: runs a query over the new verdicts, for what tallies do not say.
        copies: what becomes of copies before and after, but for those that are removed: verdicts count them.
    """
    old = sum_tallies([]) if before is None else before
    changed: dict[str, tuple[Value, Value]] = {}
    for fact in facts.values():
        if fact.query is not None and fact.query.table == "verdicts":
            value = answer(fact.query, after)
            value = run(fact.query) if value is None else value
            if value != fact.value:
                changed[fact.id] = (fact.value, value)
    gone = tuple({"removed": tally["reasons"].get("optout.copy", 0)} for tally in (old, after))
    told = _pairs(*({**mine, **stays} for mine, stays in zip(gone, copies, strict=True)))
    return Change(
        dataset,
        _pairs(old["reasons"], after["reasons"]),
        (old["bytes"], after["bytes"]),
        _pairs(_files(old["license"]), _files(after["license"])),
        _pairs(old["redactions"], after["redactions"]),
        *moved,
        changed,
        {name: told[name] for name in COPIES if name in told},
    )


def _change_lines(change: Change) -> list[str]:
    out = [
        f"  {change.dataset}: {change.removed:,} files leave, {change.added:,} enter; "
        f"{change.kept_bytes[1] - change.kept_bytes[0]:+,} bytes"
    ]
    for reason, (old, new) in sorted(change.reasons.items()):
        if old != new:
            out.append(f"    {reason:<28} {old:>8,} -> {new:>8,}  ({new - old:+,})")
    # Whoever asks what an opt-out does is told what stays, too, and not only what changes.
    if any(pair != (0, 0) for pair in change.copies.values()):
        out += [f"    {COPIES[name]:<48} {old:,} -> {new:,}" for name, (old, new) in change.copies.items()]
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
