"""Units of facts: a small table of dimensions and scales, enough to check sums, products and ratios.

Counts of unlike things (files, tokens, people) have dimensions of their own, so that they cannot be added.
"""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """`scale` converts a value to the base units of `dims`, a sorted tuple of (base, exponent)."""

    dims: tuple[tuple[str, int], ...]
    scale: float


_BASE: dict[str, tuple[str, float]] = {
    "file": ("file", 1), "source": ("source", 1), "repository": ("repository", 1), "owner": ("owner", 1),
    "release": ("release", 1),
    "token": ("token", 1), "document": ("document", 1), "step": ("step", 1), "parameter": ("parameter", 1),
    "person": ("person", 1), "license": ("license", 1), "language": ("language", 1), "finding": ("finding", 1),
    "line": ("line", 1), "cluster": ("cluster", 1), "device": ("device", 1), "task": ("task", 1),
    "FLOP": ("FLOP", 1), "nat": ("information", 1.0), "bit": ("information", 0.6931471805599453),
    "B": ("byte", 1), "kB": ("byte", 1e3), "MB": ("byte", 1e6), "GB": ("byte", 1e9), "TB": ("byte", 1e12),
    "KiB": ("byte", 2**10), "MiB": ("byte", 2**20), "GiB": ("byte", 2**30), "TiB": ("byte", 2**40),
    "s": ("time", 1), "min": ("time", 60), "h": ("time", 3600), "d": ("time", 86400),
    "J": ("energy", 1), "Wh": ("energy", 3.6e3), "kWh": ("energy", 3.6e6), "MWh": ("energy", 3.6e9),
    "gCO2e": ("co2e", 1e-3), "kgCO2e": ("co2e", 1), "tCO2e": ("co2e", 1e3),
    "USD": ("USD", 1), "EUR": ("EUR", 1),
}  # fmt: skip
_COMPOUND: dict[str, tuple[dict[str, int], float]] = {
    "1": ({}, 1.0), "%": ({}, 0.01), "text": ({}, 1.0), "date": ({}, 1.0),
    "W": ({"energy": 1, "time": -1}, 1.0), "kW": ({"energy": 1, "time": -1}, 1e3),
}  # fmt: skip


def parse_unit(text: str) -> Unit:
    """Read `kWh`, `kgCO2e/kWh`, `bit/B`, `token/s` or a product such as `device*h`.

    Raises:
        ValueError: when a part of the text is no known unit.
    """
    dims: dict[str, int] = {}
    scale = 1.0
    numerator, *denominators = text.split("/")
    for sign, part in ((1, numerator), *((-1, d) for d in denominators)):
        for name in part.split("*"):
            named, factor = _named(name.strip())
            scale *= factor**sign
            for base, power in named.items():
                dims[base] = dims.get(base, 0) + sign * power
    return Unit(_freeze(dims), scale)


def multiply(a: Unit, b: Unit) -> Unit:
    return _combine(a, b, 1)


def divide(a: Unit, b: Unit) -> Unit:
    return _combine(a, b, -1)


def convertible(a: Unit, b: Unit) -> bool:
    """Whether values of the two units can be added or compared."""
    return a.dims == b.dims


def _named(name: str) -> tuple[dict[str, int], float]:
    if name in _COMPOUND:
        return _COMPOUND[name]
    if name in _BASE:
        base, factor = _BASE[name]
        return {base: 1}, factor
    raise ValueError(f"unknown unit `{name}`")


def _combine(a: Unit, b: Unit, sign: int) -> Unit:
    dims = dict(a.dims)
    for base, power in b.dims:
        dims[base] = dims.get(base, 0) + sign * power
    return Unit(_freeze(dims), a.scale * b.scale**sign)


def _freeze(dims: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((base, power) for base, power in dims.items() if power))


UNITS = tuple(sorted((*_BASE, *_COMPOUND)))
