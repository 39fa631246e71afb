from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcode.api import Fact, Problem
from bigcode.cards.format import (
    convert,
    format_fact,
    format_given,
    format_number,
    format_plain,
    format_quantity,
    format_share,
    format_size_category,
    name_unit,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (-4, "−4"),
        (12.0, "12"),
        (1.2, "1.2"),
        (3.14159, "3.14"),
        (0.001234, "0.00123"),
        (32216.4, "32,216"),
        (999.96, "1,000"),
        (0.00004321, "4.32 × 10⁻⁵"),
        (5.4e13, "5.4 × 10¹³"),
        (float("nan"), "not a number"),
    ],
)
def test_whole_numbers_print_in_full_and_others_to_three_digits(value: float, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (61203944, "B", "61.2 MB"),
        (512, "B", "512 B"),
        (93.07, "s", "1.55 minutes"),
        (30, "s", "30 seconds"),
        (90 * 86400, "s", "90 days"),
        (0.00403, "kWh", "4.03 Wh"),
        (16680, "kgCO2e", "16.7 t CO₂e"),
        (1, "file", "1 file"),
        (13482, "file", "13,482 files"),
        (2, "person", "2 people"),
        (1.638, "bit/B", "1.64 bits per byte"),
        (0.029, "kgCO2e/kWh", "0.029 kg CO₂e/kWh"),
        (0.0517, "device*h", "0.0517 device hours"),
        (12.5, "%", "12.5%"),
        (1.2, "1", "1.2"),
        (5.4356e13, "FLOP", "5.44 × 10¹³ FLOP"),
    ],
)
def test_a_quantity_prints_in_the_unit_that_suits_it(value: float, unit: str, text: str) -> None:
    assert format_quantity(value, unit) == text


def test_a_unit_that_is_asked_for_is_kept() -> None:
    assert format_quantity(61203944, "B", to="kB", digits=1) == "61,203.9 kB"
    assert format_quantity(0.713, "1", to="%", digits=1) == "71.3%"


def test_a_unit_of_another_kind_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        format_quantity(3, "file", to="MB")
    assert caught.value.diagnostics[0].code == "E603"


def test_numbers_for_machines_have_no_separators_and_no_exponent() -> None:
    assert format_plain(1234567) == "1234567"
    assert format_plain(0.0000123456789) == "0.0000123457"


def test_a_value_prints_as_somebody_gave_it() -> None:
    assert format_given(89671.68, "kWh") == "89,671.68 kWh"
    assert format_given(0.0006) == "0.0006"
    assert format_fact(Fact("x", 6.4, "TB", kind="declared")) == "6.4 TB"


def test_a_small_share_is_not_called_zero() -> None:
    assert format_share(2 / 13482) == "< 0.1%"
    assert format_share(0.0) == "0.0%"
    assert format_share(0.603) == "60.3%"


def test_an_estimate_prints_with_its_interval() -> None:
    fact = Fact("x", 12.3, "kWh", kind="estimated", interval=(10.0, 14.5), method="sampling")
    assert format_fact(fact) == "≈ 12.3 kWh (10 to 14.5)"


def test_nothing_recorded_and_nothing_to_tell_are_told_apart() -> None:
    assert format_fact(None) == "not measured"
    assert format_fact(Fact("x", None)) == "not measured"
    assert format_fact(Fact("x", None, "person", withheld=True)) == "withheld"


@pytest.mark.parametrize(
    ("rows", "category"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (10**6, "1M<n<10M"),
        (5 * 10**11, "100B<n<1T"),
        (10**12, "n>1T"),
    ],
)
def test_size_categories_are_those_of_the_hub(rows: int, category: str) -> None:
    assert format_size_category(rows) == category


@given(st.integers(-(10**15), 10**15))
def test_a_whole_number_reads_back(value: int) -> None:
    assert int(format_number(value).replace(",", "").replace("−", "-")) == value


@given(st.floats(1e-6, 1e9), st.sampled_from([("B", "GiB"), ("s", "d"), ("kWh", "J"), ("W", "kW")]))
def test_there_and_back_is_the_same_value(value: float, units: tuple[str, str]) -> None:
    a, b = units
    assert convert(convert(value, a, b), b, a) == pytest.approx(value)


def test_symbols_stand_where_words_would_mislead() -> None:
    assert name_unit("W", 2) == "W"
    assert name_unit("kgCO2e", 1) == "kg CO₂e"
