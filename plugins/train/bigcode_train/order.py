"""A keyed permutation of 0 .. n-1 that needs no table and no state.

A balanced Feistel network over the smallest even number of bits that holds n, walked in cycles until the value
falls below n. Source: Black and Rogaway 2002, "Ciphers with arbitrary finite domains". It orders data; it keeps
no secrets.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 6


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
        while (outside := values >= self.size).any():
            values[outside] = self._encrypt(values[outside])
        return values.astype(np.int64)

    def _encrypt(self, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        left, right = values >> self._half, values & self._mask
        for key in self._keys:
            left, right = right, left ^ (_mix(right ^ key) & self._mask)
        return (left << self._half) | right


def make_key(*parts: int | str) -> bytes:
    """A key made of numbers and words, such as seed, epoch and purpose."""
    return blake2b("\0".join(str(part) for part in parts).encode(), digest_size=32).digest()


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64. Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom generators"."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
