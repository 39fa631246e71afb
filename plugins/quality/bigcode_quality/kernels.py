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

_U = np.uint64
_B = np.uint8
_LF, _CR, _SLASH, _X, _LOWER_U = 10, 13, 92, 120, 117
_PART = 192
"""Bytes whose counts fit into a byte."""
_IN_WORD, _IN_BASE64, _IN_HEX = 1, 2, 4
_RUN, _ESCAPES, _PAIRS = 64, 8, 8
_MIX = _U(0x9E3779B97F4A7C15)


def _kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call and keep the code where numba finds a folder for it."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


_inner = njit(nogil=True)
_inline = njit(nogil=True, inline="always")
"""For what is called for each line or part: a call with a part of an array costs more than most of them."""


@_kernel
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
        for j in range(len(text)):
            if text[j] == _LF:
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


@_inline
def _count_kinds(part: Bytes) -> tuple[int, int, int]:
    """Letters, digits, and bytes outside ASCII, of at most `_PART` bytes: so few that the processor adds up many."""
    letters, digits, wide = _B(0), _B(0), _B(0)
    for j in range(len(part)):
        byte = part[j]
        letters = _B(letters + _B(_B(_B(byte | _B(32)) - _B(97)) < _B(26)))
        digits = _B(digits + _B(_B(byte - _B(48)) < _B(10)))
        wide = _B(wide + (byte >> _B(7)))
    return np.int64(letters), np.int64(digits), np.int64(wide)


@_inner
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


@_inner
def _is_ascii(text: Bytes) -> bool:
    high = 0
    for j in range(len(text)):
        high |= text[j]
    return high < 0x80


@_inner
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


@_kernel
def count_lines(data: Bytes, bounds: Integers, weights: NDArray[np.uint32], out: Integers) -> None:
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
        for j in range(len(text) + 1):
            if j < len(text) and text[j] != _LF:
                continue
            line = text[start:j]
            start = j + 1
            if len(line) == 0 or steps > most:
                # A line without characters counts for none, wherever it stands.
                continue
            total = _weigh(line, weights)
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


@_inline
def _count_signs(part: Bytes) -> tuple[int, int, bool]:
    """Line feeds, bytes that go on with a character, and whether there are any outside ASCII."""
    feeds, more, high = _B(0), _B(0), _B(0)
    for j in range(len(part)):
        byte = part[j]
        feeds = _B(feeds + _B(byte == _B(10)))
        more = _B(more + _B(_B(byte & _B(0xC0)) == _B(0x80)))
        high = _B(high | byte)
    return np.int64(feeds), np.int64(more), high >= 0x80


@_inline
def _weigh(line: Bytes, weights: NDArray[np.uint32]) -> np.uint64:
    """A sum by which lines are told apart, never zero."""
    total = _U(len(line))
    for place in range(0, len(line), len(weights)):
        part = line[place : place + len(weights)]
        few = np.uint32(0)
        for k in range(len(part)):
            few = np.uint32(few + np.uint32(weights[k] * np.uint32(part[k])))
        total = (total ^ _U(few)) * _MIX
    return (total ^ (total >> _U(29))) | _U(1)


@_inline
def _count_chars(line: Bytes) -> int:
    count = 0
    for k in range(len(line)):
        count += (line[k] & 0xC0) != 0x80
    return count


@_inline
def _is_same(first: Bytes, second: Bytes) -> bool:
    other = _B(0)
    for k in range(len(first)):
        other = _B(other | _B(first[k] ^ second[k]))
    return other == 0


@_kernel
def find_encoded(
    data: Bytes, bounds: Integers, classes: Bytes, reach: int, spans: Integers, starts: Integers
) -> tuple[int, int]:
    """Fill `spans` with row, start and end of runs of base64 and of `\\u` escapes, and `starts` with row and start of
    what may be a sequence of hexadecimal pairs, by row and place, counted from where the row begins.

    Returns how many there are; those for which there is no room are counted and left out.
    """
    ring, heads = np.zeros(_PAIRS, np.int64), np.zeros(_PAIRS, np.int64)
    pairs = np.zeros(1024, np.int64)
    around = (reach + _PART - 1) // _PART
    found, candidates = 0, 0
    for i in range(len(bounds) - 1):
        text = data[bounds[i] : bounds[i + 1]]
        found = _find_base64(text, classes, i, spans, found)
        blocks = (len(text) + _PART - 1) // _PART
        if len(pairs) < blocks + 2 * around:
            pairs = np.zeros(2 * (blocks + 2 * around), np.int64)
        pairs[:around] = 0
        pairs[around + blocks : blocks + 2 * around] = 0
        escape = 0
        for block in range(blocks):
            place = block * _PART
            count, slashes = _count_pairs(text, place)
            pairs[around + block] = count
            if slashes:
                for j in range(place, min(len(text) - 1, place + _PART)):
                    if text[j] == _SLASH and j >= escape and text[j + 1] == _LOWER_U:
                        escape = _end_of_escapes(text, j, classes)
                        if escape - j >= 6 * _ESCAPES:
                            found = _note(spans, found, i, j, escape)
        count = 0
        for block in range(blocks):
            if not _is_dense(pairs, block, around):
                continue
            # A pair is counted where the byte after it stands; that of the last may be none.
            stop = len(text) + 1 if block == blocks - 1 else (block + 1) * _PART
            for j in range(max(block * _PART, 2), stop):
                pair = j - 2
                if not (classes[text[pair]] & classes[text[pair + 1]] & _IN_HEX):
                    continue
                if j < len(text) and classes[text[j]] & _IN_WORD:
                    continue
                head = pair
                if pair > 0:
                    before = text[pair - 1]
                    if before == _X and pair > 1:
                        head = pair - 2
                    elif classes[before] & _IN_WORD:
                        continue
                place = count & (_PAIRS - 1)
                ring[place], heads[place] = pair, head
                count += 1
                oldest = count & (_PAIRS - 1)
                if count >= _PAIRS and pair - ring[oldest] < reach:
                    if candidates < len(starts):
                        starts[candidates, 0], starts[candidates, 1] = i, heads[oldest]
                    candidates += 1
    return found, candidates


@_inline
def _note(spans: Integers, found: int, row: int, start: int, end: int) -> int:
    if found < len(spans):
        spans[found, 0], spans[found, 1], spans[found, 2] = row, start, end
    return found + 1


@_inline
def _find_base64(text: Bytes, classes: Bytes, row: int, spans: Integers, found: int) -> int:
    start = 0
    while start + _RUN <= len(text):
        # From the end of what would be a run: most of the text is never looked at.
        j = start + _RUN - 1
        while j >= start and classes[text[j]] & _IN_BASE64:
            j -= 1
        if j >= start:
            start = j + 1
            continue
        j = start + _RUN
        while j < len(text) and classes[text[j]] & _IN_BASE64:
            j += 1
        found = _note(spans, found, row, start, j)
        start = j + 1
    return found


@_inline
def _count_pairs(text: Bytes, place: int) -> tuple[int, bool]:
    """How many of `_PART` bytes from `place` on end a pair of hexadecimal digits that is a word or follows an `x`, or
    some number that is enough where the text begins or ends, and whether there is a backslash."""
    part = text[place : place + _PART]
    count, slashes = _B(0), _B(0)
    for j in range(len(part)):
        slashes = _B(slashes | _B(part[j] == _B(92)))
    if place < 3 or len(part) < _PART:
        return _PAIRS, slashes != 0
    before = text[place - 3 : place - 3 + _PART]
    first, second = text[place - 2 : place - 2 + _PART], text[place - 1 : place - 1 + _PART]
    for j in range(_PART):
        pair = _B(_is_hex(first[j]) & _is_hex(second[j]))
        begins = _B(_is_no_word(before[j]) | _B(before[j] == _B(120)))
        count = _B(count + _B(_B(pair & begins) & _is_no_word(part[j])))
    return np.int64(count), slashes != 0


@_inline
def _is_no_word(byte: np.uint8) -> np.uint8:
    digit = _B(_B(byte - _B(48)) < _B(10))
    letter = _B(_B(_B(byte | _B(32)) - _B(97)) < _B(26))
    return _B(_B(_B(digit | letter) | _B(byte == _B(95))) ^ _B(1))


@_inline
def _is_hex(byte: np.uint8) -> np.uint8:
    return _B(_B(_B(_B(byte | _B(32)) - _B(97)) < _B(6)) | _B(_B(byte - _B(48)) < _B(10)))


@_inner
def _is_dense(pairs: Integers, block: int, around: int) -> bool:
    """Whether among blocks that hold this one and reach far enough there are pairs enough for a sequence."""
    total = 0
    for k in range(block, block + around + 1):
        total += pairs[k]
    for k in range(block + around + 1, block + 2 * around + 1):
        if total >= _PAIRS:
            return True
        total += pairs[k] - pairs[k - around - 1]
    return total >= _PAIRS


@_inner
def _end_of_escapes(text: Bytes, start: int, classes: Bytes) -> int:
    """Where the escapes that begin at `start` end."""
    while start + 6 <= len(text) and text[start] == _SLASH and text[start + 1] == _LOWER_U:
        for k in range(2, 6):
            if not classes[text[start + k]] & _IN_HEX:
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
