"""The table that every collector returns."""

from __future__ import annotations

from collections.abc import Iterable

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

Row = tuple[str, str, str, str, str, int, bytes]


def table_of(rows: Iterable[Row]) -> pa.Table:
    """Rows in the order of `SCHEMA`, sorted by host, owner, repository, revision and path, as a table."""
    ordered = sorted(rows, key=lambda row: row[:5])
    columns = zip(*ordered, strict=True) if ordered else [()] * len(SCHEMA)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)
