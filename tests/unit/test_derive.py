"""Formulas of derived facts: recomputed by anybody, from values that may be anybody's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcode.api.facts import Fact
from bigcode.api.units import parse_unit
from bigcode.evidence.derive import FormulaError, Quantity, evaluate, recompute

FACTS = {
    fact.id: fact
    for fact in (
        Fact("kept", 30, "file"),
        Fact("all", 40, "file"),
        Fact("power", 280, "W"),
        Fact("time", 2.0, "h"),
        Fact("intensity", 0.4, "kgCO2e/kWh"),
        Fact("tokens", 1000, "token"),
        Fact("nothing", 0, "file"),
        Fact("name", "tiny", "text"),
        Fact("unknown", None, "file"),
        Fact("strange", 1, "parsec"),
        Fact("endless", 10**400, "MiB"),
        Fact("yes", True, "1"),
    )
}


def derived(value: Any, unit: str, formula: str, tolerance: float = 0.0, **terms: str) -> list[str]:
    """Codes of what is found in a fact with this formula."""
    fact = Fact(
        "it", value, unit, "derived", formula=formula, terms=tuple(terms.items()), tolerance=tolerance
    )
    return [d.code for d in recompute(fact, FACTS)]


@pytest.mark.parametrize(
    ("value", "unit", "formula", "terms"),
    [
        (0.75, "1", "a / b", {"a": "kept", "b": "all"}),
        (75, "%", "a / b", {"a": "kept", "b": "all"}),
        (10, "file", "b - a", {"a": "kept", "b": "all"}),
        (70, "file", "(a + b)", {"a": "kept", "b": "all"}),
        (0.56, "kWh", "p * t", {"p": "power", "t": "time"}),
        (224.0, "gCO2e", "p * t * i", {"p": "power", "t": "time", "i": "intensity"}),
        (500, "token/h", "n / t", {"n": "tokens", "t": "time"}),
    ],
)
def test_a_value_that_recomputes(value: float, unit: str, formula: str, terms: dict[str, str]) -> None:
    assert derived(value, unit, formula, **terms) == []


@pytest.mark.parametrize(
    ("value", "unit", "formula", "terms", "code"),
    [
        (0.76, "1", "a / b", {"a": "kept", "b": "all"}, "E602"),
        (None, "1", "a / b", {"a": "kept", "b": "all"}, "E602"),
        ("many", "1", "a / b", {"a": "kept", "b": "all"}, "E602"),
        (float("nan"), "1", "a / b", {"a": "kept", "b": "all"}, "E602"),
        (10**400, "1", "a / b", {"a": "kept", "b": "all"}, "E602"),
        (1, "1", "a", {"a": "name"}, "E602"),
        (1, "1", "a", {"a": "unknown"}, "E602"),
        (1, "1", "a", {"a": "yes"}, "E602"),
        (1, "1", "a", {"a": "gone"}, "E613"),
        (0.75, "file", "a / b", {"a": "kept", "b": "all"}, "E603"),
        (30, "token", "a", {"a": "kept"}, "E603"),
        (1, "1", "a + b", {"a": "kept", "b": "tokens"}, "E603"),
        (1, "1", "a / b", {"a": "kept", "b": "nothing"}, "E603"),
        (1, "parsec", "a", {"a": "kept"}, "E603"),
        (1, "1", "a", {"a": "strange"}, "E603"),
        (1, "B", "a * a", {"a": "endless"}, "E603"),
    ],
)
def test_a_value_that_does_not(value: Any, unit: str, formula: str, terms: dict[str, str], code: str) -> None:
    assert derived(value, unit, formula, **terms) == [code]


def test_a_tolerance_is_relative_and_declared() -> None:
    assert derived(0.7501, "1", "a / b", a="kept", b="all") == ["E602"]
    assert derived(0.7501, "1", "a / b", 1e-3, a="kept", b="all") == []


@pytest.mark.parametrize(
    "formula",
    [
        "", "a +", "a ** a", "a // a", "a % a", "-a", "f(a)", "a.b", "a[0]", "2 * a", "'a'", "a if a else a",
        "a == a", "lambda: a",
        "__import__('os')", "a\0", "a;a", "a\na", "b", "(" * 500 + "a" + ")" * 500, "+".join(["a"] * 5000),
    ],
)  # fmt: skip
def test_only_the_four_operations_over_terms_are_read(formula: str) -> None:
    with pytest.raises(FormulaError):
        evaluate(formula, {"a": Quantity(1.0, parse_unit("1"))})
    assert derived(1, "1", formula, a="kept") == ["E603"]


NUMBERS = st.floats(min_value=1e-3, max_value=1e6)


@given(a=NUMBERS, b=NUMBERS, c=NUMBERS)
def test_a_formula_gives_what_arithmetic_gives(a: float, b: float, c: float) -> None:
    one = parse_unit("1")
    terms = {name: Quantity(value, one) for name, value in (("a", a), ("b", b), ("c", c))}
    assert evaluate("(a + b) * c / a - b", terms).base == (a + b) * c / a - b


@given(text=st.text(max_size=60))
def test_no_formula_crashes(text: str) -> None:
    try:
        evaluate(text, {"a": Quantity(1.0, parse_unit("1"))})
    except FormulaError:
        pass
