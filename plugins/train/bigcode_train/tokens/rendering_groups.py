"""Rows that belong together, whatever shards they are in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from zlib import crc32

import pyarrow as pa

from bigcode_train.tokens.documents import Row, Shard, read_rows, text_bytes

_ISSUE = re.compile(r"issues/(\d+)(?:/comments/(\d+))?")
_IN_MEMORY = 256 * 2**20
"""Text that is sorted at once; of more, rows are first parted by their repositories into files."""
_SCHEMA = pa.schema(
    [
        ("content", pa.large_binary()),
        ("language", pa.string()),
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("path", pa.string()),
        ("author", pa.string()),
        ("stars", pa.int64()),
        ("closed", pa.bool_()),
        ("origin", pa.int64()),
    ]
)
_ROWS = 1024


def group_rows(
    shards: Sequence[Shard],
    needs: Sequence[str],
    place: Callable[[Row], tuple[Any, ...]],
    scratch: Path,
    keys: int = 1,
    in_memory: int = _IN_MEMORY,
) -> Iterator[list[Row]]:
    """Rows whose first `keys` parts of `place` are equal, ordered by all of it. Groups come in the order of their keys
    within each part of the data, and the parts in an order that follows from the size of the data."""
    parts = max(1, -(-sum(map(text_bytes, shards)) // in_memory))
    for rows in _part(read_rows(shards, needs), parts, scratch / "groups"):
        ordered = sorted(((place(row), row) for row in rows), key=lambda pair: (*pair[0], pair[1].origin))
        for _, group in groupby(ordered, key=lambda pair: pair[0][:keys]):
            yield [row for _, row in group]


def number_of(path: str) -> tuple[int, int]:
    """The number of an issue and the id of a comment in it, -1 for the issue itself; (-1, -1) for other paths."""
    found = _ISSUE.fullmatch(path)
    return (int(found[1]), int(found[2] or -1)) if found else (-1, -1)


def _part(rows: Iterator[Row], parts: int, folder: Path) -> Iterator[list[Row]]:
    """All rows at once, or parted by repository through files in `folder`, which is removed."""
    if parts == 1:
        yield list(rows)
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    paths = [folder / f"{number}.arrow" for number in range(parts)]
    writers = [pa.ipc.new_file(path, _SCHEMA) for path in paths]
    held: list[list[Row]] = [[] for _ in paths]
    for row in rows:
        number = crc32("\0".join(row.home).encode()) % parts
        held[number].append(row)
        if len(held[number]) == _ROWS:
            writers[number].write_table(_to_table(held[number]))
            held[number] = []
    for writer, rest in zip(writers, held, strict=True):
        writer.write_table(_to_table(rest))
        writer.close()
    for path in paths:
        yield [_to_row(record) for record in pa.ipc.open_file(path).read_all().to_pylist()]
        path.unlink()
    folder.rmdir()


def _to_table(rows: Sequence[Row]) -> pa.Table:
    records = []
    for row in rows:
        host, owner, repository = row.home
        records.append(row._asdict() | {"host": host, "owner": owner, "repository": repository})
    return pa.Table.from_pylist(records, _SCHEMA)


def _to_row(record: dict[str, Any]) -> Row:
    home = tuple(record.pop(name) for name in ("host", "owner", "repository"))
    return Row(home=home, **record)
