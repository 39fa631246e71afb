"""How often given byte strings occur in the text of parquet shards: one pass for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bigcode.api import ProcessContext

_BATCH = 256
_ANCHOR = 8
_BITS = 18
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Found:
    """For each wanted string, in how many places it occurs; and how many bytes were read."""

    counts: tuple[int, ...]
    read: int


def count_occurrences(
    ctx: ProcessContext, name: str, wanted: Sequence[bytes], limit: int, words: bool = False
) -> Found:
    """Count the places of `wanted` in the texts of the input `name`, of which about `limit` bytes are read.

    Shards give in proportion to their sizes. Overlapping places count; an empty string occurs nowhere. Strings from
    eight bytes on are found by a table of hashed anchors, shorter ones by a search each; with `words` these count only
    where no letter, digit or underscore touches them, as a few letters are found everywhere.
    """
    search = _Search(wanted, words)
    read = 0
    for data in _texts(ctx, name, limit):
        read += len(data)
        search.look_through(data)
    return Found(tuple(search.counts), read)


def _texts(ctx: ProcessContext, name: str, limit: int) -> Iterator[bytes]:
    """Batches of documents with a zero byte between them, which source text does not hold."""
    entries = ctx.entries(name)
    total = sum(entry.bytes for entry in entries)
    for entry in entries:
        left = max(1, limit * entry.bytes // max(1, total)) if limit else 2**62
        for batch in pq.ParquetFile(ctx.path(entry)).iter_batches(_BATCH, columns=["content"]):
            if left <= 0:
                break
            data = b"\0".join(text.encode() for text in batch.column(0).to_pylist())[:left]
            left -= len(data)
            yield data


class _Search:
    def __init__(self, wanted: Sequence[bytes], words: bool) -> None:
        self.wanted = wanted
        edges = (rb"(?<!\w)", rb"(?!\w)") if words else (b"(?=", b")")
        self.counts = [0] * len(wanted)
        self.short = {
            i: re.compile(edges[0] + re.escape(text) + edges[1])
            for i, text in enumerate(wanted)
            if 0 < len(text) < _ANCHOR
        }
        self.by_anchor: dict[int, list[tuple[int, int]]] = {}
        for index, text in enumerate(wanted):
            if len(text) >= _ANCHOR:
                place = _telling(text)
                anchor = int.from_bytes(text[place : place + _ANCHOR], "little")
                self.by_anchor.setdefault(anchor, []).append((index, place))
        self.anchors = np.array(sorted(self.by_anchor), np.uint64)
        self.table = np.zeros(1 << _BITS, bool)
        self.table[_slot(self.anchors)] = True

    def look_through(self, data: bytes) -> None:
        for index, pattern in self.short.items():
            self.counts[index] += sum(1 for _ in pattern.finditer(data))
        if len(self.anchors) == 0 or len(data) < _ANCHOR:
            return
        keys = np.ndarray((len(data) - _ANCHOR + 1,), "<u8", data, strides=(1,))
        for begin in range(0, len(keys), 1 << 20):
            part = keys[begin : begin + (1 << 20)].astype(np.uint64)
            maybe = np.flatnonzero(self.table[_slot(part)])
            maybe = maybe[np.isin(part[maybe], self.anchors)]
            for offset in maybe.tolist():
                for index, place in self.by_anchor[int(part[offset])]:
                    start = begin + offset - place
                    if start >= 0 and data.startswith(self.wanted[index], start):
                        self.counts[index] += 1


def _slot(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    return ((keys * _SPREAD) >> np.uint64(64 - _BITS)).astype(np.int64)


def _telling(text: bytes) -> int:
    """Where the eight bytes begin that are the most unlike one another: blanks and rulers are everywhere."""
    spans = range(0, len(text) - _ANCHOR + 1)
    return max(spans, key=lambda i: (len(set(text[i : i + _ANCHOR])), -i))
