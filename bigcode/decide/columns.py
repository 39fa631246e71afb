"""Whole columns at once: identifiers, partitions and lists of judgements, without a Python object a row."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FILE = ("host", "owner", "repository", "revision", "path")
"""What names a file."""


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, which is copied only where it has several."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def file_id(host: str, owner: str, repository: str, revision: str, path: str) -> str:
    """`host/owner/repository@revision:path`."""
    return f"{host}/{owner}/{repository}@{revision}:{path}"


def file_ids(table: pa.Table) -> pa.Array:
    """`file_id` of each row of a table with the columns `FILE`."""
    host, owner, repository, revision, path = (table[name].combine_chunks() for name in FILE)
    return pc.binary_join_element_wise(host, "/", owner, "/", repository, "@", revision, ":", path, "")


def persons(table: pa.Table) -> pa.Array:
    """`host/owner`: one name on two hosts may be two people."""
    return pc.binary_join_element_wise(table["host"].combine_chunks(), table["owner"].combine_chunks(), "/")


def partition_of(digests: pa.Array, parts: int) -> NDArray[np.int64]:
    """The part of `parts` equal ranges that the first 32 bits of a hex digest fall into."""
    if not len(digests):
        return np.zeros(0, np.int64)
    heads = pc.utf8_slice_codeunits(digests, 0, 8)
    values = np.frombuffer(b"".join(heads.cast(pa.binary()).to_pylist()), np.uint8).reshape(-1, 8)
    digits = np.where(values >= 97, values - 87, values - 48).astype(np.int64)
    weights = np.array([1 << 28, 1 << 24, 1 << 20, 1 << 16, 1 << 12, 1 << 8, 1 << 4, 1], np.int64)
    result: NDArray[np.int64] = (digits @ weights) * parts >> 32
    return result


def split_by(table: pa.Table, part: NDArray[np.int64]) -> list[tuple[str, pa.Table]]:
    """The rows of each part that has any, named by its number, in the order of the numbers and of the rows."""
    order = np.argsort(part, kind="stable")
    ordered = part[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    bounds = [*starts.tolist(), len(ordered)]
    sorted_table = table.take(pa.array(order))
    return [
        (str(int(ordered[low])), sorted_table.slice(low, high - low))
        for low, high in itertools.pairwise(bounds)
        if high > low
    ]


def split_sorted(
    table: pa.Table, part: NDArray[np.int64], keys: Sequence[str], *, distinct: bool = False
) -> list[tuple[str, pa.Table]]:
    """As `split_by`, with the rows of a part sorted by keys and, if asked for, one row for each key.

    Rows are copied once, since values may be long.
    """
    if not table.num_rows:
        return []
    named = table.select(list(keys)).append_column("part", pa.array(part))
    order = pc.sort_indices(named, [(name, "ascending") for name in ("part", *keys)])
    if distinct:
        ordered = named.take(order)
        same = np.ones(table.num_rows - 1, bool)
        for name in named.column_names:
            column = ordered[name].combine_chunks()
            same &= pc.equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
        order = order.filter(pa.array(np.concatenate(([True], ~same))))
    parts = part[order.to_numpy()]
    starts = np.flatnonzero(np.diff(parts, prepend=-1))
    chosen = table.take(order)
    return [
        (str(int(parts[low])), chosen.slice(low, high - low))
        for low, high in itertools.pairwise([*starts.tolist(), len(parts)])
    ]


def as_bool(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """A boolean column as NumPy; null counts as false."""
    filled: NDArray[np.bool_] = pc.fill_null(column.combine_chunks(), False).to_numpy(zero_copy_only=False)
    return filled.astype(bool)


def lists_from(rows: NDArray[np.int64], values: pa.Array, count: int) -> pa.Array:
    """A list column of `count` rows from values with the numbers of their rows, which must ascend."""
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=count), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def parents_of(lists: pa.Array) -> NDArray[np.int64]:
    """For each value of a list column the number of its row."""
    parents: NDArray[np.int64] = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    return parents


def label_masks(masks: NDArray[np.int64], names: Sequence[str]) -> pa.Array:
    """Lists of names from bit masks: bit i stands for names[i]."""
    distinct, index = np.unique(masks, return_inverse=True)
    table = [[name for bit, name in enumerate(names) if mask >> bit & 1] for mask in distinct.tolist()]
    return pa.array(table, pa.list_(pa.string())).take(pa.array(index.astype(np.int64)))
