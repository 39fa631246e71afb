"""A synthetic corpus of tiny files, made column by column: ten million rows in a few seconds a million.

Files belong to `files / 100` owners of a hundred files each. Every content is distinct, of fifteen random words, so no
two are near-duplicates, but for one file in `COPIED_EVERY`: it repeats a file of the owner before, to the byte, and
lies in a vendored folder; those are what an opt-out has to reach.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FILES_OF_OWNER = 100
COPIED_EVERY = 50
SHARD_FILES = 500_000
_WORDS = 15


def owner_name(number: int) -> str:
    return f"owner-{number:06d}"


def shard(first: int, count: int) -> pa.Table:
    """Rows `first` to `first + count`, of the columns of the corpus; the content of a row depends on its number."""
    index = np.arange(first, first + count)
    owner, place = index // FILES_OF_OWNER, index % FILES_OF_OWNER
    copied = (index % COPIED_EVERY == COPIED_EVERY - 1) & (owner > 0)
    text_of = np.where(copied, index - FILES_OF_OWNER - 1, index)
    owners = _joined("owner-", owner, 6)
    folder = pa.array(np.where(copied, "vendor/", "src/"))
    path = pc.binary_join_element_wise(folder, _joined("file-", place, 2), ".py", "")
    return pa.table(
        {
            "host": pa.array(["forge.example"] * count),
            "owner": owners,
            "repository": owners,
            "revision": pa.array(["1"] * count),
            "path": path,
            "released": pa.array(1_600_000_000 + owner.astype(np.int64)),
            "content": _contents(text_of),
        }
    )


def _joined(prefix: str, numbers: np.ndarray, width: int) -> pa.Array:
    text = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width=width, padding="0")
    return pc.binary_join_element_wise(prefix, text, "")


def _contents(numbers: np.ndarray) -> pa.Array:
    """Fifteen words of up to twenty digits, from SplitMix64 over the number and the place."""
    columns = []
    for place in range(_WORDS):
        value = numbers.astype(np.uint64) * np.uint64(_WORDS) + np.uint64(place + 1)
        value = value * np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        columns.append(pa.array(value >> np.uint64(40)).cast(pa.string()))
    return pc.binary_join_element_wise(*columns, " ")


def write_corpus(folder: Path, files: int) -> dict[str, int]:
    """Shards and a manifest with files and bytes."""
    folder.mkdir(parents=True)
    size = 0
    for number, first in enumerate(range(0, files, SHARD_FILES)):
        table = shard(first, min(SHARD_FILES, files - first))
        size += pc.sum(pc.binary_length(table["content"])).as_py()
        pq.write_table(table, folder / f"{number:05d}.parquet", compression="zstd")
    manifest = {"files": files, "bytes": size}
    (folder / "manifest.json").write_text(json.dumps(manifest) + "\n")
    return manifest
