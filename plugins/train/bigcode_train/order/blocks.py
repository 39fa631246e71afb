"""Cuts the documents of a stream into blocks, so that a run plans a block at a time and never a whole epoch.

A keyed permutation deals the documents out to blocks, once for a stage. Each epoch takes the blocks, and the documents
in each, in a keyed order of its own. A block has the same number of rows in every epoch, which makes the place of any
row known without laying out those before it. One pass over the lengths of documents when a stage begins, wherever in it
a run goes on, finds these numbers: 2 to 4 million documents a second on a core. In memory stay two numbers a block, and
four or eight bytes a document for a stream that is a part of its source.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigcode_train.order.fim import OVERHEAD, SHORTEST
from bigcode_train.order.mixture import Stream
from bigcode_train.order.permutation import Permutation, make_key
from bigcode_train.tokens.token_files import TokenFiles

LEAST_TOKENS, LEAST_ROWS = 1 << 20, 256
"""A block is about so large. Less than a row of it, on average half of one, repeats others."""
_AT_ONCE = 1 << 20


class Block(NamedTuple):
    """A block in an epoch; equal for equal data on every machine."""

    stream: int
    epoch: int
    number: int


class Blocks:
    """The blocks of a stream."""

    def __init__(
        self, files: TokenFiles, stream: Stream, key: bytes, width: int, rate: float, added: float
    ) -> None:
        """`rate` is the share of documents that grow by about `added` tokens."""
        self.files, self.stream, self.key = files, stream, key
        self._members = _find_members(files, stream)
        self.documents = files.documents if self._members is None else len(self._members)
        target = max(LEAST_TOKENS, LEAST_ROWS * width)
        count = min(max(1, round(stream.size / target)), self.documents)
        self._bounds = np.arange(count + 1) * self.documents // count
        self._deal = Permutation(self.documents, make_key(key.hex(), "documents"))
        self.rows = self._count_rows(width, rate, added)
        self.rows_an_epoch = int(self.rows.sum())
        self._epoch = lru_cache(maxsize=2)(self._order)

    def __len__(self) -> int:
        return len(self.rows)

    def locate(self, rows: NDArray[np.int64]) -> list[tuple[int, int, int]]:
        """Epoch, block and row within the block of each row of the stream."""
        found = []
        for epoch, within in zip(
            *(part.tolist() for part in np.divmod(rows, self.rows_an_epoch)), strict=True
        ):
            order, ends = self._epoch(epoch)
            place = int(np.searchsorted(ends, within, "right"))
            number = int(order[place])
            found.append((epoch, number, within - int(ends[place]) + int(self.rows[number])))
        return found

    def read(self, epoch: int, number: int) -> NDArray[np.int64]:
        """The documents of a block, in the order that they have in an epoch."""
        low, high = self._bounds[number : number + 2].tolist()
        turn = Permutation(high - low, make_key(self.key.hex(), epoch, number, "turn"))
        return self._at(low + turn(np.arange(high - low)))

    def shuffle(self, epoch: int, number: int) -> NDArray[np.int64]:
        """The order in which the rows of a block are taken."""
        count = int(self.rows[number])
        return Permutation(count, make_key(self.key.hex(), epoch, number, "rows"))(np.arange(count))

    def _at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        documents = self._deal(positions)
        return documents if self._members is None else self._members[documents].astype(np.int64)

    def _order(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The blocks in the order of an epoch, and the row at which each ends."""
        count = len(self._bounds) - 1
        order = Permutation(count, make_key(self.key.hex(), epoch, "blocks"))(np.arange(count))
        return order, np.cumsum(self.rows[order])

    def _count_rows(self, width: int, rate: float, added: float) -> NDArray[np.int64]:
        """Rows that each block fills, with room for what its documents grow by, and seldom less."""
        count = len(self._bounds) - 1
        tokens, stretches = np.zeros(count, np.int64), np.zeros(count, np.int64)
        for first in range(0, self.documents, _AT_ONCE):
            stop = min(first + _AT_ONCE, self.documents)
            documents = self._at(np.arange(first, stop))
            lengths = self.files.offsets[documents + 1] - self.files.offsets[documents]
            owner = np.searchsorted(self._bounds, np.arange(first, stop), "right") - 1
            parts = np.where(lengths > SHORTEST, -(-lengths // max(1, width - OVERHEAD)), 0)
            tokens += np.bincount(owner, lengths, count).astype(np.int64)
            stretches += np.bincount(owner, parts, count).astype(np.int64)
        spread = 2 * added * np.sqrt(rate * (1 - rate) * stretches)
        rows: NDArray[np.int64] = np.ceil((tokens + rate * added * stretches + spread) / width).astype(
            np.int64
        )
        return rows


def growth_of(packing: str, level: str) -> float:
    """Tokens that a transformed stretch grows by, about: control tokens, and words that two cuts go through."""
    return 0.0 if packing == "starcoder" else float(OVERHEAD) if level == "token" else OVERHEAD + 1.5


def _find_members(files: TokenFiles, stream: Stream) -> NDArray[np.integer] | None:
    if stream.languages is None or files.languages is None:
        return None
    wanted = np.zeros(max(stream.languages) + 1, np.bool_)
    wanted[list(stream.languages)] = True
    found = [
        first + np.flatnonzero(np.take(np.append(wanted, False), np.minimum(part, len(wanted))))
        for first, part in _parts(files.languages)
    ]
    kind = np.uint32 if files.documents < 2**32 else np.int64
    return np.concatenate([part.astype(kind) for part in found])


def _parts(values: NDArray[np.uint16]) -> list[tuple[int, NDArray[np.uint16]]]:
    return [(first, values[first : first + _AT_ONCE]) for first in range(0, len(values), _AT_ONCE)]
