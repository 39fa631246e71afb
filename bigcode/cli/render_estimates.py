"""Estimates as lines for a person: by resource, with their ranges, and each method once."""

from __future__ import annotations

from collections.abc import Sequence

from bigcode.cards.format import convert, suit_unit
from bigcode.plan.estimates import Estimate

_DIGITS = 3
_SCALED = ("B", "Wh", "kWh", "gCO2e", "kgCO2e")
_COUNTED = ("core-hour", "file", "object", "step", "task", "token")


def estimate_lines(estimates: Sequence[Estimate]) -> list[str]:
    """The section `Estimated cost`."""
    methods = {method: number for number, method in enumerate(dict.fromkeys(e.method for e in estimates), 1)}
    lines = ["Estimated cost"]
    subject = ""
    for estimate in estimates:
        if estimate.subject != subject:
            subject = estimate.subject
            lines.append(f"  {subject}")
        lines.append(f"    {estimate.name:<12} {_told(estimate)} [{methods[estimate.method]}]")
    return [*lines, *(f"  [{number}] {method}" for method, number in methods.items())]


def _told(estimate: Estimate) -> str:
    unit = suit_unit(estimate.value, estimate.unit) if estimate.unit in _SCALED else estimate.unit

    def shown(value: float) -> str:
        return _number(convert(value, estimate.unit, unit))

    many = unit in _COUNTED and shown(estimate.value) != "1"
    text = f"{shown(estimate.value)} {unit}{'s' if many else ''}"
    if estimate.low is not None and estimate.high is not None:
        text += f" ({shown(estimate.low)} to {shown(estimate.high)})"
    return f"{text}, {estimate.detail}" if estimate.detail else text


def _number(value: float) -> str:
    """Three significant digits, thousands in commas."""
    rounded = float(f"{value:.{_DIGITS}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 or rounded.is_integer() else f"{rounded:g}"
