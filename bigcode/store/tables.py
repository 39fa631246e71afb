"""Arrow tables as Parquet objects, written so that equal tables have equal bytes."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from bigcode.store.objects import Objects

# Columns of long texts come and go by the hundred megabytes. This pool keeps their pages; the default one hands them
# back to the system, and to have them zeroed again costs more than the work on them.
if "jemalloc" in pa.supported_memory_backends():
    pa.set_memory_pool(pa.jemalloc_memory_pool())
    pa.jemalloc_set_decay_ms(10000)

LONG = frozenset({"content", "signature", "bands", "shingles", "prints"})
"""Columns whose values are long and differ: neither a dictionary nor statistics would help."""
_ROWS, _ROWS_OF_TEXT = 65536, 4096


def encode_table(table: pa.Table, *, level: int = 3) -> bytes:
    """Parquet bytes, zstd, without anything that depends on the host, the time or the table's past."""
    plain = table.cast(pa.schema([_plain(field) for field in table.schema])).combine_chunks()
    short = [name for name in plain.column_names if name not in LONG]
    sink = pa.BufferOutputStream()
    pq.write_table(
        plain,
        sink,
        compression="zstd",
        compression_level=level,
        row_group_size=_ROWS if len(short) == plain.num_columns else _ROWS_OF_TEXT,
        use_dictionary=short,
        write_statistics=short,
        store_schema=True,
    )
    return bytes(sink.getvalue())


def _plain(field: pa.Field) -> pa.Field:
    """Without metadata, and with the name that Parquet gives to the items of lists; equal tables may differ in both."""
    kind = field.type
    if pa.types.is_list(kind):
        kind = pa.list_(_plain(kind.value_field.with_name("element")))
    elif pa.types.is_struct(kind):
        kind = pa.struct([_plain(kind.field(index)) for index in range(kind.num_fields)])
    return pa.field(field.name, kind, field.nullable)


def decode_table(data: bytes, columns: list[str] | None = None) -> pa.Table:
    return pq.read_table(pa.BufferReader(data), columns=columns)


def read_table(objects: Objects, key: str, columns: list[str] | None = None) -> pa.Table:
    """The table of an object; its digest is checked.

    Raises:
        Problem: E503 or E504.
    """
    return decode_table(objects.get(key), columns)
