"""Derived facts whose value is what their formula gives in the unit that they declare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from string import ascii_letters

from bigcode.api import Fact, parse_unit


@dataclass(frozen=True, slots=True)
class Amount:
    """A fact with a number in it."""

    fact: Fact

    @property
    def base(self) -> float:
        """The value in base units."""
        if not isinstance(self.fact.value, int | float):
            raise ValueError(f"{self.fact.id} holds no number")
        return self.fact.value * parse_unit(self.fact.unit).scale


def product(name: str, label: str, unit: str, factors: Mapping[str, Amount]) -> Amount:
    """The product of `factors`, named by the letters of the formula.

    Raises:
        ValueError: when the units of the factors do not combine to `unit`.
    """
    letters = sorted(factors)
    powers: dict[str, int] = {}
    for letter in letters:
        for dimension, power in parse_unit(factors[letter].fact.unit).dims:
            powers[dimension] = powers.get(dimension, 0) + power
    found = tuple(sorted((dimension, power) for dimension, power in powers.items() if power))
    if found != parse_unit(unit).dims:
        raise ValueError(f"{name}: the units of {' * '.join(letters)} do not combine to {unit}")
    value = prod(factors[letter].base for letter in letters) / parse_unit(unit).scale
    return _derive(name, label, unit, value, " * ".join(letters), factors)


def total(name: str, label: str, unit: str, parts: Sequence[Amount]) -> Amount:
    """The sum of up to fifty-two parts.

    Raises:
        ValueError: for more parts than there are letters, or for a part of another dimension than `unit`.
    """
    for part in parts:
        if parse_unit(part.fact.unit).dims != parse_unit(unit).dims:
            raise ValueError(f"{name}: {part.fact.id} is not measured in {unit}")
    terms = dict(zip(ascii_letters, parts, strict=False))
    if len(terms) < len(parts):
        raise ValueError(f"{name}: {len(parts)} parts are more than a formula can name")
    value = sum(part.base for part in parts) / parse_unit(unit).scale
    return _derive(name, label, unit, value, " + ".join(terms), terms)


def _derive(
    name: str, label: str, unit: str, value: float, formula: str, terms: Mapping[str, Amount]
) -> Amount:
    named = tuple(sorted((letter, amount.fact.id) for letter, amount in terms.items()))
    return Amount(Fact(name, value, unit, "derived", label, formula=formula, terms=named))
