"""How like two byte strings are, for many pairs at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def edit_similarity(left: Sequence[bytes], right: Sequence[bytes]) -> NDArray[np.float64]:
    """1 - distance / length of the longer, by pair; 1.0 for two empty strings. The distance is Levenshtein's (1966)
    over bytes.

    One row of the table is computed for all pairs at a time; the run of insertions in a row is a running minimum.
    """
    table_left, sizes_left = _padded(left)
    table_right, sizes_right = _padded(right)
    pairs, width = table_right.shape
    steps = np.arange(width + 1)
    row = np.broadcast_to(steps, (pairs, width + 1)).copy()
    ends = np.where(sizes_left == 0, sizes_right, 0)
    everyone = np.arange(pairs)
    for step in range(table_left.shape[1]):
        unlike = table_right != table_left[:, step : step + 1]
        changed = np.empty_like(row)
        changed[:, 0] = step + 1
        changed[:, 1:] = np.minimum(row[:, :-1] + unlike, row[:, 1:] + 1)
        row = np.minimum.accumulate(changed - steps, axis=1) + steps
        done = sizes_left == step + 1
        ends[done] = row[everyone[done], sizes_right[done]]
    longest = np.maximum(sizes_left, sizes_right)
    similar: NDArray[np.float64] = 1 - ends / np.maximum(longest, 1)
    return similar


def longest_common(left: Sequence[bytes], right: Sequence[bytes]) -> NDArray[np.int64]:
    """Bytes of the longest string that stands in both, by pair."""
    table_left, sizes_left = _padded(left)
    table_right, sizes_right = _padded(right)
    pairs, width = table_right.shape
    inside = np.arange(width) < sizes_right[:, None]
    run = np.zeros((pairs, width + 1), np.int64)
    best = np.zeros(pairs, np.int64)
    for step in range(table_left.shape[1]):
        same = (table_right == table_left[:, step : step + 1]) & inside & (step < sizes_left)[:, None]
        run[:, 1:] = np.where(same, run[:, :-1] + 1, 0)
        best = np.maximum(best, run.max(axis=1))
    return best


def _padded(texts: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    sizes = np.array([len(text) for text in texts], np.int64)
    width = int(sizes.max()) if len(sizes) else 0
    table = np.zeros((len(texts), width), np.uint8)
    for index, text in enumerate(texts):
        table[index, : len(text)] = np.frombuffer(text, np.uint8)
    return table, sizes
