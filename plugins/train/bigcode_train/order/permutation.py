"""Keyed order and keyed draws that need no table and no state.

The permutation is a balanced Feistel network over the smallest even number of bits that holds n, walked in cycles
until the value falls below n. Source: Black and Rogaway 2002, "Ciphers with arbitrary finite domains". It orders
data; it keeps no secrets.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 6
_WORD = 2**64 - 1
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Permutation:
    """Maps index to index, both in 0 .. size - 1. Equal keys give equal permutations on any machine."""

    def __init__(self, size: int, key: bytes) -> None:
        if size < 1:
            raise ValueError("a permutation needs at least one element")
        self.size = size
        self._half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
        self._mask = np.uint64((1 << int(self._half)) - 1)
        self._keys = np.frombuffer(blake2b(key, digest_size=8 * _ROUNDS).digest(), "<u8")

    def __call__(self, indexes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Images of `indexes`, int64 of the same length."""
        values = self._encrypt(np.asarray(indexes).astype(np.uint64))
        outside = np.flatnonzero(values >= self.size)
        while len(outside):
            values[outside] = self._encrypt(values[outside])
            outside = outside[values[outside] >= self.size]
        return values.astype(np.int64)

    def _encrypt(self, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        left, right = values >> self._half, values & self._mask
        for key in self._keys:
            left, right = right, left ^ (_mix(right ^ key) & self._mask)
        return (left << self._half) | right


def make_key(*parts: int | str) -> bytes:
    """A key made of numbers and words, such as seed, epoch and purpose."""
    return blake2b("\0".join(str(part) for part in parts).encode(), digest_size=32).digest()


def draw(key: bytes, count: int, *columns: Any) -> NDArray[np.float64]:
    """For each row of `columns` (integers, all of one length) `count` numbers in 0 <= x < 1: float64 [rows, count].

    A row's numbers depend on the key and on the row alone.
    """
    state = np.frombuffer(key[:8], "<u8")
    for column in columns:
        state = _mix(state ^ _mix(np.asarray(column).astype(np.uint64) + _GOLDEN))
    words = _mix(state[:, None] + np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def draw_one(key: bytes, count: int, *numbers: int) -> list[float]:
    """What `draw` gives for one row; quicker by far."""
    state = int.from_bytes(key[:8], "little")
    for number in numbers:
        state = _mix_one(state ^ _mix_one(number + int(_GOLDEN)))
    words = (_mix_one(state + place * int(_GOLDEN)) for place in range(1, count + 1))
    return [(word >> 11) * 2.0**-53 for word in words]


def _mix_one(value: int) -> int:
    value &= _WORD
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _WORD
    return value ^ (value >> 31)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64. Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom generators"."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
