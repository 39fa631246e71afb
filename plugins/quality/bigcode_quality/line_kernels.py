"""Lines that repeat, and how a text begins, compiled by numba; `vectorised` gives the same without it.

No compiled code of the package is called from here: numba compiles anew when this file has changed, and looks at no
other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bigcode_quality.jit import inline, kernel, load_eight

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

_U = np.uint64
_B = np.uint8
_LF = 10
_PART = 192
"""Bytes whose counts fit into a byte."""
_MIX = _U(0x9E3779B97F4A7C15)
_ONES, _TOPS, _FEEDS = _U(0x0101010101010101), _U(0x8080808080808080), _U(0x0A0A0A0A0A0A0A0A)


@kernel
def count_lines(data: Bytes, bounds: Integers, weights: NDArray[np.uint64], out: Integers) -> None:
    """Fill the rows of `out`: characters, whether there are bytes outside ASCII, line feeds, and characters of the
    lines that differ, or -1 for a row whose lines fall together in the table far more than chance would have it.

    `weights` are random; lines of the same sum are compared.
    """
    room = 1 << 12
    sums, starts, sizes = np.zeros(room, np.uint64), np.zeros(room, np.int64), np.zeros(room, np.int64)
    for i in range(len(bounds) - 1):
        text = data[bounds[i] : bounds[i + 1]]
        feeds, more, high = 0, 0, False
        for place in range(0, len(text), _PART):
            few_feeds, few_more, few_high = _count_signs(text[place : place + _PART])
            feeds += few_feeds
            more += few_more
            high |= few_high
        size = 8
        while size < 2 * (feeds + 1):
            size *= 2
        if size > room:
            room = size
            sums, starts, sizes = (
                np.zeros(room, np.uint64),
                np.zeros(room, np.int64),
                np.zeros(room, np.int64),
            )
        sums[:size] = 0
        mask, steps, unique, start = size - 1, 0, 0, 0
        most = 16 * len(text) + 1024
        while start < len(text):
            stop, total = _weigh_line(text, start, weights)
            line = text[start:stop]
            start = stop + 1
            if len(line) == 0 or steps > most:
                # A line without characters counts for none, wherever it stands.
                continue
            spot = np.int64(total >> _U(33)) & mask
            while sums[spot]:
                if sums[spot] == total and sizes[spot] == len(line):
                    if _is_same(text[starts[spot] : starts[spot] + len(line)], line):
                        break
                    steps += len(line)
                steps += 1
                spot = (spot + 1) & mask
            if sums[spot] == 0:
                sums[spot], starts[spot], sizes[spot] = total, start - 1 - len(line), len(line)
                unique += _count_chars(line) if more else len(line)
        row = out[i]
        row[0], row[1], row[2], row[3] = len(text) - more, high, feeds, unique if steps <= most else -1


@inline
def _count_signs(part: Bytes) -> tuple[int, int, bool]:
    """Line feeds, bytes that go on with a character, and whether there are any outside ASCII."""
    feeds, more, high = _B(0), _B(0), _B(0)
    for j in range(len(part)):
        byte = part[j]
        feeds = _B(feeds + _B(byte == _B(10)))
        more = _B(more + _B(_B(byte & _B(0xC0)) == _B(0x80)))
        high = _B(high | byte)
    return np.int64(feeds), np.int64(more), high >= 0x80


@inline
def _weigh_line(text: Bytes, start: int, weights: NDArray[np.uint64]) -> tuple[int, np.uint64]:
    """Where the line from `start` on ends, and a sum by which lines are told apart, never zero."""
    total, place = weights[0], start
    while place + 8 <= len(text):
        word = load_eight(text, place)
        signs = word ^ _FEEDS
        # The lowest bit that is set belongs to the first line feed.
        ends = (signs - _ONES) & ~signs & _TOPS
        if ends:
            before = (ends & (~ends + _U(1))) - _U(1)
            # Of the byte of the line feed, seven bits are below; none of them belongs to the line.
            before >>= _U(7)
            total = (total ^ (word & before) ^ weights[1]) * _MIX
            place += np.int64(((before & _ONES) * _ONES) >> _U(56))
            total ^= _U(place - start)
            return place, (total ^ (total >> _U(29))) | _U(1)
        total = (total ^ word) * _MIX
        total ^= total >> _U(32)
        place += 8
    word, shift = _U(0), _U(0)
    while place < len(text) and text[place] != _LF:
        word |= _U(text[place]) << shift
        shift += _U(8)
        place += 1
    total = (total ^ word ^ weights[1]) * _MIX
    total ^= _U(place - start)
    return place, (total ^ (total >> _U(29))) | _U(1)


@inline
def _count_chars(line: Bytes) -> int:
    count = 0
    for k in range(len(line)):
        count += (line[k] & 0xC0) != 0x80
    return count


@inline
def _is_same(first: Bytes, second: Bytes) -> bool:
    other = _B(0)
    for k in range(len(first)):
        other = _B(other | _B(first[k] ^ second[k]))
    return other == 0


@kernel
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
