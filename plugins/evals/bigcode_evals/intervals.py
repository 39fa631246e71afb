"""Intervals of shares and of ratios, and the facts that carry them."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2, sqrt
from statistics import NormalDist

import numpy as np

from bigcode.api import Fact

Interval = tuple[float, float]


def wilson(found: int, asked: int, confidence: float = 0.95) -> Interval:
    """The score interval of a share (Wilson 1927); all from zero to one where nothing was asked."""
    if not asked:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = found / asked, z * z / asked
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / asked + spread / (4 * asked))
    return (max(0.0, middle - half) if found else 0.0), (min(1.0, middle + half) if found < asked else 1.0)


def difference(left: float, of_left: Interval, right: float, of_right: Interval) -> Interval:
    """The interval of left - right from the intervals of both, which need not be symmetric; they are independent.

    Source: Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10, in the
    general form of Zou and Donner 2008.
    """
    gap = left - right
    low = gap - sqrt((left - of_left[0]) ** 2 + (of_right[1] - right) ** 2)
    high = gap + sqrt((of_left[1] - left) ** 2 + (right - of_right[0]) ** 2)
    return low, high


def interval_of_ratio(
    above: Sequence[float], below: Sequence[float], confidence: float, draws: int, seed: int
) -> Interval | None:
    """Percentile bootstrap (Efron 1979) of sum(above) / sum(below) over the members; None where there is only one."""
    count = len(above)
    if count < 2:
        return None
    picks = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    ratios = (picks @ np.asarray(above, np.float64)) / np.maximum(
        picks @ np.asarray(below, np.float64), 1e-12
    )
    low, high = np.quantile(ratios, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def rate_facts(
    name: str,
    found: int,
    asked: int,
    unit: str,
    label: str,
    method: str,
    group: str = "",
    confidence: float = 0.95,
    inputs: tuple[str, ...] = (),
) -> Sequence[Fact]:
    """`NAME.asked` and `NAME.found` as counts, and `NAME` as a share with its interval, where anything was asked."""
    facts = [
        Fact(f"{name}.asked{group}", asked, unit, label=f"{label}: asked", inputs=inputs, method=method),
        Fact(f"{name}.found{group}", found, unit, label=f"{label}: found", inputs=inputs, method=method),
    ]
    if asked:
        low, high = wilson(found, asked, confidence)
        facts.append(
            Fact(
                f"{name}{group}",
                found / asked,
                kind="estimated",
                label=label,
                method=f"{method}; interval after Wilson",
                interval=(round(low, 6), round(high, 6)),
                inputs=inputs,
            )
        )
    return facts


def exposure(rank: int, candidates: int) -> float:
    """log2 of how far up a canary ranks among itself and `candidates` others, in bits: zero for the last.

    Source: Carlini et al. 2019, "The Secret Sharer", the estimate by sampling; it cannot be over
    log2(candidates + 1).
    """
    return log2((candidates + 1) / rank)
