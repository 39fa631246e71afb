"""Hot loops, compiled by numba and free of the interpreter's lock.

Nothing of the package is called from here: numba compiles anew when this file has changed, and looks at no other.
Loops write on every round and move on only where something was found, so that nothing is there for the processor to
predict wrongly; arrays that they write to have room for one value more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    from bigcode_dedup.columns import Piece
    from bigcode_dedup.hashing import Alphabet

Ints = NDArray[np.int64]
Halves = NDArray[np.uint32]
Wholes = NDArray[np.uint64]
Values = NDArray[Any]
"""Either of the two before."""

_U = np.uint64
_SLOTS = 1 << 14
"""Shingles remembered to pass over repeats; the table stays in the second-level cache."""


def _kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call and keep the code in the folder that numba finds for it: beside this file, or in
    the user's cache. Where neither can be written, each process compiles for itself."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


_inner = njit(nogil=True)


@_inner
def _mix(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> _U(33))) * _U(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> _U(33))) * _U(0xC4CEB9FE1A85EC53)
    return value ^ (value >> _U(33))


@_inner
def _longest(offsets: Ints) -> int:
    longest = 0
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    return longest


@_inner
def _split_words(piece: Piece, i: int, alphabet: Alphabet, out: Wholes) -> int:
    """Hashes of the words of file `i`, not mixed yet, into `out`; returns how many."""
    text, keep, add = piece.text, alphabet.keep, alphabet.add
    total, count, before = _U(0), 0, 0
    for j in range(piece.offsets[i], piece.offsets[i + 1]):
        byte = text[j]
        out[count] = total
        here = np.int64(keep[byte] & _U(1))
        count += before & ~here
        total = total * keep[byte] + add[byte]
        before = here
    out[count] = total
    return count + before


@_inner
def _start(piece: Piece, i: int) -> int:
    """Where file `i` begins after its byte order mark."""
    text, begin, end = piece.text, piece.offsets[i], piece.offsets[i + 1]
    if end - begin >= 3 and text[begin] == 0xEF and text[begin + 1] == 0xBB and text[begin + 2] == 0xBF:
        return begin + 3
    return begin


@_inner
def _split_tokens(piece: Piece, i: int, alphabet: Alphabet, out: Wholes) -> int:
    """As `_split_words`, for tokens."""
    text, kind, keep, add, mark = piece.text, alphabet.kind, alphabet.keep, alphabet.add, alphabet.mark
    begin, end = _start(piece, i), piece.offsets[i + 1]
    if begin == end:
        return 0
    total, count = _U(0), 0
    here = np.int64(kind[text[begin]])
    for j in range(begin, end):
        byte = text[j]
        after = np.int64(kind[text[min(j + 1, end - 1)]])
        total = total * keep[byte] + add[byte]
        out[count] = total + mark[byte]
        count += (here >> 1) | (here & ~after & 1)
        here = after
    # The last byte was its own neighbour; a word ends there all the same.
    return count + (here & 1)


@_inner
def _fold(words: Wholes, count: int, size: int, base: np.uint64, out: Wholes) -> int:
    """Hashes of each `size` words in a row into `out`; returns how many. `words` are mixed in place."""
    leaving = _U(1)
    for _ in range(size):
        leaving *= base
    total = _U(0)
    for i in range(min(count, size)):
        words[i] = _mix(words[i])
        total = total * base + words[i]
    if count < size:
        return 0
    out[0] = _mix(total)
    for i in range(size, count):
        words[i] = _mix(words[i])
        total = total * base + words[i] - words[i - size] * leaving
        out[i - size + 1] = _mix(total)
    return count - size + 1


@_inner
def _thin(hashes: Wholes, count: int, seen: Wholes, tag: np.uint64, out: Halves) -> int:
    """Upper halves of `hashes` into `out` without most repeats; returns how many.

    `seen` remembers one hash a slot, with the file's `tag`, so that it need not be cleared between files.
    """
    kept = 0
    for i in range(count):
        value = hashes[i] >> _U(32)
        tagged = (tag << _U(32)) | value
        slot = value & _U(_SLOTS - 1)
        out[kept] = np.uint32(value)
        kept += seen[slot] != tagged
        seen[slot] = tagged
    return kept


@_inner
def _permute(hashes: Halves, count: int, factors: Halves, addends: Halves, row: Halves) -> None:
    """The least value of each permutation; four hashes a round spare three of four reads and writes of `row`."""
    for i in range(count):
        value = hashes[i]
        value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
        value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
        hashes[i] = value ^ (value >> np.uint32(16))
    row[:] = np.uint32(0xFFFFFFFF)
    whole = count - count % 4
    for i in range(0, whole, 4):
        a, b, c, d = hashes[i], hashes[i + 1], hashes[i + 2], hashes[i + 3]
        for k in range(len(factors)):
            by, plus = factors[k], addends[k]
            ab = min(np.uint32(np.uint32(a * by) + plus), np.uint32(np.uint32(b * by) + plus))
            cd = min(np.uint32(np.uint32(c * by) + plus), np.uint32(np.uint32(d * by) + plus))
            row[k] = min(row[k], min(ab, cd))
    for i in range(whole, count):
        a = hashes[i]
        for k in range(len(factors)):
            row[k] = min(row[k], np.uint32(np.uint32(a * factors[k]) + addends[k]))


@_inner
def _scatter(values: Values, count: int, shift: int, places: Ints, out: Values) -> None:
    """One pass of a radix sort, by the eight bits from `shift` on."""
    places[:] = 0
    for i in range(count):
        places[(values[i] >> _U(shift)) & _U(255)] += 1
    place = 0
    for digit in range(256):
        size = places[digit]
        places[digit] = place
        place += size
    for i in range(count):
        digit = (values[i] >> _U(shift)) & _U(255)
        out[places[digit]] = values[i]
        places[digit] += 1


@_inner
def _sort_distinct(values: Values, count: int, spare: Values) -> int:
    """Sort `values[:count]`, few by insertion and many by radix, and drop repeats; returns how many are left."""
    if count <= 48:
        for i in range(1, count):
            value, j = values[i], i
            while j > 0 and values[j - 1] > value:
                values[j] = values[j - 1]
                j -= 1
            values[j] = value
    else:
        places = np.empty(256, np.int64)
        for shift in range(0, 8 * values.itemsize, 16):
            _scatter(values, count, shift, places, spare)
            _scatter(spare, count, shift + 8, places, values)
    kept = 0
    for i in range(count):
        value = values[i]
        if not kept or values[kept - 1] != value:
            values[kept] = value
            kept += 1
    return kept


@_inner
def _slide(values: Wholes, count: int, window: int) -> int:
    """The least of each `window` values in a row, in place; returns how many. Widths double, so passes are few."""
    width = 1
    while width < window:
        step = min(width, window - width)
        count -= step
        for i in range(count):
            values[i] = min(values[i], values[i + step])
        width += step
    return max(count, 0)


@_kernel
def sign(
    piece: Piece, alphabet: Alphabet, base: np.uint64, ngram: int, least: int, factors: Halves, addends: Halves,
    out: Halves, enough: NDArray[np.bool_],
) -> int:  # fmt: skip
    """Signatures of the files of `least` words and more into the rows of `out`; returns how many."""
    room = _longest(piece.offsets) // 2 + 2
    words, folded, hashes = np.empty(room, _U), np.empty(room, _U), np.empty(room, np.uint32)
    seen = np.zeros(_SLOTS, _U)
    signed = 0
    for i in range(len(enough)):
        count = _split_words(piece, i, alphabet, words)
        enough[i] = count >= least
        if enough[i]:
            count = _fold(words, count, ngram, base, folded)
            count = _thin(folded, count, seen, _U(i + 1), hashes)
            _permute(hashes, count, factors, addends, out[signed])
            signed += 1
    return signed


@_kernel
def shingle(piece: Piece, alphabet: Alphabet, base: np.uint64, ngram: int, out: Halves, starts: Ints) -> None:
    """Distinct shingle hashes of each file, ascending, into `out`; those of file i from `starts[i]` on."""
    room = _longest(piece.offsets) // 2 + 2
    words, folded, spare = np.empty(room, _U), np.empty(room, _U), np.empty(room, np.uint32)
    seen = np.zeros(_SLOTS, _U)
    for i in range(len(starts) - 1):
        count = _split_words(piece, i, alphabet, words)
        count = _fold(words, count, ngram, base, folded)
        hashes = out[starts[i] :]
        count = _thin(folded, count, seen, _U(i + 1), hashes)
        starts[i + 1] = starts[i] + _sort_distinct(hashes, count, spare)


@_kernel
def winnow(
    piece: Piece, alphabet: Alphabet, base: np.uint64, ngram: int, window: int, out: Wholes, starts: Ints, tokens: Ints
) -> None:  # fmt: skip
    """Distinct least hashes of the windows of each file, ascending, into `out`, and the numbers of tokens."""
    room = _longest(piece.offsets) + 2
    words, folded = np.empty(room, _U), np.empty(room, _U)
    for i in range(len(tokens)):
        tokens[i] = _split_tokens(piece, i, alphabet, words)
        count = _slide(folded, _fold(words, tokens[i], ngram, base, folded), window)
        hashes, kept = out[starts[i] :], 0
        for j in range(count):
            hashes[kept] = folded[j]
            kept += j + 1 == count or folded[j] != folded[j + 1]
        starts[i + 1] = starts[i] + _sort_distinct(hashes, kept, folded)


@_kernel
def fold_tokens(
    piece: Piece, alphabet: Alphabet, base: np.uint64, ngram: int, out: Wholes, starts: Ints
) -> None:
    """Hashes of all token grams of each file, in their order, into `out`."""
    words = np.empty(_longest(piece.offsets) + 2, _U)
    for i in range(len(starts) - 1):
        count = _split_tokens(piece, i, alphabet, words)
        starts[i + 1] = starts[i] + _fold(words, count, ngram, base, out[starts[i] :])


@_kernel
def normalise(piece: Piece, alphabet: Alphabet, out: NDArray[np.uint8], starts: Ints) -> None:
    """The tokens of each file as text into `out`, a space between words alone."""
    place = 0
    for i in range(len(starts) - 1):
        # `last` is the kind of the last token, `gap` whether white space stands behind it.
        last, gap = 0, 0
        for j in range(_start(piece, i), piece.offsets[i + 1]):
            here = np.int64(alphabet.kind[piece.text[j]])
            out[place] = 32
            place += gap & last & here & 1
            out[place] = piece.text[j]
            place += here != 0
            gap = np.int64(here == 0)
            last = here if here else last
        starts[i + 1] = place
