"""Fill-in-the-middle on token ids, without state.

A stretch of a document is cut at two places into prefix, middle and suffix, and the middle moves to the end.
PSM order is prefix, suffix, middle; SPM order is suffix, then prefix and middle joined. Sources: Bavarian et al.
2022, "Efficient training of language models to fill in the middle" (PSM, and the second variant of SPM); Li et al.
2023, "StarCoder: may the source be with you!" (rates). Whether a document is transformed depends on a key (of seed,
stage, epoch and source) and on the document; where a stretch of it is cut and in which order it is told depends also on
the place where the stretch starts. Neither resume nor the number of ranks changes it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigcode_train.order.permutation import draw, draw_one

OVERHEAD = 3
"""Control tokens that the transformation adds."""
SHORTEST = 8
"""A stretch of fewer tokens leaves nothing to fill in."""
PLAIN, PSM, SPM = 0, 1, 2
"""How a stretch is told."""


class Marks(NamedTuple):
    """Ids of the control tokens; `pad` is of use to StarCoder's packing only."""

    prefix: int
    middle: int
    suffix: int
    pad: int = -1


class Patch(NamedTuple):
    """A stretch cut into three. `head` tokens of it, then `left`, are the prefix; `right`, the tokens `start` to
    `stop`, then `before`, are the middle; `after`, then the tokens from `tail` on, are the suffix. What stands between
    tokens are ids of the words that the cuts go through, encoded anew; empty for cuts between tokens."""

    head: int
    left: NDArray[Any]
    right: NDArray[Any]
    start: int
    stop: int
    before: NDArray[Any]
    after: NDArray[Any]
    tail: int

    def growth(self, length: int) -> int:
        """Ids that the three parts have beyond the `length` tokens of the stretch."""
        kept = self.head + self.stop - self.start + length - self.tail
        return kept + len(self.left) + len(self.right) + len(self.before) + len(self.after) - length


def choose(key: bytes, documents: NDArray[np.int64], rate: float) -> NDArray[np.bool_]:
    """Whether each document is transformed."""
    return draw(key, 1, documents)[:, 0] < rate


def draw_cuts(
    key: bytes, documents: Any, starts: Any, spm_rate: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The order (`PSM` or `SPM`) of each stretch, and its two cuts as parts of its length: float64 [n, 2], sorted."""
    words = draw(key, 3, documents, starts)
    orders = np.where(words[:, 0] < spm_rate, SPM, PSM)
    return orders, np.sort(words[:, 1:], axis=1)


def draw_cuts_of_one(key: bytes, document: int, start: int) -> tuple[float, float]:
    """The cuts that `draw_cuts` gives for one stretch."""
    _, first, second = draw_one(key, 3, document, start)
    return (first, second) if first <= second else (second, first)


_NOTHING = np.zeros(0, np.uint16)


def cut_between_tokens(length: int, cuts: Any) -> Patch:
    """Cut a stretch of `length` tokens at two of the `length + 1` places between them."""
    first, second = (int(cut * (length + 1)) for cut in cuts)
    return Patch(first, _NOTHING, _NOTHING, first, second, _NOTHING, _NOTHING, second)


def rearrange(ids: NDArray[Any], patch: Patch, order: int, marks: Marks) -> list[NDArray[Any]]:
    """The parts of a stretch with its middle moved to the end and control tokens between."""
    first, second, third = _as_arrays(marks)
    prefix = (ids[: patch.head], patch.left)
    middle = (patch.right, ids[patch.start : patch.stop], patch.before)
    suffix = (patch.after, ids[patch.tail :])
    if order == SPM:
        return [first, third, *suffix, second, *prefix, *middle]
    return [first, *prefix, third, *suffix, second, *middle]


@lru_cache(maxsize=8)
def _as_arrays(marks: Marks) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    return np.array([marks.prefix]), np.array([marks.middle]), np.array([marks.suffix])
