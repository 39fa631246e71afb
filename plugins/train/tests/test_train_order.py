"""The order of data: a permutation that is computed, not kept; draws that need no state."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bigcode_train.order.permutation import Permutation, draw, draw_one, make_key


@given(size=st.integers(1, 5000), seed=st.integers(0, 2**32))
def test_every_number_comes_exactly_once(size: int, seed: int) -> None:
    images = Permutation(size, make_key(seed, 0, "documents"))(np.arange(size))
    assert np.array_equal(np.sort(images), np.arange(size))


def test_any_part_can_be_computed_alone() -> None:
    permutation = Permutation(1_000_003, make_key(3, 1, "rows"))
    assert np.array_equal(permutation(np.arange(500, 600)), permutation(np.arange(1000))[500:600])


def test_a_large_permutation_is_one() -> None:
    images = Permutation(1_000_003, make_key(3, 1, "rows"))(np.arange(1_000_003))
    assert np.bincount(images, minlength=1_000_003).max() == 1


def test_seed_epoch_and_purpose_each_change_the_order() -> None:
    keys = [
        make_key(*parts) for parts in ((0, 0, "rows"), (1, 0, "rows"), (0, 1, "rows"), (0, 0, "documents"))
    ]
    orders = {tuple(Permutation(100, key)(np.arange(100)).tolist()) for key in keys}
    assert len(orders) == 4


def test_neighbours_are_scattered() -> None:
    images = Permutation(4096, make_key(0, 0, "rows"))(np.arange(4096))
    assert abs(np.corrcoef(np.arange(4096), images)[0, 1]) < 0.05
    assert np.mean(np.abs(np.diff(images)) > 100) > 0.9


def test_the_order_is_the_same_on_every_machine() -> None:
    assert Permutation(10, make_key(0, 0, "rows"))(np.arange(10)).tolist() == [0, 6, 3, 1, 2, 9, 7, 5, 4, 8]
    assert [round(x, 6) for x in draw_one(make_key(0), 2, 5, 7)] == [0.480413, 0.659168]


@given(
    rows=st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**40)), min_size=1, max_size=20),
    seed=st.integers(0, 1000),
    count=st.integers(1, 4),
)
def test_a_draw_follows_from_its_key_and_its_row_alone(
    rows: list[tuple[int, int]], seed: int, count: int
) -> None:
    key = make_key(seed, "fim")
    drawn = draw(key, count, *np.array(rows, np.int64).T)
    assert drawn.shape == (len(rows), count)
    assert drawn.tolist() == [draw_one(key, count, *row) for row in rows]
    assert ((drawn >= 0) & (drawn < 1)).all()


def test_draws_are_even_and_do_not_go_together() -> None:
    drawn = draw(make_key(1, "fim"), 3, np.arange(20_000), np.zeros(20_000, np.int64))
    assert np.abs(drawn.mean(axis=0) - 0.5).max() < 0.01
    assert np.abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 0.03
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 0.03
