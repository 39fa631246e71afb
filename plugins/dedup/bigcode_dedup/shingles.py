"""Words, shingles and their hashes, for many files at once.

A word is a run of A-Z, a-z, 0-9 and `_`; every other byte separates. A shingle is so many words in a row. Its
hash is a function of its bytes alone (`hash_shingle`), and `hash_shingles` computes the same over whole
partitions: sums of powers give each word's hash from one running sum over all bytes, and each shingle's from
its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Words64 = NDArray[np.uint64]

_BYTE_BASE = 0x9E3779B97F4A7C15 | 1
_WORD_BASE = 0xC2B2AE3D27D4EB4F | 1
_MASK = (1 << 64) - 1
_IS_WORD = np.zeros(256, dtype=bool)
_IS_WORD[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] = True


class Shingles(NamedTuple):
    """Distinct shingle hashes of many files.

    `hashes` is uint32, those of file i being `hashes[starts[i]:starts[i + 1]]`; `words` (int64) counts the words
    of each file.
    """

    hashes: NDArray[np.uint32]
    starts: NDArray[np.int64]
    words: NDArray[np.int64]


def hash_shingle(shingle: bytes) -> int:
    """Hash of one shingle, its words joined by single spaces: 32 bits, for `datasketch.MinHash(hashfunc=...)`.

    A word hashes to mix(sum of byte i times base**i), a shingle to mix(sum of word j times base'**j), modulo 2**64;
    mix is the finalizer of MurmurHash3, and the upper half of the result counts.
    """
    total = 0
    for j, word in enumerate(shingle.split(b" ")):
        value = sum(byte * pow(_BYTE_BASE, i, 1 << 64) for i, byte in enumerate(word)) & _MASK
        total += _mix_one(value) * pow(_WORD_BASE, j, 1 << 64)
    return _mix_one(total & _MASK) >> 32


def hash_shingles(contents: Sequence[bytes], ngram: int) -> Shingles:
    """Hashes of the distinct shingles of each file."""
    lengths = np.fromiter(map(len, contents), np.int64, len(contents))
    # A separator after each file keeps words, but not yet shingles, within one file.
    text = np.frombuffer(b"\n".join([*contents, b""]), np.uint8)
    begins, ends = _find_words(text)
    file_ends = np.cumsum(lengths + 1)
    file_of = np.searchsorted(file_ends, begins, side="right")
    words = np.bincount(file_of, minlength=len(contents)).astype(np.int64)
    count = max(len(begins) - ngram + 1, 0)
    if not count:
        return Shingles(np.zeros(0, np.uint32), np.zeros(len(contents) + 1, np.int64), words)
    word_hashes = _hash_words(text, begins, ends)
    sums = np.zeros(count, np.uint64)
    for j in range(ngram):
        sums += word_hashes[j : j + count] * np.uint64(pow(_WORD_BASE, j, 1 << 64))
    hashes = mix64(sums) >> np.uint64(32)
    # Those that reach into the next file are no shingles; the file's number above the hash sorts by file.
    within = file_of[:count] == file_of[ngram - 1 : ngram - 1 + count]
    keyed = np.unique(hashes[within] | (file_of[:count][within].astype(np.uint64) << np.uint64(32)))
    starts = np.searchsorted(keyed, np.arange(len(contents) + 1, dtype=np.uint64) << np.uint64(32))
    return Shingles((keyed & np.uint64(0xFFFFFFFF)).astype(np.uint32), starts, words)


def _find_words(text: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First byte of each word, and the byte after its last."""
    inside = np.concatenate(([False], _IS_WORD[text], [False]))
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return edges[::2], edges[1::2]


def _hash_words(text: NDArray[np.uint8], begins: NDArray[np.int64], ends: NDArray[np.int64]) -> Words64:
    powers, inverses = _powers(1 << len(text).bit_length())
    sums = np.zeros(len(text) + 1, np.uint64)
    np.cumsum(text * powers[: len(text)], out=sums[1:])
    return mix64((sums[ends] - sums[begins]) * inverses[begins])


@lru_cache(maxsize=2)
def _powers(size: int) -> tuple[Words64, Words64]:
    """base**i and its inverse modulo 2**64 for i below size (a power of two)."""
    tables = []
    for base in (_BYTE_BASE, pow(_BYTE_BASE, -1, 1 << 64)):
        table = np.ones(size, np.uint64)
        done = 1
        while done < size:
            table[done : 2 * done] = table[:done] * np.uint64(pow(base, done, 1 << 64))
            done *= 2
        tables.append(table)
    return tables[0], tables[1]


def mix64(values: Words64) -> Words64:
    """The 64-bit finalizer of MurmurHash3 (Appleby, public domain), a bijection."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))


def _mix_one(value: int) -> int:
    value = (value ^ (value >> 33)) * 0xFF51AFD7ED558CCD & _MASK
    value = (value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ (value >> 33)


def mix32(values: NDArray[np.uint32]) -> NDArray[Any]:
    """The 32-bit finalizer of MurmurHash3, which datasketch applies to each hash before it permutes."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))
