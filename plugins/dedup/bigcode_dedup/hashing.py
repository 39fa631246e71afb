"""Words and tokens of a file, and the hash functions over them, for one value and for whole arrays.

A *word* is a run of A-Z, a-z, 0-9 and `_`; every other byte separates. Its hash is mix(h), with h made from left to
right by h = h * base + byte, and the hash of a sequence of words is mix(g), with g = g * base' + hash of word; all
modulo 2**64. `mix` is the finalizer of MurmurHash3. Shingles take the upper 32 bits.

A *token*, as copies are told by, is a run of word bytes, where bytes from 128 on belong to words too, or a single
other byte; bytes up to 32 and 127 are white space and stand for nothing. Tokens hash as words do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BYTE_BASE = 0x9E3779B97F4A7C15
WORD_BASE = 0xC2B2AE3D27D4EB4F
BAND_BASE = 0xD6E8FEB86659FD93
_MASK = (1 << 64) - 1
_WORD_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"


class Alphabet(NamedTuple):
    """What each byte is, in arrays of 256.

    `kind` (uint8) is 0 for what separates, 1 for a byte of words, 2 for a byte that is a token of its own.
    `keep`, `add` and `mark` (uint64) make hashes without a branch: h = h * keep + add goes on within a word and is
    0 outside; a token that ends here is h + mark.
    """

    kind: NDArray[np.uint8]
    keep: NDArray[np.uint64]
    add: NDArray[np.uint64]
    mark: NDArray[np.uint64]


def _alphabet(words: bytes, separators: bytes) -> Alphabet:
    kind = np.full(256, 2, np.uint8)
    kind[list(words)] = 1
    kind[list(separators)] = 0
    value = np.arange(256, dtype=np.uint64)
    zero = np.uint64(0)
    return Alphabet(
        kind,
        np.where(kind == 1, np.uint64(BYTE_BASE), zero),
        np.where(kind == 1, value, zero),
        np.where(kind == 2, value, zero),
    )


WORDS = _alphabet(_WORD_BYTES, bytes(set(range(256)) - set(_WORD_BYTES)))
TOKENS = _alphabet(_WORD_BYTES + bytes(range(128, 256)), bytes(range(33)) + b"\x7f")


def hash_shingle(shingle: bytes) -> int:
    """Hash of one shingle, its words joined by single spaces: 32 bits, for `datasketch.MinHash(hashfunc=...)`."""
    total = 0
    for word in shingle.split(b" "):
        value = 0
        for byte in word:
            value = value * BYTE_BASE + byte & _MASK
        total = total * WORD_BASE + _mix_one(value) & _MASK
    return _mix_one(total) >> 32


def _mix_one(value: int) -> int:
    value = (value ^ (value >> 33)) * 0xFF51AFD7ED558CCD & _MASK
    value = (value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ (value >> 33)


def mix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The 64-bit finalizer of MurmurHash3 (Appleby, public domain), a bijection."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))


def mix32(values: NDArray[np.uint32]) -> NDArray[Any]:
    """The 32-bit finalizer of MurmurHash3, which datasketch applies to each hash before it permutes."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


def hash_bands(signatures: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.uint64]:
    """Hashes of the bands of each signature: uint64 of shape (files, bands).

    A band's number is part of its hash, so that bands can be compared all together.
    """
    cells = signatures[:, : bands * rows].reshape(-1, bands, rows)
    keys = np.tile(np.arange(bands, dtype=np.uint64), (len(cells), 1))
    for row in range(rows):
        keys *= np.uint64(BAND_BASE)
        keys += cells[:, :, row]
    return mix64(keys)
