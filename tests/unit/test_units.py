"""Units of facts: what can be added, and what a product or a ratio is measured in."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcode.api.units import UNITS, Unit, convertible, divide, multiply, parse_unit

NAMES = st.sampled_from(UNITS)
COMPOUND = st.builds(
    lambda over, under: "/".join(["*".join(over), *under]),
    st.lists(NAMES, min_size=1, max_size=3),
    st.lists(NAMES, max_size=2),
)


@pytest.mark.parametrize(
    ("a", "b", "factor"),
    [
        ("MiB", "B", 2**20),
        ("d", "h", 24),
        ("kWh", "J", 3.6e6),
        ("tCO2e", "gCO2e", 1e6),
        ("bit", "nat", math.log(2)),
        ("%", "1", 0.01),
        ("kW*h", "kWh", 1),
        ("W", "J/s", 1),
        ("gCO2e/kWh", "kgCO2e/MWh", 1),
        ("token/min", "token/s", 1 / 60),
    ],
)
def test_one_unit_in_another(a: str, b: str, factor: float) -> None:
    left, right = parse_unit(a), parse_unit(b)
    assert convertible(left, right)
    assert math.isclose(left.scale / right.scale, factor, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("a", "b"),
    [("file", "token"), ("person", "owner"), ("B", "bit"), ("kWh", "kW"), ("USD", "EUR"), ("s", "1")],
)
def test_unlike_things_are_not_added(a: str, b: str) -> None:
    assert not convertible(parse_unit(a), parse_unit(b))


@pytest.mark.parametrize("text", ["", "parsec", "kwh", "B/", "/s", "file*", "B/s/parsec", "1 B"])
def test_what_is_no_unit(text: str) -> None:
    with pytest.raises(ValueError, match="unknown unit"):
        parse_unit(text)


@given(a=COMPOUND, b=COMPOUND)
def test_division_undoes_multiplication(a: str, b: str) -> None:
    one, two = parse_unit(a), parse_unit(b)
    back = divide(multiply(one, two), two)
    assert back.dims == one.dims
    assert math.isclose(back.scale, one.scale, rel_tol=1e-9)


@given(a=COMPOUND, b=COMPOUND)
def test_products_do_not_depend_on_the_order(a: str, b: str) -> None:
    assert multiply(parse_unit(a), parse_unit(b)).dims == multiply(parse_unit(b), parse_unit(a)).dims
    assert parse_unit(f"{a}*1").dims == parse_unit(a).dims if "/" not in a else True


@given(name=COMPOUND)
def test_a_ratio_of_like_things_has_no_unit(name: str) -> None:
    unit = parse_unit(name)
    assert divide(unit, unit).dims == Unit((), 1.0).dims
