"""A byte n-gram model with interpolated Witten-Bell smoothing.

P_n(w | h) = (c(h w) + t(h) P_{n-1}(w | h')) / (c(h) + t(h)), where c counts, t(h) is the number of distinct bytes
seen after h, h' is h without its oldest byte, and P_0 = 1/256. A context that was never seen leaves P_{n-1} as it is.

Source: Witten and Bell 1991, "The zero-frequency problem: estimating the probabilities of novel events in adaptive
text compression", method C, in the interpolated form of Chen and Goodman 1998, section 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one order: sorted n-grams with their counts, and sorted contexts with how often and how variously they
    go on. An n-gram is its bytes as a big-endian number."""

    grams: Codes
    seen: NDArray[np.int64]
    contexts: Codes
    total: NDArray[np.int64]
    kinds: NDArray[np.int64]


def count_ngrams(texts: Iterable[bytes], order: int) -> Sequence[Counts]:
    """Counts of the orders one to `order`; n-grams do not reach across texts.

    `order` is at most eight, so that an n-gram fits 64 bits. Needs about 30 bytes of memory for a byte of text.
    """
    codes = _codes(texts, order)
    grams, seen = np.unique(codes, return_counts=True)
    orders = [_contexts(grams, seen)]
    for length in range(order - 1, 0, -1):
        grams, seen = _merge(grams & _mask(length), seen)
        orders.append(_contexts(grams, seen))
    return orders[::-1]


def bits_of(texts: Iterable[bytes], orders: Sequence[Counts]) -> float:
    """Bits that the model needs for all bytes of `texts`."""
    codes = _codes(texts, len(orders))
    chance = np.full(len(codes), 1 / 256)
    for length, counts in enumerate(orders, start=1):
        grams = codes & _mask(length)
        seen = _look_up(counts.grams, counts.seen, grams)
        total = _look_up(counts.contexts, counts.total, grams >> np.uint64(8))
        kinds = _look_up(counts.contexts, counts.kinds, grams >> np.uint64(8))
        known = total > 0
        chance[known] = ((seen + kinds * chance) / np.maximum(total + kinds, 1))[known]
    return float(-np.log2(chance).sum())


def _codes(texts: Iterable[bytes], order: int) -> Codes:
    """For each byte of each text, the number of the `order` bytes that end there; zeros stand before a text."""
    pieces = []
    for text in texts:
        padded = np.frombuffer(bytes(order - 1) + text, np.uint8)
        code = np.zeros(len(text), np.uint64)
        for offset in range(order):
            code = (code << np.uint64(8)) | padded[offset : offset + len(text)]
        pieces.append(code)
    return np.concatenate(pieces) if pieces else np.zeros(0, np.uint64)


def _contexts(grams: Codes, seen: NDArray[np.int64]) -> Counts:
    contexts, first, kinds = np.unique(grams >> np.uint64(8), return_index=True, return_counts=True)
    total = np.add.reduceat(seen, first) if len(first) else seen
    return Counts(grams, seen, contexts, total, kinds)


def _merge(grams: Codes, seen: NDArray[np.int64]) -> tuple[Codes, NDArray[np.int64]]:
    order = np.argsort(grams, kind="stable")
    unique, first = np.unique(grams[order], return_index=True)
    return unique, np.add.reduceat(seen[order], first) if len(first) else seen


def _mask(length: int) -> np.uint64:
    return np.uint64((1 << (8 * length)) - 1)


def _look_up(keys: Codes, values: NDArray[np.int64], wanted: Codes) -> NDArray[np.int64]:
    """The value of each wanted key, zero where there is none."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
