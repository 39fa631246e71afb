"""Manifests of contents, as rows of `{column: value}`."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from bigcode_sources.intake import Omissions
from bigcode_sources.lines import read_lines
from bigcode_sources.pinned import unreadable

NEEDED = ("swhid", "origin", "path")
COLUMNS = (*NEEDED, "key", "revision", "released", "encoding")
_LINE_BYTES = 2**20
_BATCH_ROWS = 2**14


def read_jsonl(
    name: str, file: IO[bytes], columns: Mapping[Any, str], omissions: Omissions
) -> Iterator[dict[str, Any]]:
    """Rows of JSON lines, plain or gzip; a line that is no object is counted.

    Raises:
        Problem: E708 when the file cannot be read.
    """
    try:
        for line in read_lines(file, _LINE_BYTES):
            if line is not None and not line.strip():
                continue
            try:
                values = json.loads(line or b"null")
            except (ValueError, RecursionError):
                values = None
            if isinstance(values, dict):
                yield {ours: values.get(columns.get(ours, ours)) for ours in COLUMNS}
            else:
                omissions.count("bad-row")
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(name, "it is not a gzip file that can be read") from error


def read_parquet(
    name: str, file: IO[bytes], columns: Mapping[Any, str], omissions: Omissions
) -> Iterator[dict[str, Any]]:
    """Rows of a Parquet file, times as seconds; text that is not UTF-8 is counted.

    Raises:
        Problem: E708 when the file cannot be read, or lacks a column.
    """
    try:
        table = pq.ParquetFile(file)
        have = set(table.schema_arrow.names)
        theirs = {ours: columns.get(ours, ours) for ours in COLUMNS}
        absent = [t for ours, t in theirs.items() if t not in have and (ours in NEEDED or ours in columns)]
        if absent:
            raise unreadable(name, f"it lacks the column {', '.join(f'`{c}`' for c in absent)}")
        found = {ours: t for ours, t in theirs.items() if t in have}
        for batch in table.iter_batches(_BATCH_ROWS, columns=sorted(set(found.values()))):
            values = {ours: _plain(batch.column(t)) for ours, t in found.items()}
            for index in range(batch.num_rows):
                try:
                    row = {ours: column[index].as_py() for ours, column in values.items()}
                except UnicodeDecodeError:
                    omissions.count("bad-row")
                    continue
                yield {ours: row.get(ours) for ours in COLUMNS}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise unreadable(name, "it is not a Parquet file that can be read") from error


def _plain(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("s", column.type.tz), safe=False).cast(pa.int64())
    return column
