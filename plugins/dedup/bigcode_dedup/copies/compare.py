"""How much of one file stands in another, measured on all of its grams, and whether two files differ in white
space alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode_dedup.columns import Piece, chunked, cut, distinct
from bigcode_dedup.engine import Engine, load_engine

NGRAM = 16
"""Tokens in a gram, as `dedup.winnow` has it unless set."""


def contained(seed: bytes, candidate: bytes, ngram: int = NGRAM) -> float:
    """The share of the distinct token grams of `seed` that occur anywhere in `candidate`, from 0 to 1.

    Grams are told apart by 64-bit hashes, and all of them count, not only the winnowed ones. They are a set: a
    line that a file repeats a thousand times, such as a row of a table, weighs as much as one that it has once. A
    seed of fewer than `ngram` tokens has no gram, and 0 of it is contained in anything.
    """
    engine = load_engine()
    mine, theirs = (_grams(engine, _piece_of(content), ngram)[0] for content in (seed, candidate))
    return _share(mine, theirs)


def normalise(content: bytes) -> bytes:
    """The tokens of a file written out with no white space but a space where two words meet.

    Two files have equal results exactly when their tokens are equal.
    """
    return load_engine().normalise(_piece_of(content)).values.tobytes()


def compare(engine: Engine, seeds: pa.Table, candidates: pa.Table, pairs: pa.Table, ngram: int) -> pa.Table:
    """As `CopyPrints.verify`. The grams of seeds are held at once, those of candidates piece by piece."""
    pairs = pairs.select(["seed", "blob"]).group_by(["seed", "blob"], use_threads=False).aggregate([])
    pairs = pairs.sort_by([("seed", "ascending"), ("blob", "ascending")])
    seeds, mine = _rows(seeds, pairs["seed"])
    candidates, theirs = _rows(candidates, pairs["blob"])
    originals = [
        (text.tobytes(), grams)
        for piece in cut(seeds["content"], engine.PIECE_BYTES)
        for text, grams in _read(engine, piece, ngram)
    ]
    shares, same = np.zeros(pairs.num_rows), np.zeros(pairs.num_rows, bool)
    order = np.argsort(theirs, kind="stable")
    bounds = np.searchsorted(theirs[order], np.arange(candidates.num_rows + 1))
    row = 0
    for piece in cut(candidates["content"], engine.PIECE_BYTES):
        for text, grams in _read(engine, piece, ngram):
            for pair in order[bounds[row] : bounds[row + 1]]:
                original, of_original = originals[mine[pair]]
                shares[pair] = _share(of_original, grams)
                same[pair] = len(original) == len(text) and original == text.tobytes()
            row += 1
    return pa.table(
        [*pairs.columns, chunked([pa.array(shares)], pa.float64()), chunked([pa.array(same)], pa.bool_())],
        names=["seed", "blob", "containment", "normalised"],
    )


def _rows(table: pa.Table, wanted: pa.ChunkedArray) -> tuple[pa.Table, NDArray[np.int64]]:
    """The rows of `table` that are wanted, each once, and for each wanted blob its row among them."""
    encoded = wanted.combine_chunks().dictionary_encode()
    places = pc.index_in(encoded.dictionary, table["blob"])
    if places.null_count:
        raise KeyError(f"{places.null_count} blobs of the pairs are in none of the rows")
    return table.take(places), encoded.indices.to_numpy(zero_copy_only=False)


def _read(engine: Engine, piece: Piece, ngram: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint64]]]:
    """The tokens written out and the distinct grams, ascending, of each file."""
    text, starts = engine.normalise(piece)
    for i, grams in enumerate(_grams(engine, piece, ngram)):
        yield text[starts[i] : starts[i + 1]], grams


def _grams(engine: Engine, piece: Piece, ngram: int) -> list[NDArray[np.uint64]]:
    hashes, starts = engine.fold_tokens(piece, ngram)
    return [distinct(hashes[begin:end]) for begin, end in pairwise(starts.tolist())]


def _share(mine: NDArray[np.uint64], theirs: NDArray[np.uint64]) -> float:
    """The share of `mine` that is in `theirs`; both distinct and ascending."""
    if not len(mine) or not len(theirs):
        return 0.0
    places = np.searchsorted(theirs, mine)
    found = theirs[np.minimum(places, len(theirs) - 1)] == mine
    return float(found.mean())


def _piece_of(content: bytes) -> Piece:
    return next(cut(pa.chunked_array([pa.array([content], pa.binary())]), len(content)))
