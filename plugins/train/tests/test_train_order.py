"""The order of data: a permutation that is computed, not kept."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bigcode_train.order import Permutation, make_key


@given(size=st.integers(1, 5000), seed=st.integers(0, 2**32))
def test_every_number_comes_exactly_once(size: int, seed: int) -> None:
    images = Permutation(size, make_key(seed, 0, "documents"))(np.arange(size))
    assert np.array_equal(np.sort(images), np.arange(size))


def test_any_part_can_be_computed_alone() -> None:
    permutation = Permutation(1_000_003, make_key(3, 1, "rows"))
    assert np.array_equal(permutation(np.arange(500, 600)), permutation(np.arange(1000))[500:600])


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
