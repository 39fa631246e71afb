"""Plans the rows of a block: which stretch of which document stands where, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bigcode_train.order import fim
from bigcode_train.order.fim import OVERHEAD, SHORTEST, Patch
from bigcode_train.order.layout import Piece, lay_out, lay_out_chunks
from bigcode_train.order.seams import Seams
from bigcode_train.tokens.token_files import TokenFiles


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the content of every row; `width` is the number of tokens to predict in a row.

    `stage` tells the stages of a run apart. `seams` cuts between characters, and is needed for that level alone.
    """

    width: int
    seed: int
    fim_rate: float
    spm_rate: float
    marks: fim.Marks
    level: Literal["token", "character"] = "token"
    packing: Literal["documents", "best-fit", "starcoder"] = "documents"
    stage: int = 0
    seams: Seams | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of a block: `pieces` in the order of their rows, row `i` those from `begins[i]` to `begins[i + 1]`.
    `orders` say how each is told; pieces number documents by their places in `documents`."""

    documents: NDArray[np.int64]
    pieces: Sequence[Piece]
    begins: Sequence[int]
    orders: Sequence[int]

    def row(self, number: int) -> list[tuple[int, Piece, int]]:
        """Document, stretch and order of all that a row holds."""
        span = slice(self.begins[number], self.begins[number + 1])
        pieces = zip(self.pieces[span], self.orders[span], strict=True)
        return [(int(self.documents[piece.unit]), piece, order) for piece, order in pieces]


class Planner:
    """Plans blocks of one source. `key` holds seed, stage, source and epoch."""

    def __init__(self, files: TokenFiles, recipe: Recipe, key: bytes, documents: NDArray[np.int64]) -> None:
        self.files, self.recipe, self.key, self.documents = files, recipe, key, documents
        self.starts = files.offsets[documents]
        self.lengths = files.offsets[documents + 1] - self.starts
        self.chosen = fim.choose(key, documents, recipe.fim_rate)

    def plan(self, rows: int) -> Plan:
        """Lay the documents out in `rows` rows."""
        make = self._chunks if self.recipe.packing == "starcoder" else self._documents
        pieces, begins = make(rows)
        told = np.array([piece.patch is not None for piece in pieces], np.bool_)
        units = np.fromiter((piece.unit for piece in pieces), np.int64, len(pieces))
        starts = np.fromiter((piece.start for piece in pieces), np.int64, len(pieces))
        orders, _ = fim.draw_cuts(self.key, self.documents[units], starts, self.recipe.spm_rate)
        return Plan(self.documents, pieces, begins, np.where(told, orders, fim.PLAIN).tolist())

    def _documents(self, rows: int) -> tuple[list[Piece], list[int]]:
        width, lengths = self.recipe.width, self.lengths.tolist()
        wanted = self.chosen & (self.lengths > SHORTEST)
        whole = np.flatnonzero(wanted & (self.lengths + OVERHEAD <= width))
        patches: list[Patch | None] = [None] * len(lengths)
        for unit, patch in zip(
            whole.tolist(), self._cut(whole, 0 * whole, self.lengths[whole] - 1), strict=True
        ):
            if lengths[unit] + OVERHEAD + patch.growth(lengths[unit] - 1) <= width:
                patches[unit] = patch
        long = [bool(want) and patch is None for want, patch in zip(wanted, patches, strict=True)]
        best = self.recipe.packing == "best-fit"
        return lay_out(lengths, patches, long, width, rows, self._fit, best)

    def _chunks(self, rows: int) -> tuple[list[Piece], list[int]]:
        pieces, begins = lay_out_chunks(self.lengths.tolist(), self.recipe.width, rows)
        units = np.fromiter((piece.unit for piece in pieces), np.int64, len(pieces))
        starts = np.fromiter((piece.start for piece in pieces), np.int64, len(pieces))
        stops = np.fromiter((piece.stop for piece in pieces), np.int64, len(pieces))
        bodies = np.minimum(stops, self.lengths[units] - 1)
        # Each fragment of a chunk is drawn by itself, as it was there.
        chosen = fim.choose(self.key, self.documents[units] * 2**20 + starts, self.recipe.fim_rate)
        told = np.flatnonzero(chosen & (bodies > starts))
        for place, patch in zip(
            told.tolist(), self._cut(units[told], starts[told], bodies[told]), strict=True
        ):
            pieces[place] = pieces[place]._replace(patch=patch)
        return pieces, begins

    def _fit(self, unit: int, start: int, room: int) -> tuple[int, Patch] | None:
        """A stretch that fills its row, or ends its document within it."""
        left = int(self.lengths[unit]) - start
        if min(left, room - OVERHEAD) <= SHORTEST:
            return None
        if left + OVERHEAD <= room:
            patch = self._cut_one(unit, start, left - 1, self.recipe.level)
            if left + OVERHEAD + patch.growth(left - 1) <= room:
                return left, patch
        tokens = min(left - 1, room - OVERHEAD)
        if tokens == room - OVERHEAD and self.recipe.level == "character":
            patch = self._cut_one(unit, start, tokens, self.recipe.level)
            fitting = tokens - patch.growth(tokens)
            # The stretch ends as many tokens earlier or later as its words take more or fewer.
            if patch.tail <= fitting < left:
                return fitting, patch
        if tokens < room - OVERHEAD:
            return None
        return tokens, self._cut_one(unit, start, tokens)

    def _cut_one(self, unit: int, start: int, tokens: int, level: str = "token") -> Patch:
        if level == "character":
            return self._cut(np.array([unit]), np.array([start]), np.array([start + tokens]))[0]
        return fim.cut_between_tokens(
            tokens, fim.draw_cuts_of_one(self.key, int(self.documents[unit]), start)
        )

    def _cut(
        self, units: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]
    ) -> list[Patch]:
        """Patches of stretches, which hold no end-of-text token."""
        if not len(units):
            return []
        _, cuts = fim.draw_cuts(self.key, self.documents[units], starts, 0.0)
        if self.recipe.level == "token" or self.recipe.seams is None:
            return [
                fim.cut_between_tokens(n, two) for n, two in zip((stops - starts).tolist(), cuts, strict=True)
            ]
        low, high = (self.starts[units] + starts).tolist(), (self.starts[units] + stops).tolist()
        ids: list[NDArray[Any]] = [self.files.read(a, b) for a, b in zip(low, high, strict=True)]
        begins = [self.files.starts(a, b) for a, b in zip(low, high, strict=True)]
        return self.recipe.seams.cut(ids, begins, cuts)
