"""The table that every collector returns."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("revision", pa.string()),
        ("path", pa.string()),
        ("released", pa.int64()),
        ("content", pa.binary()),
    ]
)

RECORDS = SCHEMA.append(pa.field("authors", pa.list_(pa.string())))
"""Rows that say who wrote them: commits, issues and their comments."""

_BATCH_ROWS = 2**14

Row = tuple[str, str, str, str, str, int, bytes]


def table_of(rows: Iterable[Row]) -> pa.Table:
    """Rows in the order of `SCHEMA`, sorted by host, owner, repository, revision and path, as a table."""
    return _table(rows, SCHEMA)


def records_of(rows: Iterable[tuple[str, str, str, str, str, int, bytes, list[str]]]) -> pa.Table:
    """The same in the order of `RECORDS`."""
    return _table(rows, RECORDS)


def batches_of(rows: Iterable[tuple[Any, ...]], schema: pa.Schema = SCHEMA) -> pa.Table:
    """Rows from a stream, never all of them as objects, as a table that is sorted in the same way."""
    stream = iter(rows)
    batches = []
    while some := list(itertools.islice(stream, _BATCH_ROWS)):
        columns = zip(*some, strict=True)
        batches.append(
            pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema)
        )
    table = pa.Table.from_batches(batches, schema)
    return table.sort_by([(name, "ascending") for name in schema.names[:5]]).combine_chunks()


def _table(rows: Iterable[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    ordered = sorted(rows, key=lambda row: row[:5])
    columns = zip(*ordered, strict=True) if ordered else [()] * len(schema)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
