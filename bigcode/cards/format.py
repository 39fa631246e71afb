"""How a number looks on a card: thousands in commas, sizes and times in a unit that suits them, shares in percent."""

from __future__ import annotations

import math
import unicodedata
from decimal import Decimal

from bigcode.api import Fact, fail, parse_unit

ABSENT = "not measured"
WITHHELD = "withheld"

_SIGNIFICANT = 3
_FAMILIES: tuple[tuple[tuple[str, float], ...], ...] = (
    (("B", 0), ("kB", 1), ("MB", 1), ("GB", 1), ("TB", 1)),
    (("s", 0), ("min", 1.5), ("h", 1.5), ("d", 2)),
    (("Wh", 0), ("kWh", 1), ("MWh", 1)),
    (("gCO2e", 0), ("kgCO2e", 1), ("tCO2e", 1)),
    (("W", 0), ("kW", 1)),
)
"""Units that stand in for one another, each with the value from which on it is used."""

_SYMBOLS = {"gCO2e": "g CO₂e", "kgCO2e": "kg CO₂e", "tCO2e": "t CO₂e", "1": "", "text": "", "date": ""}
_WORDS: dict[str, tuple[str, str]] = {
    "source": ("source", "sources"),
    "file": ("file", "files"), "repository": ("repository", "repositories"), "owner": ("owner", "owners"),
    "release": ("release", "releases"), "token": ("token", "tokens"), "document": ("document", "documents"),
    "step": ("step", "steps"), "parameter": ("parameter", "parameters"), "person": ("person", "people"),
    "license": ("licence", "licences"), "language": ("language", "languages"), "finding": ("finding", "findings"),
    "line": ("line", "lines"), "cluster": ("cluster", "clusters"), "device": ("device", "devices"),
    "task": ("task", "tasks"), "nat": ("nat", "nats"), "bit": ("bit", "bits"), "B": ("byte", "bytes"),
    "s": ("second", "seconds"), "min": ("minute", "minutes"), "h": ("hour", "hours"), "d": ("day", "days"),
}  # fmt: skip
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def convert(value: float, unit: str, to: str) -> float:
    """`value` of `unit` in the unit `to`; a whole number stays whole where the unit stays.

    Raises:
        Problem: E603 when the two units do not measure the same.
    """
    if unit == to:
        return value
    have, want = parse_unit(unit), parse_unit(to)
    if have.dims != want.dims:
        raise fail("E603", f"a value in `{unit}` cannot be printed in `{to}`")
    factor: float = have.scale / want.scale if have.scale >= want.scale else want.scale / have.scale
    return value * factor if have.scale >= want.scale else value / factor


def suit_unit(value: float, unit: str) -> str:
    """The unit of the same family in which `value` reads best; `unit` itself where it belongs to none."""
    for family in _FAMILIES:
        if unit in (name for name, _ in family):
            if value == 0:
                return unit
            chosen = family[0][0]
            for name, least in family:
                if abs(convert(value, unit, name)) >= least:
                    chosen = name
            return chosen
    return unit


def format_number(value: float, digits: int | None = None) -> str:
    """A number for people: whole numbers in full, others to three significant digits, or to `digits` decimals."""
    if not math.isfinite(value):
        return "not a number"
    if digits is not None:
        return _sign(f"{value:,.{digits}f}")
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e12):
        return _sign(f"{int(value):,}")
    size = abs(value)
    if size >= 1e12 or size < 1e-3:
        return format_scientific(value)
    decimals = max(0, _SIGNIFICANT - 1 - math.floor(math.log10(size)))
    text = f"{value:,.{decimals}f}"
    return _sign(text.rstrip("0").rstrip(".") if "." in text else text)


def format_scientific(value: float) -> str:
    """`3.21 × 10¹⁵`, three significant digits."""
    mantissa, exponent = f"{value:.{_SIGNIFICANT - 1}e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{_sign(mantissa)} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def format_plain(value: float) -> str:
    """A number for machines: no separators, no exponent, floats to six significant digits."""
    return str(value) if isinstance(value, int) else f"{Decimal(f'{value:.6g}'):f}"


def format_given(value: float, unit: str = "1", *, bare: bool = False) -> str:
    """A value as somebody wrote it down: in its own unit and with all its digits."""
    number = f"{value:,}" if isinstance(value, int) else f"{Decimal(repr(value)).normalize():,f}"
    name = "" if bare else name_unit(unit, value)
    return f"{_sign(number)}%" if name == "%" else f"{_sign(number)} {name}".rstrip()


def name_unit(unit: str, value: float) -> str:
    """The unit as it follows a number: `files`, `kWh`, `tokens per second`; empty for shares and plain numbers."""
    parts = unit.split("/")
    if all(piece in _WORDS for part in parts for piece in part.split("*")) and unit != "B":
        head, *rest = [[_WORDS[piece] for piece in part.split("*")] for part in parts]
        words = [*(w[0] for w in head[:-1]), head[-1][0 if abs(value) == 1 else 1]]
        return " per ".join([" ".join(words), *(" ".join(w[0] for w in names) for names in rest)])
    return "/".join("·".join(_SYMBOLS.get(piece, piece) for piece in part.split("*")) for part in parts)


def format_quantity(
    value: float,
    unit: str = "1",
    *,
    to: str = "",
    digits: int | None = None,
    bare: bool = False,
    plain: bool = False,
) -> str:
    """A value with its unit, in `to` or in the unit that suits it; `bare` and `plain` leave the unit out.

    Raises:
        Problem: E603 when `to` does not measure the same as `unit`.
    """
    if plain:
        return format_plain(convert(value, unit, to or unit))
    shown = to or suit_unit(value, unit)
    number = convert(value, unit, shown)
    big = unit.startswith("FLOP") and abs(number) >= 1e6 and digits is None
    text = format_scientific(number) if big else format_number(number, digits)
    name = "" if bare else name_unit(shown, number)
    if name == "%":
        return f"{text}%"
    return f"{text} {name}".rstrip()


def format_fact(
    fact: Fact | None, *, unit: str = "", digits: int | None = None, bare: bool = False, plain: bool = False
) -> str:
    """The text that a card prints for a fact: `not measured` without one, `withheld` for a withheld one, and an
    estimate together with its interval.

    Raises:
        Problem: E603 when the fact does not measure what `unit` does.
    """
    if fact is None:
        return ABSENT
    if fact.withheld:
        return WITHHELD
    if fact.value is None:
        return ABSENT
    if isinstance(fact.value, str):
        return tidy(fact.value)
    if fact.kind == "declared" and not (unit or plain or digits is not None):
        return format_given(fact.value, fact.unit, bare=bare)
    if plain or fact.kind != "estimated":
        return format_quantity(fact.value, fact.unit, to=unit, digits=digits, bare=bare, plain=plain)
    shown = unit or suit_unit(fact.value, fact.unit)
    text = "≈ " + format_quantity(fact.value, fact.unit, to=shown, digits=digits, bare=bare)
    if fact.interval is None:
        return text
    low, high = (
        format_quantity(bound, fact.unit, to=shown, digits=digits, bare=shown != "%")
        for bound in fact.interval
    )
    return f"{text} ({low} to {high})"


def format_share(share: float, digits: int = 1) -> str:
    """A share in percent; one too small to show is below the least that shows, not zero."""
    least = 10.0**-digits
    if 0 < share * 100 < least / 2:
        return f"< {least:.{digits}f}%"
    return f"{format_number(share * 100, digits)}%"


def format_size_category(value: float) -> str:
    """The size class that dataset hubs file a number of rows under, for example `1K<n<10K`."""
    bounds = [(1000 * 10**power, f"{10 ** (power % 3)}{'KMB'[power // 3]}") for power in range(9)]
    bounds.append((10**12, "1T"))
    below = ""
    for bound, name in bounds:
        if value < bound:
            return f"{below}<n<{name}" if below else f"n<{name}"
        below = name
    return f"n>{below}"


def tidy(text: str) -> str:
    """Text on one line, so that it fits a table cell, without control, direction and private-use characters."""
    return " ".join("".join(" " if _is_hidden(char) else char for char in text).split())


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Co", "Cs") or char in _DIRECTIONS


def _sign(text: str) -> str:
    return text.replace("-", "−")
