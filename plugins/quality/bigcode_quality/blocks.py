"""A column of contents in blocks, as NumPy sees them without a copy; they bound the memory of a pass over the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes: TypeAlias = npt.NDArray[np.uint8]
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """Whole rows: `data` (uint8) holds their bytes one after another, row i from `bounds[i]` to `bounds[i + 1]`."""

    data: Bytes
    bounds: Integers

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def content(self, row: int) -> bytes:
        """A copy of a row's bytes."""
        return self.data[self.bounds[row] : self.bounds[row + 1]].tobytes()

    def contents(self) -> list[bytes]:
        """A copy of each row's bytes."""
        whole = self.data.tobytes()
        return [whole[start:end] for start, end in pairwise(self.bounds.tolist())]

    def rows_of(self, positions: Integers) -> Integers:
        """For ascending positions in `data`, how many lie before each bound (int64, one more than rows)."""
        return np.searchsorted(positions, self.bounds)


def block_of(contents: list[bytes]) -> Block:
    """A block that holds these rows."""
    bounds = np.zeros(len(contents) + 1, np.int64)
    np.cumsum([len(content) for content in contents], out=bounds[1:])
    return Block(np.frombuffer(b"".join(contents), np.uint8), bounds)


def blocks_of(column: pa.ChunkedArray, size: int) -> Iterator[Block]:
    """The rows of a column of type binary, large_binary, string or large_string, in their order, in blocks of at most
    `size` bytes or of one row."""
    for chunk in column.chunks:
        yield from _blocks(chunk, size)


def _blocks(chunk: pa.Array, size: int) -> Iterator[Block]:
    if not len(chunk):
        return
    wide = pa.types.is_large_binary(chunk.type) or pa.types.is_large_string(chunk.type)
    buffers: list[Any] = chunk.buffers()
    offsets = np.frombuffer(buffers[1], np.int64 if wide else np.int32)
    bounds = offsets[chunk.offset : chunk.offset + len(chunk) + 1].astype(np.int64)
    data = np.frombuffer(buffers[2] if buffers[2] is not None else b"", np.uint8)
    first = 0
    while first < len(chunk):
        end = int(np.searchsorted(bounds, bounds[first] + size, side="right")) - 1
        end = min(max(end, first + 1), len(chunk))
        yield Block(data[bounds[first] : bounds[end]], bounds[first : end + 1] - bounds[first])
        first = end
