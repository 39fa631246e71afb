"""What `compiled` computes, in NumPy alone: sums of powers give each word's hash from one running sum over all
bytes, and sums over shifted arrays give the hashes of shingles."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigcode_dedup.columns import Lists, Piece, distinct
from bigcode_dedup.hashing import BYTE_BASE, TOKENS, WORD_BASE, WORDS, Alphabet, mix32, mix64

PIECE_BYTES = 1 << 20
"""Text handed over at once: enough to hide the cost of a call, little enough for the cache."""

_BLOCK = 1 << 15
"""Shingles permuted at once; one permutation of a block stays in the cache."""

_MARK = (0xEF, 0xBB, 0xBF)


class _Words(NamedTuple):
    """Hashes of all words or tokens of a piece, the file of each, and how many each file has."""

    hashes: NDArray[np.uint64]
    files: NDArray[np.int64]
    counts: NDArray[np.int64]


def sign(
    piece: Piece, ngram: int, min_words: int, factors: NDArray[np.uint32], addends: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """As `compiled.sign`."""
    words = _split(piece, WORDS)
    enough = words.counts >= min_words
    hashes, starts = _distinct(*_shingles(words, ngram), len(enough))
    out = np.full((len(factors), len(enough)), 0xFFFFFFFF, np.uint32)
    mixed = mix32(hashes)
    buffer = np.empty(min(_BLOCK, len(mixed)), np.uint32)
    for begin in range(0, len(mixed), _BLOCK):
        block = mixed[begin : begin + _BLOCK]
        first = int(np.searchsorted(starts, begin, side="right")) - 1
        last = int(np.searchsorted(starts, begin + len(block), side="left"))
        cuts = np.maximum(starts[first:last] - begin, 0)
        # `reduceat` reads an empty range as one element, so files without shingles are left out.
        full = np.flatnonzero(np.diff(np.append(cuts, len(block))))
        cuts, columns = cuts[full], first + full
        permuted = buffer[: len(block)]
        for k in range(len(factors)):
            np.multiply(block, factors[k], out=permuted)
            np.add(permuted, addends[k], out=permuted)
            out[k, columns] = np.minimum(out[k, columns], np.minimum.reduceat(permuted, cuts))
    return np.ascontiguousarray(out.T[enough]), enough


def shingle(piece: Piece, ngram: int) -> Lists:
    """As `compiled.shingle`."""
    return _distinct(*_shingles(_split(piece, WORDS), ngram), len(piece.offsets) - 1)


def winnow(piece: Piece, ngram: int, window: int) -> tuple[Lists, NDArray[np.int64]]:
    """As `compiled.winnow`."""
    words = _split(piece, TOKENS)
    least = _fold(words, ngram)
    width = 1
    while width < window and len(least):
        step = min(width, window - width)
        least = np.minimum(least[:-step], least[step:])
        width += step
    within = _within(words, ngram + window - 1)
    least, files = least[within], words.files[: len(within)][within]
    # Windows next to each other mostly have the same least hash, and only those that differ are sorted.
    changed = _changes(least, files)
    least, files = least[changed], files[changed]
    order = np.lexsort((least, files))
    least, files = least[order], files[order]
    changed = _changes(least, files)
    starts = np.searchsorted(files[changed], np.arange(len(words.counts) + 1))
    return Lists(least[changed], starts), words.counts


def _changes(values: NDArray[np.uint64], files: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each value differs from the one before it, or is the first of its file."""
    changed = np.ones(len(values), bool)
    changed[1:] = (values[1:] != values[:-1]) | (files[1:] != files[:-1])
    return changed


def fold_tokens(piece: Piece, ngram: int) -> Lists:
    """As `compiled.fold_tokens`."""
    words = _split(piece, TOKENS)
    within = _within(words, ngram)
    files = words.files[: len(within)][within]
    return Lists(_fold(words, ngram)[within], np.searchsorted(files, np.arange(len(words.counts) + 1)))


def normalise(piece: Piece) -> Lists:
    """As `compiled.normalise`."""
    kinds = _kinds(piece, TOKENS)
    kept = np.flatnonzero(kinds)
    files = _files_of(piece, kept)
    words = kinds[kept] == 1
    parted = np.zeros(len(kept), np.int64)
    parted[1:] = words[1:] & words[:-1] & (np.diff(kept) > 1) & (files[1:] == files[:-1])
    places = np.arange(len(kept)) + np.cumsum(parted)
    out = np.full(len(kept) + int(parted.sum()), 32, np.uint8)
    out[places] = piece.text[kept]
    # A space stands before the first byte of a word, never of a file: files begin where their first byte is.
    firsts = np.searchsorted(files, np.arange(len(piece.offsets)))
    return Lists(out, np.append(places, len(out))[firsts])


def _kinds(piece: Piece, alphabet: Alphabet) -> NDArray[np.uint8]:
    """The kind of each byte; byte order marks at the beginning of files stand for nothing where tokens are told."""
    kinds = alphabet.kind[piece.text]
    begins = piece.offsets[:-1][np.diff(piece.offsets) >= len(_MARK)]
    if alphabet is TOKENS and len(begins):
        marked = begins[np.all([piece.text[begins + i] == byte for i, byte in enumerate(_MARK)], axis=0)]
        for i in range(len(_MARK)):
            kinds[marked + i] = 0
    return kinds


def _files_of(piece: Piece, places: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(piece.offsets, places, side="right") - 1


def _split(piece: Piece, alphabet: Alphabet) -> _Words:
    text, offsets = piece
    kinds = _kinds(piece, alphabet)
    inside = np.zeros(len(text) + 2, bool)
    inside[1:-1] = kinds == 1
    begins, ends = inside[1:-1] & ~inside[:-2], inside[1:-1] & ~inside[2:]
    # A word ends with its file, also where the next file begins with a word.
    cuts = offsets[(offsets > 0) & (offsets < len(text))]
    begins[cuts] = inside[1:-1][cuts]
    ends[cuts - 1] = inside[1:-1][cuts - 1]
    marks = kinds == 2
    first, last = np.flatnonzero(begins | marks), np.flatnonzero(ends | marks)
    # Horner's rule from the left is a sum of falling powers: of inverse powers, scaled by the power of the last.
    powers, inverses = _powers(1 << len(text).bit_length())
    sums = np.zeros(len(text) + 1, np.uint64)
    np.cumsum(text * inverses[: len(text)], out=sums[1:])
    hashes = mix64((sums[last + 1] - sums[first]) * powers[last])
    files = _files_of(piece, first)
    return _Words(hashes, files, np.bincount(files, minlength=len(offsets) - 1).astype(np.int64))


@lru_cache(maxsize=2)
def _powers(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """base**i and its inverse modulo 2**64 for i below size (a power of two)."""
    tables = []
    for base in (BYTE_BASE, pow(BYTE_BASE, -1, 1 << 64)):
        table = np.ones(size, np.uint64)
        done = 1
        while done < size:
            table[done : 2 * done] = table[:done] * np.uint64(pow(base, done, 1 << 64))
            done *= 2
        tables.append(table)
    return tables[0], tables[1]


def _fold(words: _Words, size: int) -> NDArray[np.uint64]:
    """Hash of each `size` words in a row, also where they reach into the next file."""
    count = max(len(words.hashes) - size + 1, 0)
    sums = np.zeros(count, np.uint64)
    for i in range(size):
        sums *= np.uint64(WORD_BASE)
        sums += words.hashes[i : i + count]
    return mix64(sums)


def _within(words: _Words, size: int) -> NDArray[np.bool_]:
    """Whether the `size` words from each one on stand in one file."""
    count = max(len(words.files) - size + 1, 0)
    return words.files[:count] == words.files[size - 1 : size - 1 + count]


def _shingles(words: _Words, ngram: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    within = _within(words, ngram)
    hashes = (_fold(words, ngram)[within] >> np.uint64(32)).astype(np.uint32)
    return hashes, words.files[: len(within)][within]


def _distinct(hashes: NDArray[np.uint32], files: NDArray[np.int64], count: int) -> Lists:
    """The distinct hashes of each of `count` files, ascending: the file's number above the hash sorts by file."""
    keyed = distinct(hashes | (files.astype(np.uint64) << np.uint64(32)))
    starts = np.searchsorted(keyed, np.arange(count + 1, dtype=np.uint64) << np.uint64(32))
    return Lists((keyed & np.uint64(0xFFFFFFFF)).astype(np.uint32), starts)
