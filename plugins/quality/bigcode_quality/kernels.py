"""Hot loops over bytes, compiled by numba; `vectorised` gives the same without it.

Nothing of the package is called from here: numba compiles anew when this file has changed, and looks at no other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Words = NDArray[np.uint64]

_U = np.uint64
_LF, _CR, _SPACE, _SLASH, _X, _LOWER_U, _ZERO = 10, 13, 32, 92, 120, 117, 48
_PIECE = 1 << 20
"""Bytes after which sums of 21 bits are emptied."""
_FIELD = _U((1 << 21) - 1)
_IN_WORD, _IN_BASE64, _IN_HEX = 1, 2, 4
_PAIR = _U((_IN_HEX << 16) | (_IN_HEX << 8))
_PAIR_MASK = _U((_IN_HEX << 16) | (_IN_HEX << 8) | _IN_WORD)
_RUN, _ESCAPES, _PAIRS = 64, 8, 8
_MIX = _U(0x9E3779B97F4A7C15)


def _kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call and keep the code where numba finds a folder for it."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


_inner = njit(nogil=True)


@_kernel
def count_text(
    data: Bytes,
    bounds: Integers,
    packed: Words,
    marker_lines: int,
    marker_bytes: int,
    hints: Bytes,
    out: Integers,
) -> None:
    """Fill the rows of `out`: lines, characters of the longest and of all of them, characters, letters, digits, bytes
    outside ASCII, where the search for a marker stops, and whether one of the hints stands before.

    `packed` holds what a byte adds: letters, digits and bytes outside ASCII at bit 0, 21 and 42. `hints` are of lower
    case, each with a zero after it.
    """
    for i in range(len(bounds) - 1):
        begin, end = bounds[i], bounds[i + 1]
        limit = min(end, begin + marker_bytes)
        letters, digits, wide = 0, 0, 0
        lines, longest, total, start, stop = 0, 0, 0, begin, end
        for piece in range(begin, end, _PIECE):
            sums = _U(0)
            for j in range(piece, min(end, piece + _PIECE)):
                byte = data[j]
                sums += packed[byte]
                if byte == _LF:
                    length = j - start
                    if length > 0 and data[j - 1] == _CR:
                        length -= 1
                    longest = max(longest, length)
                    total += length
                    lines += 1
                    start = j + 1
                    if lines == marker_lines:
                        stop = start
            letters += np.int64(sums & _FIELD)
            digits += np.int64((sums >> _U(21)) & _FIELD)
            wide += np.int64(sums >> _U(42))
        if start < end:
            longest = max(longest, end - start)
            total += end - start
            lines += 1
        chars = end - begin
        if wide:
            chars, longest, total = _count_wide_lines(data, begin, end)
        stop = min(stop, limit)
        # Beyond ASCII there are letters that fold to those of a hint: there, what follows counts too.
        hinted = _is_hinted(data, begin, stop if wide == 0 or _is_ascii(data, begin, stop) else limit, hints)
        row = out[i]
        row[0], row[1], row[2], row[3] = lines, longest, total, chars
        row[4], row[5], row[6], row[7], row[8] = letters, digits, wide, stop, hinted


@_inner
def _count_wide_lines(data: Bytes, begin: int, end: int) -> tuple[int, int, int]:
    """Characters of a row, of its longest line, and of all of them."""
    more, before, longest, total, start = 0, 0, 0, 0, begin
    for j in range(begin, end):
        byte = data[j]
        more += (byte & 0xC0) == 0x80
        if byte == _LF:
            length = j - start
            if length > 0 and data[j - 1] == _CR:
                length -= 1
            length -= more - before
            longest, total, start, before = max(longest, length), total + length, j + 1, more
    length = end - start - (more - before)
    return end - begin - more, max(longest, length), total + length


@_inner
def _is_ascii(data: Bytes, begin: int, end: int) -> bool:
    for j in range(begin, end):
        if data[j] >= 0x80:
            return False
    return True


@_inner
def _is_hinted(data: Bytes, begin: int, end: int, hints: Bytes) -> int:
    """Whether a hint stands between `begin` and `end`, in any case."""
    for j in range(begin, end):
        first, low = 0, data[j] | _SPACE
        while first < len(hints):
            k = 0
            if hints[first] == low:
                while hints[first + k] and j + k < end:
                    byte = data[j + k]
                    if byte - 65 < 26 and byte >= 65:
                        byte |= _SPACE
                    if byte != hints[first + k]:
                        break
                    k += 1
                if hints[first + k] == 0:
                    return 1
            while hints[first + k]:
                k += 1
            first += k + 1
    return 0


@_kernel
def count_lines(data: Bytes, bounds: Integers, weights: Words, out: Integers) -> None:
    """Fill the rows of `out`: characters, whether there are bytes outside ASCII, line feeds, and characters of the
    lines that differ, or -1 for a row whose lines fall together in the table far more than chance would have it.

    `weights` are random and a power of two long; lines of the same sum are compared.
    """
    room = 1 << 12
    table = np.zeros(room, np.int32)
    sums, starts, sizes = np.zeros(room, np.uint64), np.zeros(room, np.int64), np.zeros(room, np.int64)
    turn = len(weights) - 1
    for i in range(len(bounds) - 1):
        begin, end = bounds[i], bounds[i + 1]
        feeds, high = 0, 0
        for j in range(begin, end):
            feeds += data[j] == _LF
            high |= data[j]
        size = 8
        while size < 2 * (feeds + 1):
            size *= 2
        if size > room:
            room = size
            table = np.zeros(room, np.int32)
            sums, starts, sizes = (
                np.zeros(room, np.uint64),
                np.zeros(room, np.int64),
                np.zeros(room, np.int64),
            )
        table[:size] = 0
        mask = size - 1
        distinct, steps, unique, more, start = 0, 0, 0, 0, begin
        while start <= end and steps >= 0:
            total, j, before = _U(0), start, more
            while j < end and data[j] != _LF:
                byte = data[j]
                total += weights[(j - start) & turn] * _U(byte + 1)
                more += (byte & 0xC0) == 0x80
                j += 1
            length = j - start
            total = (total ^ (total >> _U(32))) * _MIX
            spot = np.int64(total >> _U(33)) & mask
            known = False
            while table[spot]:
                index = table[spot] - 1
                if sums[index] == total and sizes[index] == length:
                    known = _is_same(data, starts[index], start, length)
                    if known:
                        break
                    steps += length
                steps += 1
                spot = (spot + 1) & mask
            if not known:
                sums[distinct], starts[distinct], sizes[distinct] = total, start, length
                distinct += 1
                table[spot] = distinct
                unique += length - (more - before)
            if steps > 16 * (end - begin) + 1024:
                steps, unique = -1, -1
            start = j + 1
        if unique < 0:
            more = 0
            for j in range(begin, end):
                more += (data[j] & 0xC0) == 0x80
        row = out[i]
        row[0], row[1], row[2], row[3] = end - begin - more, high >= 0x80, feeds, unique


@_inner
def _is_same(data: Bytes, first: int, second: int, length: int) -> bool:
    for k in range(length):
        if data[first + k] != data[second + k]:
            return False
    return True


@_kernel
def find_encoded(
    data: Bytes, bounds: Integers, classes: Bytes, reach: int, spans: Integers, starts: Integers
) -> tuple[int, int]:
    """Fill `spans` with row, start and end of runs of base64 and of `\\u` escapes, and `starts` with row and start of
    what may be a sequence of hexadecimal pairs, by row and place, counted from where the row begins.

    Returns how many there are; those for which there is no room are counted and left out.
    """
    ring, heads = np.zeros(_PAIRS, np.int64), np.zeros(_PAIRS, np.int64)
    found, candidates = 0, 0
    for i in range(len(bounds) - 1):
        begin, end = bounds[i], bounds[i + 1]
        start = begin
        while start + _RUN <= end:
            # From the end of what would be a run: most of the text is never looked at.
            j = start + _RUN - 1
            while j >= start and classes[data[j]] & _IN_BASE64:
                j -= 1
            if j >= start:
                start = j + 1
                continue
            j = start + _RUN
            while j < end and classes[data[j]] & _IN_BASE64:
                j += 1
            if found < len(spans):
                spans[found, 0], spans[found, 1], spans[found, 2] = i, start - begin, j - begin
            found += 1
            start = j + 1
        state, count, escape = _U(0), 0, begin
        for j in range(begin, end + 1):
            byte = data[j] if j < end else np.uint8(0)
            state = (state << _U(8)) | _U(classes[byte])
            if byte == _SLASH and j >= escape and j + 1 < end and data[j + 1] == _LOWER_U:
                escape = _end_of_escapes(data, j, end, classes)
                if escape - j >= 6 * _ESCAPES:
                    if found < len(spans):
                        spans[found, 0], spans[found, 1], spans[found, 2] = i, j - begin, escape - begin
                    found += 1
            if (state & _PAIR_MASK) != _PAIR:
                continue
            pair = j - 2
            head = pair
            if pair > begin:
                before = data[pair - 1]
                if before == _X and pair - 2 >= begin:
                    head = pair - 2
                elif classes[before] & _IN_WORD:
                    continue
            place = count & (_PAIRS - 1)
            ring[place], heads[place] = pair, head
            count += 1
            oldest = count & (_PAIRS - 1)
            if count >= _PAIRS and pair - ring[oldest] < reach:
                if candidates < len(starts):
                    starts[candidates, 0], starts[candidates, 1] = i, heads[oldest] - begin
                candidates += 1
    return found, candidates


@_inner
def _end_of_escapes(data: Bytes, start: int, end: int, classes: Bytes) -> int:
    """Where the escapes that begin at `start` end."""
    while start + 6 <= end and data[start] == _SLASH and data[start + 1] == _LOWER_U:
        for k in range(2, 6):
            if not classes[data[start + k]] & _IN_HEX:
                return start
        start += 6
    return start


@_kernel
def find_declarations(
    data: Bytes, bounds: Integers, declaration: Bytes, chars: int, out: NDArray[np.bool_]
) -> None:
    """Whether `declaration` stands in the first `chars` characters of each row."""
    for i in range(len(bounds) - 1):
        begin, end = bounds[i], bounds[i + 1]
        stop, count = begin, 0
        while stop < end:
            if (data[stop] & 0xC0) != 0x80:
                if count == chars:
                    break
                count += 1
            stop += 1
        out[i] = False
        for j in range(begin, stop - len(declaration) + 1):
            k = 0
            while k < len(declaration) and data[j + k] == declaration[k]:
                k += 1
            if k == len(declaration):
                out[i] = True
                break
