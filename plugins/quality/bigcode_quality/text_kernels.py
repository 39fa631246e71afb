"""The statistics of texts, compiled by numba; `vectorised` gives the same without it.

No compiled code of the package is called from here: numba compiles anew when this file has changed, and looks at no
other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bigcode_quality.jit import inline, inner, kernel, load_eight

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

_B, _U = np.uint8, np.uint64
_LF, _CR = 10, 13
_ONES, _TOPS, _FEEDS = _U(0x0101010101010101), _U(0x8080808080808080), _U(0x0A0A0A0A0A0A0A0A)
_PART = 192
"""Bytes whose counts fit into a byte."""


@kernel
def count_text(
    data: Bytes, bounds: Integers, marker_lines: int, marker_bytes: int, hints: Bytes, out: Integers
) -> None:
    """Fill the rows of `out`: lines, characters of the longest and of all of them, characters, letters, digits, bytes
    outside ASCII, where the search for a marker stops, and whether one of the hints stands before.

    `hints` are of lower case, each with a zero after it.
    """
    for i in range(len(bounds) - 1):
        begin, end = bounds[i], bounds[i + 1]
        text = data[begin:end]
        letters, digits, wide = 0, 0, 0
        for place in range(0, len(text), _PART):
            few_letters, few_digits, few_wide = _count_kinds(text[place : place + _PART])
            letters += few_letters
            digits += few_digits
            wide += few_wide
        lines, longest, total, start, stop = 0, 0, 0, 0, len(text)
        while True:
            j = _find_feed(text, start)
            if j == len(text):
                break
            length = j - start
            if length > 0 and text[j - 1] == _CR:
                length -= 1
            longest = max(longest, length)
            total += length
            lines += 1
            start = j + 1
            if lines == marker_lines:
                stop = start
        if start < len(text):
            longest = max(longest, len(text) - start)
            total += len(text) - start
            lines += 1
        chars = len(text)
        if wide:
            chars, longest, total = _count_wide_lines(text)
        limit = min(len(text), marker_bytes)
        stop = min(stop, limit)
        # Beyond ASCII there are letters that fold to those of a hint: there, what follows counts too.
        hinted = _is_hinted(text[: stop if wide == 0 or _is_ascii(text[:stop]) else limit], hints)
        row = out[i]
        row[0], row[1], row[2], row[3] = lines, longest, total, chars
        row[4], row[5], row[6], row[7], row[8] = letters, digits, wide, begin + stop, hinted


@inline
def _count_kinds(part: Bytes) -> tuple[int, int, int]:
    """Letters, digits, and bytes outside ASCII, of at most `_PART` bytes: so few that the processor adds up many."""
    letters, digits, wide = _B(0), _B(0), _B(0)
    for j in range(len(part)):
        byte = part[j]
        letters = _B(letters + _B(_B(_B(byte | _B(32)) - _B(97)) < _B(26)))
        digits = _B(digits + _B(_B(byte - _B(48)) < _B(10)))
        wide = _B(wide + (byte >> _B(7)))
    return np.int64(letters), np.int64(digits), np.int64(wide)


@inline
def _find_feed(text: Bytes, place: int) -> int:
    """Where the next line feed stands, or the length of the text."""
    while place + 8 <= len(text):
        signs = load_eight(text, place) ^ _FEEDS
        # The lowest bit that is set belongs to the first line feed.
        ends = (signs - _ONES) & ~signs & _TOPS
        if ends:
            before = ((ends & (~ends + _U(1))) - _U(1)) >> _U(7)
            return place + np.int64(((before & _ONES) * _ONES) >> _U(56))
        place += 8
    while place < len(text) and text[place] != _LF:
        place += 1
    return place


@inner
def _count_wide_lines(text: Bytes) -> tuple[int, int, int]:
    """Characters of a row, of its longest line, and of all of them."""
    more, before, longest, total, start = 0, 0, 0, 0, 0
    for j in range(len(text)):
        byte = text[j]
        more += (byte & 0xC0) == 0x80
        if byte == _LF:
            length = j - start
            if length > 0 and text[j - 1] == _CR:
                length -= 1
            length -= more - before
            longest, total, start, before = max(longest, length), total + length, j + 1, more
    length = len(text) - start - (more - before)
    return len(text) - more, max(longest, length), total + length


@inner
def _is_ascii(text: Bytes) -> bool:
    high = 0
    for j in range(len(text)):
        high |= text[j]
    return high < 0x80


@inner
def _is_hinted(text: Bytes, hints: Bytes) -> int:
    """Whether a hint stands in the text, in any case."""
    begins = np.zeros(256, np.bool_)
    for k in range(len(hints)):
        if k == 0 or hints[k - 1] == 0:
            begins[hints[k]] = begins[hints[k] - 32] = True
    for j in range(len(text)):
        if not begins[text[j]]:
            continue
        first, low = 0, text[j] | 32
        while first < len(hints):
            k = 0
            if hints[first] == low:
                while hints[first + k] and j + k < len(text):
                    byte = text[j + k]
                    if 65 <= byte <= 90:
                        byte |= 32
                    if byte != hints[first + k]:
                        break
                    k += 1
                if hints[first + k] == 0:
                    return 1
            while hints[first + k]:
                k += 1
            first += k + 1
    return 0
