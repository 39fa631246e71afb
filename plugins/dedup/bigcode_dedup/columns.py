"""Binary columns of Arrow tables as NumPy arrays and back, without an object for each value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_ROWS = 1 << 14
"""Rows of a piece at most: 16 MiB of signatures of 256 permutations."""


class Piece(NamedTuple):
    """Some rows of a binary column: row i is `text[offsets[i]:offsets[i + 1]]` (uint8, int64)."""

    text: NDArray[np.uint8]
    offsets: NDArray[np.int64]


class Lists(NamedTuple):
    """A list for each of many files: list i is `values[starts[i]:starts[i + 1]]` (`starts` is int64)."""

    values: NDArray[Any]
    starts: NDArray[np.int64]


def cut(column: pa.ChunkedArray, limit: int) -> Iterator[Piece]:
    """The rows of a binary column in order, in pieces of at most `limit` bytes or of one row; nulls are empty."""
    for chunk in column.chunks:
        offsets, text = view(chunk)
        first = 0
        while first < len(offsets) - 1:
            fitting = int(np.searchsorted(offsets, offsets[first] + limit, side="right")) - 1
            last = min(max(fitting, first + 1), first + _ROWS, len(offsets) - 1)
            begin = offsets[first]
            yield Piece(text[begin : offsets[last]], offsets[first : last + 1] - begin)
            first = last


def view(chunk: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Where each value of a binary array begins, and the last ends, and the bytes that this is told of."""
    _, offsets, data = chunk.buffers()
    if not len(chunk) or offsets is None:
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    width = np.int64 if pa.types.is_large_binary(chunk.type) else np.int32
    ends = np.frombuffer(offsets, width)[chunk.offset : chunk.offset + len(chunk) + 1].astype(np.int64)
    return ends, np.frombuffer(data if data is not None else b"", np.uint8)


def as_binary(lists: Lists, valid: NDArray[np.bool_] | None = None) -> pa.Array:
    """A binary array of the bytes of each list; null where `valid` is False, and there the list is empty."""
    starts = lists.starts * lists.values.itemsize
    mask = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    data = np.ascontiguousarray(lists.values)
    buffers = [mask, pa.py_buffer(starts.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(starts) - 1, buffers)


def as_rows(matrix: NDArray[Any], valid: NDArray[np.bool_]) -> pa.Array:
    """A binary array of the rows of a matrix, one for each True in `valid` in turn, and null for each False."""
    starts = np.concatenate(([0], np.cumsum(valid))) * matrix.shape[1]
    return as_binary(Lists(matrix.reshape(-1), starts.astype(np.int64)), valid)


def chunked(chunks: Sequence[pa.Array], kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array(list(chunks), type=kind)


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The distinct values, ascending. `numpy.unique` hashes before it sorts, and takes ten times as long."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]
