"""The engine of compiled kernels: sizes their results and hands over pieces of columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bigcode_dedup import kernels
from bigcode_dedup.columns import Lists, Piece
from bigcode_dedup.hashing import TOKENS, WORD_BASE, WORDS

PIECE_BYTES = 1 << 24
"""Text handed over at once; it bounds what the results take in memory."""

_BASE = np.uint64(WORD_BASE)


def sign(
    piece: Piece, ngram: int, min_words: int, factors: NDArray[np.uint32], addends: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """MinHash signatures of the files of `min_words` words and more, uint32 of shape (such files, permutations),
    and for each file whether it is one."""
    enough = np.empty(len(piece.offsets) - 1, np.bool_)
    out = np.empty((len(enough), len(factors)), np.uint32)
    signed = kernels.sign(piece, WORDS, _BASE, ngram, min_words, factors, addends, out, enough)
    return out[:signed], enough


def shingle(piece: Piece, ngram: int) -> Lists:
    """The distinct shingle hashes of each file, ascending, uint32."""
    out = _empty(piece, np.uint32)
    kernels.shingle(piece, WORDS, _BASE, ngram, out.values, out.starts)
    return _filled(out)


def winnow(piece: Piece, ngram: int, window: int) -> tuple[Lists, NDArray[np.int64]]:
    """The distinct least hashes of all windows of token n-grams in each file, ascending, uint64, and how many
    tokens each file has (int64)."""
    out, tokens = _empty(piece, np.uint64), np.zeros(len(piece.offsets) - 1, np.int64)
    kernels.winnow(piece, TOKENS, _BASE, ngram, window, out.values, out.starts, tokens)
    return _filled(out), tokens


def fold_tokens(piece: Piece, ngram: int) -> Lists:
    """The hashes of all token n-grams of each file, in their order, uint64."""
    out = _empty(piece, np.uint64)
    kernels.fold_tokens(piece, TOKENS, _BASE, ngram, out.values, out.starts)
    return _filled(out)


def normalise(piece: Piece) -> Lists:
    """The tokens of each file written out, uint8: a space where two words meet, and no other white space."""
    out = _empty(piece, np.uint8)
    kernels.normalise(piece, TOKENS, out.values, out.starts)
    return _filled(out)


def _empty(piece: Piece, kind: type[np.generic]) -> Lists:
    """Room for a value a byte, and for one more that a kernel writes before it knows that it is none."""
    return Lists(np.empty(len(piece.text) + 1, kind), np.zeros(len(piece.offsets), np.int64))


def _filled(lists: Lists) -> Lists:
    """Without the room that was not needed."""
    return Lists(lists.values[: lists.starts[-1]].copy(), lists.starts)
