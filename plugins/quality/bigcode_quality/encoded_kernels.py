"""Data written as text, compiled by numba; `vectorised` gives the same without it.

No compiled code of the package is called from here: numba compiles anew when this file has changed, and looks at no
other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bigcode_quality.jit import inline, inner, kernel

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

_B = np.uint8
_SLASH, _X, _LOWER_U = 92, 120, 117
_PART = 192
"""Bytes whose counts fit into a byte."""
_IN_WORD, _IN_BASE64, _IN_HEX = 1, 2, 4
_RUN, _ESCAPES, _PAIRS = 64, 8, 8


@kernel
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


@inline
def _note(spans: Integers, found: int, row: int, start: int, end: int) -> int:
    if found < len(spans):
        spans[found, 0], spans[found, 1], spans[found, 2] = row, start, end
    return found + 1


@inline
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


@inline
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


@inline
def _is_no_word(byte: np.uint8) -> np.uint8:
    digit = _B(_B(byte - _B(48)) < _B(10))
    letter = _B(_B(_B(byte | _B(32)) - _B(97)) < _B(26))
    return _B(_B(_B(digit | letter) | _B(byte == _B(95))) ^ _B(1))


@inline
def _is_hex(byte: np.uint8) -> np.uint8:
    return _B(_B(_B(_B(byte | _B(32)) - _B(97)) < _B(6)) | _B(_B(byte - _B(48)) < _B(10)))


@inner
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


@inner
def _end_of_escapes(text: Bytes, start: int, classes: Bytes) -> int:
    """Where the escapes that begin at `start` end."""
    while start + 6 <= len(text) and text[start] == _SLASH and text[start + 1] == _LOWER_U:
        for k in range(2, 6):
            if not classes[text[start + k]] & _IN_HEX:
                return start
        start += 6
    return start
