"""The rows that a run is trained on: full, without padding, and computed from the row's number alone.

`documents` packs whole documents where it can, in a keyed order; `best-fit` looks for the largest that fits, and cuts
fewer. In both a document starts after the end-of-text token of the one before, which is the first token that it sees,
or at the start of a row: whoever masks by that token lets no document see another. `starcoder` cuts the documents, one
after the other, into chunks, transforms what stands between end-of-text tokens within a chunk, cuts what became too
long and fills what became too short with `<fim_pad>`, as the run that it is named after did. Source: Li et al. 2023,
"StarCoder: may the source be with you!", and the training code that it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigcode.api import fail
from bigcode_train.order import fim
from bigcode_train.order.blocks import Blocks, growth_of
from bigcode_train.order.mixture import Count, Mixture
from bigcode_train.order.permutation import make_key
from bigcode_train.order.planning import Plan, Planner, Recipe
from bigcode_train.tokens.token_files import TokenFiles

__all__ = ["Place", "Recipe", "Sequences"]


class Place(NamedTuple):
    """Where a row is laid out: its stream, the epoch of that stream, a block, and the row's number in its plan."""

    stream: int
    epoch: int
    block: int
    row: int


class Sequences:
    """The endless list of rows of a stage, epoch after epoch; any part of it at once, in any order. For one thread."""

    def __init__(self, files: Sequence[TokenFiles], recipe: Recipe, mixture: Mixture) -> None:
        """
        Raises:
            Problem: E106 when the recipe asks for what the tokenizer lacks.
        """
        _check(recipe)
        self.files, self.recipe, self.mixture = tuple(files), recipe, mixture
        added = growth_of(recipe.packing, recipe.level)
        self.blocks = [
            Blocks(
                self.files[stream.source],
                stream,
                self._key(stream.name, *(stream.languages or ())),
                recipe.width,
                recipe.fim_rate,
                added,
            )
            for stream in mixture.streams
        ]
        # Each stream has a block at hand, and the next one where a batch spans both.
        self._plan = lru_cache(maxsize=2 * len(self.blocks))(self._make_plan)

    def rows(self, first: int, stop: int) -> NDArray[np.int64]:
        """Rows `first` to `stop` of the list as ids, int64 [stop - first, width + 1]. The first id of a row is only
        read, the last only predicted."""
        found = np.empty((stop - first, self.recipe.width + 1), np.int64)
        for number, (place, plan) in enumerate(self._plans(first, stop)):
            self._assemble(place, plan, found[number])
        return found

    def documents(self, first: int, stop: int) -> list[tuple[int, int]]:
        """Source and document of all that rows `first` to `stop` hold a part of, sorted, each once."""
        found: set[tuple[int, int]] = set()
        for place, plan in self._plans(first, stop):
            source = self.mixture.streams[place.stream].source
            found.update((source, document) for document, _, _ in plan.row(place.row))
        return sorted(found)

    def places(self, first: int, stop: int) -> list[str]:
        """The same by source, shard and row; the source is left out where there is one."""
        found = []
        for source, document in self.documents(first, stop):
            files = self.files[source]
            home = f"{files.source}/" if len(self.files) > 1 else ""
            found.append(home + files.place(document))
        return found

    def digest(self, first: int, stop: int) -> str:
        """BLAKE2b (128 bits) of what rows `first` to `stop` are made of, int64 for each stretch in order: source,
        document, first and last token, epoch, and how it is told. Equal for any number of ranks."""
        found = blake2b(digest_size=16)
        for place, plan in self._plans(first, stop):
            source = self.mixture.streams[place.stream].source
            told = [
                (source, document, piece.start, piece.stop, place.epoch, order)
                for document, piece, order in plan.row(place.row)
            ]
            found.update(np.asarray(told, "<i8").tobytes())
        return found.hexdigest()

    def counts(self, first: int, stop: int) -> list[Count]:
        """Tokens and epochs of each language of each source in rows `first` to `stop`, in a time that does not grow
        with them."""
        an_epoch = [blocks.rows_an_epoch for blocks in self.blocks]
        return self.mixture.counts(first, stop, self.recipe.width, an_epoch)

    def locate(self, first: int, stop: int) -> list[Place]:
        """Where each of the rows `first` to `stop` is laid out."""
        streams, numbers = self.mixture.locate(np.arange(first, stop))
        found: list[Any] = [None] * len(streams)
        for stream in np.unique(streams).tolist():
            rows = np.flatnonzero(streams == stream)
            located = self.blocks[stream].locate(numbers[rows])
            for number, place in zip(rows.tolist(), located, strict=True):
                found[number] = Place(stream, *place)
        return found

    def _plans(self, first: int, stop: int) -> Iterator[tuple[Place, Plan]]:
        for place in self.locate(first, stop):
            plan, turn = self._plan(*place[:3])
            yield place._replace(row=int(turn[place.row])), plan

    def _make_plan(self, stream: int, epoch: int, number: int) -> tuple[Plan, NDArray[np.int64]]:
        """The plan of a block, and the order in which its rows are taken."""
        blocks, of = self.blocks[stream], self.mixture.streams[stream]
        key = self._key(of.name, epoch, "fim")
        planner = Planner(self.files[of.source], self.recipe, key, blocks.read(epoch, number))
        return planner.plan(int(blocks.rows[number])), blocks.shuffle(epoch, number)

    def _assemble(self, place: Place, plan: Plan, row: NDArray[np.int64]) -> None:
        """Write the ids of a row into `row`."""
        files, marks = self.files[self.mixture.streams[place.stream].source], self.recipe.marks
        parts: list[NDArray[Any]] = []
        for document, piece, order in plan.row(place.row):
            base = int(files.offsets[document])
            ids = files.read(base + piece.start, base + piece.stop)
            if not parts:
                # What the first prediction of the row sees: the token before it, or the opening of a document.
                opens = piece.patch is not None or piece.start == 0
                before = (
                    files.read(base + piece.start - 1, base + piece.start)
                    if not opens
                    else [files.header["end"]]
                )
                parts.append(np.asarray(before))
            if piece.patch is None:
                parts.append(ids)
            else:
                body = len(ids) - (int(files.offsets[document + 1]) == base + piece.stop)
                parts += fim.rearrange(ids[:body], piece.patch, order, marks)
                parts.append(ids[body:])
        told = np.concatenate(parts)[: len(row)]
        row[: len(told)] = told
        row[len(told) :] = marks.pad

    def _key(self, *parts: int | str) -> bytes:
        return make_key(self.recipe.seed, self.recipe.stage, *parts)


def _check(recipe: Recipe) -> None:
    if not recipe.fim_rate:
        return
    if min(recipe.marks[:3]) < 0:
        raise fail("E106", "the tokenizer lacks a control token that fill-in-the-middle asks for")
    if recipe.packing == "starcoder" and recipe.marks.pad < 0:
        raise fail("E106", "the tokenizer lacks `<fim_pad>`, which fills up what this packing leaves")
    if recipe.level == "character" and recipe.seams is None:
        raise ValueError("to cut between characters takes the tokenizer's seams")
