"""Hits of shingles in a column of texts: by the compiled scan where numba is installed, else by NumPy, all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigcode_decontaminate.index import Index, open_table
from bigcode_decontaminate.tokens import (
    ANY,
    BASE,
    BLURRED,
    FOLD,
    OFFSET,
    PRIME,
    RAW,
    blur,
    hash_tokens,
    shingles,
    split,
)

Hits = NDArray[np.int64]
"""Rows of text, shingle and place of the shingle's last token, by text and place."""
Scan = Callable[[NDArray[np.uint8], NDArray[np.int64]], Hits]

_SPACE = b" \t\n\r\x0b\x0c"
_WORD = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"


def load_scan(index: Index, length: int) -> Scan:
    """The fastest scan that this installation has, for one index."""
    try:
        from bigcode_decontaminate import kernels
    except ImportError:
        return scan_slowly(index, length)
    return _compiled(kernels.scan, index, length)


def _compiled(scan: Callable[..., Any], index: Index, length: int) -> Scan:
    kinds = np.full(256, 2, np.uint8)
    kinds[list(_SPACE)] = 0
    kinds[list(_WORD)] = 1
    kinds[128:] = 1
    fold = np.frombuffer(FOLD, np.uint8)
    top = pow(BASE, length, 1 << 64)
    constants = np.array([OFFSET, PRIME, BASE, top, ANY, RAW, BLURRED], np.uint64)
    tables = [(t.bits, t.keys, t.slots) for t in map(open_table, (index.vocabulary, index.hashes))]

    def run(text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Hits:
        room = max(1024, len(text) // 64)
        while True:
            out = np.empty((room, 3), np.int64)
            found = scan(text, offsets, kinds, fold, length, constants, *tables, out)
            if found <= room:
                return out[:found]
            room = found

    return run


def scan_slowly(index: Index, length: int) -> Scan:
    """The scan without a compiler."""

    def run(text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Hits:
        found = [np.zeros((0, 3), np.int64)]
        for row in range(len(offsets) - 1):
            tokens = split(text[offsets[row] : offsets[row + 1]].tobytes())
            hashes = hash_tokens(tokens)
            both = [
                shingles(hashes, length, RAW),
                shingles(blur(tokens, hashes, index.vocabulary), length, BLURRED),
            ]
            values = np.stack(both, axis=1).ravel()
            numbers = np.searchsorted(index.hashes, values)
            hit = np.flatnonzero(np.isin(values, index.hashes))
            found.append(np.stack([np.full(len(hit), row), numbers[hit], hit // 2 + length], axis=1))
        return np.concatenate(found).astype(np.int64)

    return run
