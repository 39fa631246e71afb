"""The byte n-gram baseline: a proper distribution, equal to its formula written out."""

from __future__ import annotations

from collections import Counter, defaultdict
from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode_evals.ngram import bits_of, count_ngrams

small = st.lists(st.binary(max_size=12).map(lambda b: bytes(x % 4 + 97 for x in b)), max_size=6)


@settings(max_examples=30, deadline=None)
@given(train=small, text=st.binary(max_size=4), order=st.integers(1, 8))
def test_the_chances_of_all_next_bytes_sum_to_one(train: list[bytes], text: bytes, order: int) -> None:
    orders = count_ngrams(train, order)
    before = bits_of([text], orders)
    chances = [2 ** (before - bits_of([text + bytes([byte])], orders)) for byte in range(256)]
    assert sum(chances) == pytest.approx(1)


@settings(max_examples=50, deadline=None)
@given(train=small, text=small, order=st.integers(1, 6))
def test_the_bits_are_those_of_the_formula(train: list[bytes], text: list[bytes], order: int) -> None:
    expected = -sum(log2(chance) for chance in written_out(train, text, order))
    assert bits_of(text, count_ngrams(train, order)) == pytest.approx(expected, abs=1e-9)


def test_nothing_to_learn_from_leaves_eight_bits_a_byte() -> None:
    assert bits_of([b"anything", b"at all"], count_ngrams([], 5)) == pytest.approx(8 * 14)


def test_what_was_seen_often_costs_little() -> None:
    orders = count_ngrams([b"import numpy as np\n" * 400], 5)
    assert bits_of([b"import numpy as np\n"], orders) / 19 < 0.5
    assert bits_of([b"#include <stdio.h>\n"], orders) / 19 > 5


def written_out(train: list[bytes], texts: list[bytes], order: int) -> list[float]:
    """The definition in the module's docstring, in dictionaries."""
    counts: dict[bytes, Counter[int]] = defaultdict(Counter)
    for text in train:
        padded = bytes(order - 1) + text
        for place in range(order - 1, len(padded)):
            for length in range(order):
                counts[padded[place - length : place]][padded[place]] += 1
    chances = []
    for text in texts:
        padded = bytes(order - 1) + text
        for place in range(order - 1, len(padded)):
            chance = 1 / 256
            for length in range(order):
                after = counts.get(padded[place - length : place])
                if after:
                    chance = (after[padded[place]] + len(after) * chance) / (after.total() + len(after))
            chances.append(chance)
    return chances
