"""What every peer's adapter shares: rows, filters, words, and how a result is handed on. Needs pyarrow alone."""

from __future__ import annotations

import json
import re
import string
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

NGRAM = 5
PERMUTATIONS = 256
BANDS, ROWS = 25, 10
THRESHOLD = 0.7
"""The settings of BigCode's own deduplication, for all."""

MAX_LINE, MEAN_LINE, ALNUM = 1000, 100, 0.25
"""The published filters: longest line, mean line, least share of letters and digits."""

_SEPARATORS = re.compile("[^A-Za-z0-9_]+")
_DROP_ALNUM = {ord(c): None for c in string.ascii_letters + string.digits}


def file_id(row: dict[str, Any]) -> str:
    return f"{row['repository']}/{row['revision']}/{row['path']}"


def read_rows(corpus: Path) -> Iterator[dict[str, Any]]:
    """Rows of all shards of a set, in order: repository, revision, path, content."""
    for shard in sorted(corpus.glob("*.parquet")):
        for batch in pq.ParquetFile(shard).iter_batches(
            1000, columns=["repository", "revision", "path", "content"]
        ):
            yield from batch.to_pylist()


def passes(text: str) -> bool:
    """Whether a file passes the filters; lines end with LF or CR LF, and characters are those of Unicode."""
    if not text:
        return False
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    ended = len(lines) - (not text.endswith("\n"))
    lengths = [len(line) for line in lines]
    if "\r\n" in text:
        for index in range(ended):
            lengths[index] -= lines[index].endswith("\r")
    if max(lengths) > MAX_LINE or sum(lengths) / len(lengths) > MEAN_LINE:
        return False
    if text.isascii():
        alnum = len(text) - len(text.translate(_DROP_ALNUM))
    else:
        alnum = sum(map(str.isalnum, text))
    return alnum / len(text) >= ALNUM


def words(text: str) -> list[str]:
    """Runs of ASCII letters, digits and underscores."""
    return [word for word in _SEPARATORS.split(text) if word]


def shingles(text: str) -> set[str]:
    """Distinct runs of five words, joined by spaces; empty for a shorter text."""
    found = words(text)
    return {" ".join(found[i : i + NGRAM]) for i in range(len(found) - NGRAM + 1)}


def write_kept(out: Path, ids: Iterable[str]) -> None:
    """The ids of the files that a run keeps, as `kept/*.parquet`."""
    folder = out / "kept"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": pa.array(list(ids), pa.string())}), folder / "00000.parquet")


def connect(bands: Iterable[Iterable[Any]]) -> list[int]:
    """For each file the first file of its component, where files that agree in any band are connected."""
    parent: list[int] = []
    seen: dict[tuple[int, Any], int] = {}

    def find(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for index, keys in enumerate(bands):
        parent.append(index)
        for band, key in enumerate(keys):
            first = seen.setdefault((band, key), index)
            a, b = sorted((find(first), find(index)))
            parent[b] = a
    return [find(index) for index in range(len(parent))]


class Stopwatch:
    """CPU seconds of this process between `start` and `stop`, added up."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._from = 0.0

    def start(self) -> None:
        self._from = time.process_time()

    def stop(self) -> None:
        self.seconds += time.process_time() - self._from


def report(out: Path, **values: Any) -> None:
    """What the adapter measured itself, beside the meter."""
    (out / "inner.json").write_text(json.dumps(values, indent=1) + "\n")


def arguments() -> tuple[Path, Path, int]:
    """Corpus folder, output folder and workers, from the command line."""
    corpus, out, workers = sys.argv[1:4]
    Path(out).mkdir(parents=True, exist_ok=True)
    return Path(corpus), Path(out), int(workers)
