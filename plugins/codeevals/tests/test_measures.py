"""pass@k, BLEU, and their intervals."""

from __future__ import annotations

from math import comb

import pytest

from bigcode_codeevals.measures import corpus_bleu, interval_of_mean, pass_at_k, smoothed_bleu


def test_pass_at_k_is_the_share_of_draws_that_hold_a_right_one() -> None:
    for n in range(1, 9):
        for right in range(n + 1):
            for k in range(1, n + 1):
                expected = 1 - comb(n - right, k) / comb(n, k)
                assert pass_at_k(n, right, k) == pytest.approx(expected, abs=1e-12)


def test_large_counts_do_not_overflow() -> None:
    assert pass_at_k(200, 3, 100) == pytest.approx(1 - comb(197, 100) / comb(200, 100))


@pytest.mark.parametrize(("n", "right", "k"), [(1, 0, 2), (5, 6, 1), (5, 1, 0), (5, -1, 1)])
def test_there_is_no_estimate_for_more_draws_than_samples(n: int, right: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@"):
        pass_at_k(n, right, k)


def test_the_interval_holds_the_mean_and_narrows_with_tasks() -> None:
    few = interval_of_mean([0.0, 1.0] * 10, 0.95, 2000, 0)
    many = interval_of_mean([0.0, 1.0] * 1000, 0.95, 2000, 0)
    assert few[0] < 0.5 < few[1]
    assert many[1] - many[0] < (few[1] - few[0]) / 5
    assert few == interval_of_mean([0.0, 1.0] * 10, 0.95, 2000, 0)
    # The binomial deviation at one half of twenty is 0.112, so that 95 % lie within about 0.22.
    assert few[0] == pytest.approx(0.28, abs=0.04)


def test_bleu_of_the_reference_is_one_and_of_nothing_zero() -> None:
    words = ["returns", "the", "sum", "of", "two", "numbers"]
    assert smoothed_bleu(words, words) == pytest.approx(1)
    assert corpus_bleu([(words, words)]) == pytest.approx(1)
    assert smoothed_bleu([], words) == corpus_bleu([([], words)]) == 0
    assert smoothed_bleu(["a", "b", "c", "d"], words) == 0


def test_bleu_by_hand() -> None:
    given, reference = ["the", "cat", "sat"], ["the", "cat", "sat", "down"]
    # Precisions 3/3, 3/3, 2/2 and 1/1 with one added from bigrams on; the text is short by one in three.
    assert smoothed_bleu(given, reference) == pytest.approx(2.718281828 ** (1 - 4 / 3))
    assert corpus_bleu([(["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "x"])]) == pytest.approx(
        (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    )
