"""The scan of a column of texts, compiled by numba; `scan.scan_slowly` gives the same without it.

Nothing of the package is called from here: numba compiles anew when this file has changed, and looks at no other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_U = np.uint64


def _kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call and keep the code where numba finds a folder for it."""
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
def _find(
    value: np.uint64, bits: NDArray[np.uint8], keys: NDArray[np.uint64], slots: NDArray[np.int32]
) -> int:
    """The number of a hash in an open table, or -1; most are turned away by the bits alone."""
    spot = value & _U(len(bits) * 8 - 1)
    if not (bits[spot >> _U(3)] >> (spot & _U(7))) & 1:
        return -1
    mask = len(keys) - 1
    place = np.int64((value >> _U(32)) & _U(mask))
    while slots[place] >= 0:
        if keys[place] == value:
            return slots[place]
        place = (place + 1) & mask
    return -1


@_kernel
def scan(
    text: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    fold: NDArray[np.uint8],
    length: int,
    constants: NDArray[np.uint64],
    words: Any,
    shingles: Any,
    out: NDArray[np.int64],
) -> int:
    """Hits of shingles into `out` (rows of text, shingle, place of its last token); returns how many there are, which
    may be more than there was room for.

    `kinds` by byte: 0 white space, 1 part of a word, 2 a token by itself. `constants`: offset and prime of FNV, base,
    base to the power of `length`, any word, raw stream, blurred stream. `words` and `shingles` are open tables.
    """
    start, prime, base, top, any_word, raw_salt, blurred_salt = constants
    word_bits, word_keys, word_slots = words
    bits, keys, slots = shingles
    ring = np.zeros(length, np.uint64)
    blurred_ring = np.zeros(length, np.uint64)
    found = 0
    for row in range(len(offsets) - 1):
        raw, blurred = _U(0), _U(0)
        ring[:] = 0
        blurred_ring[:] = 0
        place, at = 0, 0
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            kind = kinds[text[i]]
            if kind == 0:
                i += 1
                continue
            value = (start ^ _U(fold[text[i]])) * prime
            i += 1
            if kind == 1:
                while i < end and kinds[text[i]] == 1:
                    value = (value ^ _U(fold[text[i]])) * prime
                    i += 1
            value = _mix(value)
            other = value
            if kind == 1 and _find(value, word_bits, word_keys, word_slots) < 0:
                other = any_word
            raw = raw * base + value - ring[at] * top
            blurred = blurred * base + other - blurred_ring[at] * top
            ring[at] = value
            blurred_ring[at] = other
            at = at + 1 if at + 1 < length else 0
            place += 1
            if place < length:
                continue
            number = _find(_mix(raw ^ raw_salt), bits, keys, slots)
            if number >= 0:
                if found < len(out):
                    out[found, 0], out[found, 1], out[found, 2] = row, number, place
                found += 1
            number = _find(_mix(blurred ^ blurred_salt), bits, keys, slots)
            if number >= 0:
                if found < len(out):
                    out[found, 0], out[found, 1], out[found, 2] = row, number, place
                found += 1
    return found
