"""Pre-tokenisation and byte-pair encoding in one pass over UTF-8, compiled by numba and free of the interpreter's lock.

Nothing of the package is called from here: numba compiles anew when this file has changed, and looks at no other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

OTHER, LETTER, DIGIT, SPACE, STRANGE, UNKNOWN = 0, 1, 2, 3, 4, 5
"""Classes of characters. What holds a strange one is left to the tokenizer itself; of an unknown one the class is asked
for."""
LONGEST = 2048
"""Bytes of a pre-token up to which merging by search is fast enough."""
SLOTS, WORDS, IDS = 1 << 17, 1 << 21, 1 << 20
"""Room for words that were encoded: slots, bytes of their text, ids."""

_NONE = np.int64(2**62)


def _kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call and keep the code where numba finds a folder for it."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


_inner = njit(nogil=True)
_inline = njit(nogil=True, inline="always")


@_inline
def _width(byte: int) -> int:
    """Bytes of the character that begins with `byte`."""
    return 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4


@_inner
def _character(text: NDArray[np.uint8], at: int) -> int:
    """The code point of a character of two bytes or more."""
    byte = np.int64(text[at])
    if byte < 0xE0:
        return ((byte & 0x1F) << 6) | (text[at + 1] & 0x3F)
    if byte < 0xF0:
        return ((byte & 0x0F) << 12) | ((text[at + 1] & 0x3F) << 6) | (text[at + 2] & 0x3F)
    high = ((byte & 0x07) << 18) | ((text[at + 1] & 0x3F) << 12)
    return high | ((text[at + 2] & 0x3F) << 6) | (text[at + 3] & 0x3F)


@_inline
def _class(text: NDArray[np.uint8], at: int, classes: NDArray[np.uint8]) -> int:
    byte = text[at]
    return classes[byte] if byte < 0x80 else classes[_character(text, at)]


@_inner
def _end_of_run(text: NDArray[np.uint8], at: int, stop: int, kind: int, classes: NDArray[np.uint8]) -> int:
    while at < stop and _class(text, at, classes) == kind:
        at += _width(text[at])
    return at


@_inner
def _end_of_word(text: NDArray[np.uint8], at: int, stop: int, classes: NDArray[np.uint8]) -> int:
    """Where the pre-token that begins at `at` ends; -1 - place where a character of no plain class stands.

    Each digit is one. Letters are one together, and so are other signs; a blank before either belongs to it. Of white
    space, what stands before a digit or the end is one; before anything else its last character stands alone, or is
    the blank that belongs to what follows. After a quote that opens a pre-token, `s t d m ll ve re` end it.
    """
    kind = _class(text, at, classes)
    if kind == DIGIT:
        return at + _width(text[at])
    place = at
    if kind == SPACE:
        last = at
        while place < stop and _class(text, place, classes) == SPACE:
            last = place
            place += _width(text[place])
        if place == stop:
            return stop
        kind = _class(text, place, classes)
        if kind == DIGIT:
            return place
        if last > at and kind < STRANGE:
            return last
        if text[at] != 32 and kind < STRANGE:
            return place
    elif text[at] == 39 and at + 1 < stop:
        letter = text[at + 1]
        if letter == 115 or letter == 116 or letter == 100 or letter == 109:
            return at + 2
        if at + 2 < stop:
            second = text[at + 2]
            if letter == 108 and second == 108:
                return at + 3
            if (letter == 118 or letter == 114) and second == 101:
                return at + 3
    if kind >= STRANGE:
        return -1 - place
    place = _end_of_run(text, place, stop, kind, classes)
    # A character of no plain class may belong to the run.
    if place < stop:
        kind = _class(text, place, classes)
        if kind >= STRANGE:
            return -1 - place
    return place


@_inner
def _merge_of(a: int, b: int, keys: NDArray[np.int64], values: NDArray[np.int64]) -> int:
    """Rank of the merge of two tokens times 2**32 plus the token it makes; `_NONE` where there is none."""
    key = (a << 32) | b
    mask = len(keys) - 1
    slot = ((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & np.uint64(mask)
    at = np.int64(slot)
    while keys[at] != key:
        if keys[at] < 0:
            return _NONE
        at = (at + 1) & mask
    return values[at]


@_inner
def _merge(
    text: NDArray[np.uint8],
    start: int,
    stop: int,
    byte_ids: NDArray[np.int64],
    keys: NDArray[np.int64],
    values: NDArray[np.int64],
    tokens: NDArray[np.int64],
    pairs: NDArray[np.int64],
) -> int:
    """Encode a pre-token into `tokens`, the merge of lowest rank first and of equals the leftmost; returns how many."""
    count = stop - start
    for i in range(count):
        tokens[i] = byte_ids[text[start + i]]
    for i in range(count - 1):
        pairs[i] = _merge_of(tokens[i], tokens[i + 1], keys, values)
    while count > 1:
        best, at = _NONE, 0
        for i in range(count - 1):
            if pairs[i] < best:
                best, at = pairs[i], i
        if best == _NONE:
            break
        tokens[at] = best & 0xFFFFFFFF
        count -= 1
        for i in range(at + 1, count):
            tokens[i] = tokens[i + 1]
            pairs[i - 1] = pairs[i]
        if at:
            pairs[at - 1] = _merge_of(tokens[at - 1], tokens[at], keys, values)
        if at < count - 1:
            pairs[at] = _merge_of(tokens[at], tokens[at + 1], keys, values)
    return count


@_inner
def _hash(text: NDArray[np.uint8], start: int, stop: int) -> int:
    """FNV-1a, folded; never zero."""
    value = np.uint64(0xCBF29CE484222325)
    for i in range(start, stop):
        value = (value ^ np.uint64(text[i])) * np.uint64(0x100000001B3)
    return np.int64(value ^ (value >> np.uint64(29))) | 1


@_kernel
def encode_pieces(
    text: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    first: int,
    classes: NDArray[np.uint8],
    byte_ids: NDArray[np.int64],
    keys: NDArray[np.int64],
    values: NDArray[np.int64],
    slots: NDArray[np.int64],
    words: NDArray[np.uint8],
    kept: NDArray[np.int64],
    used: NDArray[np.int64],
    out: NDArray[np.uint32],
    starts: NDArray[np.uint8],
    lengths: NDArray[np.int64],
    written: int,
) -> tuple[int, int, int]:
    """Encode texts `first` and on, which lie in `text` between `bounds`, to `out` from `written` on.

    `slots` is int64 [SLOTS, 4]: hash, place in `words` and length, place in `kept` and count, epoch. `used` holds the
    bytes of `words`, the ids of `kept`, the slots that are taken, and the epoch. A text whose length becomes -1 is left
    to the tokenizer: it holds a strange character or a pre-token longer than `LONGEST`.

    Returns:
        The number of the text that was stopped at (of texts when all are done), the ids written before it, and the
        character of unknown class that stopped it, or -1.
    """
    tokens = np.empty(LONGEST, np.int64)
    pairs = np.empty(LONGEST, np.int64)
    mask = len(slots) - 1
    for number in range(first, len(bounds) - 1):
        at, stop = bounds[number], bounds[number + 1]
        begun = written
        while at < stop:
            end = _end_of_word(text, at, stop, classes)
            if end < 0:
                place = -1 - end
                if _class(text, place, classes) == UNKNOWN:
                    return number, begun, _character(text, place)
                written = begun - 1
                break
            size = end - at
            if size == 1:
                out[written] = byte_ids[text[at]]
                starts[written] = 1
                written += 1
                at = end
                continue
            if size > LONGEST:
                written = begun - 1
                break
            value = _hash(text, at, end)
            slot = (value >> 8) & mask
            found = -1
            while slots[slot, 3] == used[3]:
                if slots[slot, 0] == value and (slots[slot, 1] & 0xFFFF) == size:
                    place = slots[slot, 1] >> 16
                    same = True
                    for i in range(size):
                        if words[place + i] != text[at + i]:
                            same = False
                            break
                    if same:
                        found = slot
                        break
                slot = (slot + 1) & mask
            if found >= 0:
                place, count = slots[found, 2] >> 16, slots[found, 2] & 0xFFFF
                for i in range(count):
                    out[written + i] = kept[place + i]
            else:
                count = _merge(text, at, end, byte_ids, keys, values, tokens, pairs)
                for i in range(count):
                    out[written + i] = tokens[i]
                if used[0] + size > WORDS or used[1] + count > IDS or used[2] * 2 > len(slots):
                    # What was kept is forgotten at once: with the next language other words are common.
                    used[0], used[1], used[2] = 0, 0, 0
                    used[3] += 1
                    slot = (value >> 8) & mask
                for i in range(size):
                    words[used[0] + i] = text[at + i]
                for i in range(count):
                    kept[used[1] + i] = tokens[i]
                slots[slot, 0], slots[slot, 1] = value, (used[0] << 16) | size
                slots[slot, 2], slots[slot, 3] = (used[1] << 16) | count, used[3]
                used[0] += size
                used[1] += count
                used[2] += 1
            starts[written] = 1
            for i in range(1, count):
                starts[written + i] = 0
            written += count
            at = end
        lengths[number] = written - begun
        written = max(written, begun)
    return len(bounds) - 1, written, -1
