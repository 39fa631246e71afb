"""Cuts and joins documents into sequences of one length, without padding and without state.

Documents come in a keyed order. Each row of an epoch is filled to the last token: a document that does not fit
goes on in the next row. A stretch for fill-in-the-middle is cut so that it fits into its row with its control
tokens; none is ever truncated. Rows are then taken in a keyed order of their own, so that the stretches of a long
document do not share a batch. The end-of-text token closes a document and, as an input, opens the next one: it
is the first token that the next document's tokens see.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigcode_train import fim
from bigcode_train.order import Permutation, make_key
from bigcode_train.token_files import TokenFiles


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the content of every row; `width` is the number of tokens to predict in a row."""

    width: int
    seed: int
    fim_rate: float
    spm_rate: float
    marks: fim.Marks


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of one epoch. `stretches` is int64 [n, 4]: document, start, stop (in tokens of the document, the
    end-of-text token included) and whether its middle is to be filled in; row `i` takes the stretches from
    `rows[i]` to `rows[i + 1]`."""

    stretches: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows) - 1


class Sequences:
    """The endless list of rows that a run is trained on, epoch after epoch; any part of it at once, in any order."""

    def __init__(self, files: TokenFiles, recipe: Recipe) -> None:
        self.files = files
        self.recipe = recipe
        self.plan = lru_cache(maxsize=2)(self._plan)
        self._ends: list[int] = []

    def rows(self, first: int, stop: int) -> NDArray[np.int64]:
        """Rows `first` to `stop` of the list as ids, int64 [stop - first, width + 1]. The first id of a row is only
        read, the last only predicted."""
        return np.stack([self._assemble(epoch, row) for epoch, row in self._locate(first, stop)])

    def documents(self, first: int, stop: int) -> NDArray[np.int64]:
        """The documents that rows `first` to `stop` hold a part of, sorted, each once."""
        found = [self._stretches(epoch, row)[:, 0] for epoch, row in self._locate(first, stop)]
        return np.unique(np.concatenate(found))

    def _locate(self, first: int, stop: int) -> Iterator[tuple[int, int]]:
        """Epoch and row within its plan for each row `first` to `stop` of the list."""
        while first < stop:
            while not self._ends or self._ends[-1] <= first:
                self._ends.append((self._ends[-1] if self._ends else 0) + len(self.plan(len(self._ends))))
            epoch = bisect_right(self._ends, first)
            begin, end = ([0, *self._ends])[epoch], min(stop, self._ends[epoch])
            order = Permutation(len(self.plan(epoch)), make_key(self.recipe.seed, epoch, "rows"))
            yield from ((epoch, row) for row in order(np.arange(first - begin, end - begin)).tolist())
            first = end

    def _plan(self, epoch: int) -> Plan:
        return plan_epoch(np.diff(self.files.offsets), epoch, self.recipe)

    def _stretches(self, epoch: int, row: int) -> NDArray[np.int64]:
        plan = self.plan(epoch)
        return plan.stretches[plan.rows[row] : plan.rows[row + 1]]

    def _assemble(self, epoch: int, row: int) -> NDArray[np.int64]:
        end = self.files.header["end"]
        parts: list[NDArray[Any]] = []
        for document, start, stop, filled in self._stretches(epoch, row).tolist():
            base = int(self.files.offsets[document])
            ids = np.asarray(self.files.ids[base + start : base + stop])
            if not parts:
                # What the first prediction of the row sees: the token before it, or the opening of a document.
                opens = filled or start == 0
                parts.append(np.asarray([end if opens else self.files.ids[base + start - 1]], ids.dtype))
            if filled:
                closed = ids[-1:] if ids[-1] == end else ids[:0]
                body = ids[: len(ids) - len(closed)]
                chance = fim.draw(self.recipe.seed, epoch, document, start)
                ids = np.concatenate(
                    (fim.rearrange(body, chance, self.recipe.spm_rate, self.recipe.marks), closed)
                )
            parts.append(ids)
        return np.concatenate(parts).astype(np.int64)


def plan_epoch(lengths: NDArray[np.int64], epoch: int, recipe: Recipe) -> Plan:
    """Lay out all documents, of `lengths` tokens each, in rows of `recipe.width` tokens.

    The last row is filled up from the beginning of the same order. Time and memory grow with the number of
    documents and rows, not with tokens.
    """
    count = len(lengths)
    order = Permutation(count, make_key(recipe.seed, epoch, "documents"))(np.arange(count))
    stretches: list[tuple[int, int, int, bool]] = []
    rows = [0]
    room = recipe.width
    for turn, document in enumerate(cycle(order.tolist())):
        if turn >= count and room == recipe.width:
            break
        length, start = int(lengths[document]), 0
        while start < length and not (turn >= count and room == recipe.width):
            left = length - start
            fits = left > fim.SHORTEST and room >= fim.SHORTEST + fim.OVERHEAD
            filled = fits and fim.draw(recipe.seed, epoch, document, start).apply < recipe.fim_rate
            extra = fim.OVERHEAD if filled else 0
            stop = start + min(left, room - extra)
            stretches.append((document, start, stop, filled))
            room -= stop - start + extra
            start = stop
            if not room:
                rows.append(len(stretches))
                room = recipe.width
    return Plan(np.asarray(stretches, np.int64).reshape(-1, 4), np.asarray(rows, np.int64))


def find_positions(inputs: NDArray[np.int64], end: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Document number within its row and position within its document for each input, both int64 like `inputs`
    [rows, width]. A document starts at the end-of-text token that stands before it."""
    opens = inputs == end
    segments = np.cumsum(opens, axis=1)
    columns = np.broadcast_to(np.arange(inputs.shape[1]), inputs.shape)
    starts = np.maximum.accumulate(np.where(opens, columns, 0), axis=1)
    return segments, columns - starts
