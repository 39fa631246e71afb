"""Tokens, and hashes of runs of tokens.

A token is a run of ASCII letters, digits, `_` and bytes above 127, in lower case, or any other byte that is no white
space; a double quote counts as a single one. Its hash is FNV-1a, mixed. A shingle is a polynomial over the hashes of
consecutive tokens modulo 2**64, mixed with the number of its stream: `RAW`, or `BLURRED`, in which all words but
those of a vocabulary are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Wholes = NDArray[np.uint64]

RAW, BLURRED = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
BASE = 0xBF58476D1CE4E5B9
"""Of the polynomial; odd."""
ANY = 0x2545F4914F6CDD1D
"""The hash that stands for a word outside of the vocabulary."""
OFFSET, PRIME = 0xCBF29CE484222325, 0x100000001B3
FOLD = bytes(range(256)).lower().replace(b'"', b"'")
"""What each byte is compared as."""
_MASK = (1 << 64) - 1
_TOKEN = re.compile(rb"[a-z0-9_\x80-\xff]+|[^\sa-z0-9_\x80-\xff]")
WORD = re.compile(rb"[a-z0-9_\x80-\xff]+")


def split(text: bytes) -> list[bytes]:
    """The tokens of a text."""
    return _TOKEN.findall(text.translate(FOLD))


def hash_tokens(tokens: Iterable[bytes]) -> Wholes:
    """uint64, one a token."""
    known: dict[bytes, int] = {}
    out = []
    for token in tokens:
        if token not in known:
            value = OFFSET
            for byte in token:
                value = (value ^ byte) * PRIME & _MASK
            known[token] = _mix(value)
        out.append(known[token])
    return np.array(out, np.uint64)


def blur(tokens: Iterable[bytes], hashes: Wholes, vocabulary: Wholes) -> Wholes:
    """The hashes, with those of words outside of a sorted vocabulary as one."""
    words = np.array([WORD.fullmatch(token) is not None for token in tokens], bool)
    return np.where(words & ~np.isin(hashes, vocabulary), np.uint64(ANY), hashes)


def shingles(hashes: Wholes, length: int, stream: int) -> Wholes:
    """Hashes of all runs of `length` tokens, in their order; none where there are fewer tokens."""
    count = len(hashes) - length + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    total = np.zeros(count, np.uint64)
    for start in range(length):
        total = total * np.uint64(BASE) + hashes[start : start + count]
    return mix(total ^ np.uint64(stream))


def mix(values: Wholes) -> Wholes:
    """The finaliser of MurmurHash3, 64 bits."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))


def _mix(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & _MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33
