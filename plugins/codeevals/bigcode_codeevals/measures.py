"""pass@k, BLEU, and intervals over tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import exp, log

import numpy as np


def pass_at_k(n: int, right: int, k: int) -> float:
    """The chance that one of `k` samples of `n`, of which `right` pass, does: without bias.

    1 - C(n - c, k) / C(n, k), as the product of Chen et al. 2021, "Evaluating Large Language Models Trained on Code".

    Raises:
        ValueError: when k is over n, for which there is no unbiased estimate.
    """
    if not 0 < k <= n or not 0 <= right <= n:
        raise ValueError(f"pass@{k} of {n} samples, {right} of them right")
    if n - right < k:
        return 1.0
    missed = 1.0
    for i in range(n - right + 1, n + 1):
        missed *= 1.0 - k / i
    return 1.0 - missed


def interval_of_mean(
    values: Sequence[float], confidence: float, draws: int, seed: int
) -> tuple[float, float]:
    """Percentile bootstrap over tasks (Efron 1979): tasks are drawn again, samples of a task are not."""
    rng = np.random.default_rng(seed)
    held = np.asarray(values, dtype=np.float64)
    means = np.empty(draws)
    for draw in range(draws):
        means[draw] = held[rng.integers(0, len(held), len(held))].mean()
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def smoothed_bleu(given: Sequence[str], reference: Sequence[str], order: int = 4) -> float:
    """Sentence BLEU with one added to the counts from bigrams on.

    Source: Lin and Och 2004, "ORANGE", section 4; the measure that CodeXGLUE names for summaries.
    """
    if not given:
        return 0.0
    total = 0.0
    for n in range(1, order + 1):
        mine, theirs = _grams(given, n), _grams(reference, n)
        found = sum(min(count, theirs[gram]) for gram, count in mine.items())
        possible = max(0, len(given) - n + 1)
        added = int(n > 1)
        if found + added == 0 or possible + added == 0:
            return 0.0
        total += log((found + added) / (possible + added)) / order
    return exp(total + min(0.0, 1 - len(reference) / len(given)))


def corpus_bleu(pairs: Sequence[tuple[Sequence[str], Sequence[str]]], order: int = 4) -> float:
    """BLEU of all pairs of given and reference words together (Papineni et al. 2002), without smoothing."""
    found, possible = [0] * order, [0] * order
    length = expected = 0
    for given, reference in pairs:
        length += len(given)
        expected += len(reference)
        for n in range(order):
            mine, theirs = _grams(given, n + 1), _grams(reference, n + 1)
            found[n] += sum(min(count, theirs[gram]) for gram, count in mine.items())
            possible[n] += max(0, len(given) - n)
    if not length or not all(found):
        return 0.0
    precision = sum(log(f / p) for f, p in zip(found, possible, strict=True)) / order
    return exp(precision + min(0.0, 1 - expected / length))


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
