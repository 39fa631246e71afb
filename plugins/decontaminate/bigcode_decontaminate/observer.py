"""Which tasks of which suites a file holds.

Containment of shingles (Broder, "On the resemblance and containment of documents", 1997) of a task's prompt or
solution in the file, in one window of it; both sides are compared by 64-bit hashes of token runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigcode.api import Context
from bigcode_decontaminate.config import SuitesConfig
from bigcode_decontaminate.index import Index, index_tasks
from bigcode_decontaminate.scan import Hits, Scan, load_scan
from bigcode_decontaminate.suites import load_suite

_BLOCK = 32 << 20
"""Bytes that are scanned at once."""


class Contamination:
    def __init__(self, config: SuitesConfig) -> None:
        self.window = config.window
        self.index, self.scan = _compile(config)

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """blob, content -> blob, contaminated (names of suites), contaminated_tasks (`suite/task`), both sorted."""
        tasks: list[list[str]] = []
        suites: list[list[str]] = []
        for text, offsets in _blocks(table["content"]):
            held = self._matches(self.scan(text, offsets))
            for row in range(len(offsets) - 1):
                numbers = held.get(row, ())
                tasks.append(sorted({self.index.texts[n].task for n in numbers}))
                suites.append(sorted({self.index.texts[n].suite for n in numbers}))
        lists = pa.list_(pa.string())
        return pa.table(
            {
                "blob": table["blob"],
                "contaminated": pa.array(suites, lists),
                "contaminated_tasks": pa.array(tasks, lists),
            }
        )

    def _matches(self, hits: Hits) -> dict[int, list[int]]:
        """The texts that each row holds, by number."""
        index = self.index
        if not len(hits):
            return {}
        needed = np.array([text.needed for text in index.texts], np.int64)
        hits = hits[np.bincount(hits[:, 0])[hits[:, 0]] >= needed.min()]
        counts = np.diff(index.offsets)[hits[:, 1]]
        spread = np.repeat(np.arange(len(hits)), counts)
        within = np.arange(len(spread)) - np.repeat(np.cumsum(counts) - counts, counts)
        texts = index.members[index.offsets[hits[spread, 1]] + within]
        groups = hits[spread, 0] * len(index.texts) + texts
        distinct = np.unique(groups * len(index.hashes) + hits[spread, 1]) // len(index.hashes)
        candidates, sizes = np.unique(distinct, return_counts=True)
        candidates = candidates[sizes >= needed[candidates % len(index.texts)]]
        held: dict[int, list[int]] = {}
        if not len(candidates):
            return held
        chosen = np.flatnonzero(np.isin(groups, candidates))
        chosen = chosen[np.argsort(groups[chosen], kind="stable")]
        starts = np.searchsorted(groups[chosen], candidates)
        for group, mine in zip(candidates.tolist(), np.split(chosen, starts[1:]), strict=True):
            row, number = divmod(group, len(index.texts))
            if self._lies_together(hits[spread[mine]], number):
                held.setdefault(row, []).append(number)
        return held

    def _lies_together(self, hits: Hits, number: int) -> bool:
        """Whether enough distinct shingles of a text lie in one window of the file."""
        text = self.index.texts[number]
        inside: Counter[int] = Counter()
        places, shingles = hits[:, 2].tolist(), hits[:, 1].tolist()
        first = 0
        for place, shingle in zip(places, shingles, strict=True):
            inside[shingle] += 1
            while places[first] <= place - self.window * text.tokens:
                inside[shingles[first]] -= 1
                if not inside[shingles[first]]:
                    del inside[shingles[first]]
                first += 1
            if len(inside) >= text.needed:
                return True
        return False


@lru_cache(maxsize=4)
def _compile(config: SuitesConfig) -> tuple[Index, Scan]:
    """One index for all partitions that a worker is given; suites are pinned, so that a config is their identity."""
    index = index_tasks((task for suite in config.suites for task in load_suite(suite)), config)
    return index, load_scan(index, config.tokens)


def _blocks(column: pa.ChunkedArray) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """The bytes of some rows at a time, with the offsets of each row in them."""
    for chunk in column.chunks:
        array = chunk.cast(pa.large_binary())
        if not len(array):
            continue
        _, ends, data = array.buffers()
        offsets = np.frombuffer(ends, np.int64)[array.offset : array.offset + len(array) + 1]
        text = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
        low = 0
        while low < len(array):
            high = max(low + 1, int(np.searchsorted(offsets, offsets[low] + _BLOCK, side="right")) - 1)
            yield text[offsets[low] : offsets[high]], offsets[low : high + 1] - offsets[low]
            low = high
