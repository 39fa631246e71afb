"""Estimates as lines for a person: by resource, with their ranges, and each method once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bigcode.cards.format import convert, suit_unit
from bigcode.plan.compute import brief
from bigcode.plan.estimates import Estimate

_DIGITS = 3
_SCALED = ("B", "Wh", "kWh", "gCO2e", "kgCO2e")
_COUNTED = ("core-hour", "file", "object", "step", "task", "token", "parameter")
_LARGE = ("token", "parameter")
"""What specs count with a suffix, such as `1T tokens`."""
_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
_SAID = {"device*h": "device hours", "d": "days"}
_SHARES = ("overhead",)
_WIDTH = 12


def estimate_lines(estimates: Sequence[Estimate]) -> list[str]:
    """The section `Estimated cost`: resources of which the same is said stand together, models in brief."""
    blocks: dict[str, list[Estimate]] = {}
    for estimate in estimates:
        blocks.setdefault(estimate.subject, []).append(estimate)
    groups: dict[tuple[Estimate, ...], list[str]] = {}
    for subject, said in blocks.items():
        shown = _condensed(said) if subject.startswith("Model/") else said
        groups.setdefault(tuple(replace(e, subject="") for e in shown), []).append(subject)
    methods = {m: number for number, m in enumerate(dict.fromkeys(e.method for g in groups for e in g), 1)}
    lines = ["Estimated cost"]
    for group, subjects in groups.items():
        lines.append(f"  {name_together(subjects)}")
        width = max(_WIDTH, *(len(e.name) for e in group))
        lines += [f"    {e.name:<{width}} {_told(e)} [{methods[e.method]}]" for e in group]
    return [*lines, *(f"  [{number}] {method}" for method, number in methods.items())]


def name_together(addresses: Sequence[str]) -> str:
    """Addresses with each kind once: `Dataset/a@1.0.0, b@1.0.0`."""
    kind = ""
    words = []
    for address in addresses:
        own, _, name = address.partition("/")
        words.append(name if own == kind else address)
        kind = own
    return ", ".join(words)


def _condensed(estimates: Sequence[Estimate]) -> list[Estimate]:
    """A model's first numbers; what the single fits say stands beside the span over all of them."""
    found = brief(estimates)
    fits: dict[str, list[str]] = {}
    for estimate in found:
        name, _, fit = estimate.name.partition("{fit=")
        if fit:
            fits.setdefault(name, []).append(f"{fit.removesuffix('}')} {_value(estimate, estimate.value)}")
    return [
        replace(e, detail=f"by {', '.join(fits[e.name])}") if e.name in fits else e
        for e in found
        if "{fit=" not in e.name
    ]


def _told(estimate: Estimate) -> str:
    unit, per, of = estimate.unit.partition("/")
    many = estimate.unit in _COUNTED and _value(estimate, estimate.value) != "1"
    scaled = suit_unit(estimate.value, unit) if unit in _SCALED else unit
    shown = "" if unit == "1" else f" {_SAID.get(estimate.unit, scaled + per + of)}{'s' if many else ''}"
    text = f"{_value(estimate, estimate.value)}{shown}"
    if estimate.low is not None and estimate.high is not None:
        text += f" ({_value(estimate, estimate.low)} to {_value(estimate, estimate.high)})"
    return f"{text}, {estimate.detail}" if estimate.detail else text


def _value(estimate: Estimate, value: float) -> str:
    """One of an estimate's values, in the unit that suits the estimate."""
    unit = estimate.unit.partition("/")[0]
    if unit in _SCALED:
        return _number(convert(value, unit, suit_unit(estimate.value, unit)))
    if unit in _LARGE:
        for size, suffix in _SUFFIXES:
            if value >= size:
                return f"{_number(value / size)}{suffix}"
    if estimate.name.partition("{")[0] in _SHARES:
        return f"{_number(value * 100)}%"
    return _number(value)


def _number(value: float) -> str:
    """Three significant digits, thousands in commas."""
    rounded = float(f"{value:.{_DIGITS}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 or rounded.is_integer() else f"{rounded:g}"
