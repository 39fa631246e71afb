"""Intervals that cover what they should, and likeness of strings."""

from __future__ import annotations

import difflib

import numpy as np
import pytest

from bigcode_evals.intervals import difference, exposure, interval_of_ratio, rate_facts, wilson
from bigcode_evals.likeness import edit_similarity, longest_common


def test_wilson_gives_the_published_values_and_stays_between_zero_and_one() -> None:
    # Newcombe 1998, table I: 81 of 263, and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(20, 20)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_interval_of_a_difference_is_newcombes() -> None:
    # Newcombe 1998, table II, method 10: 56/70 - 48/80.
    low, high = difference(56 / 70, wilson(56, 70), 48 / 80, wilson(48, 80))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_a_ratio_is_drawn_by_member_and_needs_two_of_them() -> None:
    assert interval_of_ratio([1.0], [2.0], 0.95, 200, 0) is None
    assert interval_of_ratio([2.0, 4.0, 6.0], [1.0, 2.0, 3.0], 0.95, 200, 0) == pytest.approx((2.0, 2.0))
    low, high = interval_of_ratio([1.0, 9.0, 5.0, 5.0], [1.0, 1.0, 1.0, 1.0], 0.95, 2000, 0)  # type: ignore[misc]
    assert 1.0 <= low < 5.0 < high <= 9.0
    assert interval_of_ratio([1.0, 9.0], [1.0, 1.0], 0.95, 200, 1) == interval_of_ratio(
        [1.0, 9.0], [1.0, 1.0], 0.95, 200, 1
    )


def test_a_rate_is_two_counts_and_an_estimate_and_no_rate_of_nothing() -> None:
    asked, found, rate = rate_facts("leaks", 3, 12, "document", "Texts", "drawn", "{way=asked}")
    assert (asked.value, found.value, rate.value, rate.kind) == (12, 3, 0.25, "estimated")
    assert rate.interval == pytest.approx(wilson(3, 12), abs=1e-6)
    assert [f.id for f in rate_facts("leaks", 0, 0, "document", "Texts", "drawn")] == [
        "leaks.asked",
        "leaks.found",
    ]


def test_a_canary_in_front_of_all_is_exposed_and_the_last_is_not() -> None:
    assert exposure(1, 1023) == 10.0
    assert exposure(1024, 1023) == 0.0


def test_edit_similarity_is_one_less_the_share_of_edits() -> None:
    left = [b"kitten", b"", b"", b"same", b"abc", b"flaw"]
    right = [b"sitting", b"", b"xy", b"same", b"", b"lawn"]
    assert edit_similarity(left, right) == pytest.approx([1 - 3 / 7, 1.0, 0.0, 1.0, 0.0, 0.5])


def test_likeness_agrees_with_a_plain_reckoning() -> None:
    rng = np.random.default_rng(0)
    pairs = [
        tuple(bytes(rng.integers(97, 100, rng.integers(0, 24)).tolist()) for _ in range(2)) for _ in range(60)
    ]
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    for (a, b), similar, common in zip(
        pairs, edit_similarity(left, right), longest_common(left, right), strict=True
    ):
        assert similar == pytest.approx(1 - _distance(a, b) / max(len(a), len(b), 1))
        match = difflib.SequenceMatcher(None, a, b, autojunk=False).find_longest_match()
        assert common == match.size


def _distance(left: bytes, right: bytes) -> int:
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        last, row[0] = row[0], i
        for j, b in enumerate(right, start=1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]
