"""Published scaling laws: what they were published with, and what must hold of any."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcode.plan.scaling import (
    FITS,
    Fit,
    equal_loss,
    more_tokens,
    optimum,
    overhead,
    smallest_share,
    spread,
)

BY_NAME = {fit.name: fit for fit in FITS}
COMPUTE = 5.76e23
"""Operations of Gopher and Chinchilla."""


def test_the_notebook_of_bigcode_prints_these_digits() -> None:
    fit = BY_NAME["bigcode"]
    assert more_tokens(fit, 0.5) == pytest.approx(2.4156451150039597, rel=1e-14)
    assert 1 + overhead(fit, 0.5) == pytest.approx(1.2078225575, rel=1e-10)


@pytest.mark.parametrize(("share", "percent"), [(0.5, 20), (0.3, 105), (0.25, 188)])
def test_the_text_beside_it_rounds_them(share: float, percent: float) -> None:
    assert 100 * overhead(BY_NAME["bigcode"], share) == pytest.approx(percent, abs=1)


@pytest.mark.parametrize(
    ("name", "size", "tokens", "share", "percents"),
    [
        ("hoffmann-rounded", 32.2e9, 2.98e12, 0.097, (3, 21, 44, 106, 189)),
        ("hoffmann", 40.3e9, 2.38e12, 0.099, (3, 21, 44, 108, 193)),
        ("bigcode", None, None, 0.097, (3, 21, 44, 106, 189)),
        ("besiroglu", 72.3e9, 1.33e12, 0.146, (3, 26, 58, 161, 347)),
    ],
)
def test_each_fit_has_its_own_optimum_and_overheads(
    name: str, size: float | None, tokens: float | None, share: float, percents: tuple[int, ...]
) -> None:
    fit = BY_NAME[name]
    best = optimum(fit, COMPUTE)
    if size is not None and tokens is not None:
        assert best.parameters == pytest.approx(size, rel=0.002)
        assert best.tokens == pytest.approx(tokens, rel=0.002)
    assert smallest_share(fit) == pytest.approx(share, abs=0.0006)
    got = [100 * overhead(fit, k) for k in (0.75, 0.5, 0.4, 0.3, 0.25)]
    assert got == pytest.approx(list(percents), abs=1)


def test_llama_7b_on_a_trillion_tokens() -> None:
    """De Vries 2023: its optimum of equal loss is 57 % larger or so, and it spends 12 % more than that."""
    paid = 6 * 6.7e9 * 1e12
    best = equal_loss(BY_NAME["bigcode"], 6.7e9, 1e12)
    assert 6.7e9 / best.parameters == pytest.approx(0.57, abs=0.02)
    assert paid / best.operations - 1 == pytest.approx(0.12, abs=0.02)


FIT = st.sampled_from(FITS)
SIZE = st.floats(1e7, 1e12)
TOKENS = st.floats(1e9, 1e14)


@given(FIT, st.floats(1e17, 1e27), st.floats(0.2, 5))
def test_no_other_size_has_less_loss_at_the_same_cost(fit: Fit, compute: float, factor: float) -> None:
    best = optimum(fit, compute)
    assert best.operations == pytest.approx(compute)
    other = fit.loss(best.parameters * factor, best.tokens / factor)
    assert other >= fit.loss(best.parameters, best.tokens) * (1 - 1e-12)


@given(FIT, SIZE, TOKENS)
def test_the_optimum_of_equal_loss_has_that_loss_and_costs_no_more(
    fit: Fit, size: float, tokens: float
) -> None:
    best = equal_loss(fit, size, tokens)
    assert fit.loss(best.parameters, best.tokens) == pytest.approx(fit.loss(size, tokens))
    assert best.operations <= 6 * size * tokens * (1 + 1e-9)
    again = optimum(fit, best.operations)
    assert again.parameters == pytest.approx(best.parameters)


@given(FIT, st.floats(0.16, 1.0))
def test_a_smaller_model_takes_more_tokens_to_the_same_loss_whatever_the_budget(
    fit: Fit, share: float
) -> None:
    best = optimum(fit, COMPUTE)
    loss = fit.loss(best.parameters * share, best.tokens * more_tokens(fit, share))
    assert loss == pytest.approx(fit.loss(best.parameters, best.tokens))
    assert overhead(fit, share) >= -1e-12


@given(FIT)
def test_below_the_smallest_share_no_tokens_are_enough(fit: Fit) -> None:
    assert more_tokens(fit, smallest_share(fit) * 0.999) == math.inf
    assert more_tokens(fit, smallest_share(fit) * 1.001) < math.inf


def test_a_band_stands_where_standard_errors_are_published() -> None:
    def size(fit: Fit) -> float:
        return optimum(fit, COMPUTE).parameters

    assert spread(BY_NAME["hoffmann"], size) is None
    band = spread(BY_NAME["besiroglu"], size)
    assert band is not None
    assert band[0] < size(BY_NAME["besiroglu"]) < band[1]
