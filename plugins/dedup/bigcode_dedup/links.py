"""From bands to pairs, and from pairs to groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bigcode_dedup.columns import distinct, view

_LINKS = pa.schema([("left", pa.string()), ("right", pa.string())])
_GROUPS = pa.schema([("blob", pa.string()), ("cluster", pa.string())])


def chain(tables: Sequence[pa.Table], bands: int, part: int, parts: int) -> pa.Table:
    """Pairs (left, right) of blobs that share a band hash, neighbours by name among those that share it.

    Of each table only the hashes of this part of the range stay in memory, and the names of files that have one.
    """
    hashes, owners, names, rows = [], [], [], 0
    for table in tables:
        signed = table.select(["blob", "bands"]).drop_null()
        keys = _keys(signed["bands"], bands)
        inside = (keys >> np.uint64(32)) * np.uint64(parts) >> np.uint64(32) == np.uint64(part)
        full = np.flatnonzero(inside.any(axis=1))
        signed, keys, inside = signed.take(pa.array(full)), keys[full], inside[full]
        hashes.append(keys[inside])
        owners.append(np.repeat(np.arange(rows, rows + len(keys), dtype=np.uint32), inside.sum(axis=1)))
        names += signed["blob"].chunks
        rows += len(keys)
    if not rows:
        return _LINKS.empty_table()
    runs, members = _runs(np.concatenate(hashes), np.concatenate(owners))
    if not len(members):
        return _LINKS.empty_table()
    used, codes = _number(members, rows)
    ordered, ranks = _rank(pa.chunked_array(names, pa.string()).take(pa.array(used)))
    # A run's number above the rank of a name sorts runs by name.
    keyed = distinct((runs.astype(np.uint64) << np.uint64(32)) | ranks[codes].astype(np.uint64))
    neighbours = np.flatnonzero(keyed[1:] >> np.uint64(32) == keyed[:-1] >> np.uint64(32))
    low = np.uint64(0xFFFFFFFF)
    pairs = distinct(((keyed[neighbours] & low) << np.uint64(32)) | (keyed[neighbours + 1] & low))
    sides = ((pairs >> np.uint64(32)).astype(np.int64), (pairs & low).astype(np.int64))
    return pa.table([ordered.take(pa.array(side)) for side in sides], schema=_LINKS)


def connect(links: Sequence[pa.Table]) -> pa.Table:
    """Connected components of the pairs: blob, cluster (its smallest blob), sorted by blob."""
    count = sum(table.num_rows for table in links)
    if not count:
        return _GROUPS.empty_table()
    ends = [chunk for side in _LINKS.names for table in links for chunk in table[side].chunks]
    ordered, ranks = _rank(pa.chunked_array(ends, pa.string()))
    size = len(ordered)
    graph = coo_array((np.ones(count, np.int8), (ranks[:count], ranks[count:])), shape=(size, size))
    labels = connected_components(graph, directed=False)[1]
    # Names ascend, so the first of a label is its smallest.
    _, firsts, labels = np.unique(labels, return_index=True, return_inverse=True)
    return pa.table([ordered, ordered.take(pa.array(firsts[labels]))], schema=_GROUPS)


def _keys(column: pa.ChunkedArray, bands: int) -> NDArray[np.uint64]:
    """Band hashes of a column without nulls, of shape (rows, bands)."""
    found = []
    for chunk in column.chunks:
        starts, data = view(chunk)
        found.append(data[starts[0] : starts[-1]].view("<u8").astype(np.uint64, copy=False))
    flat = np.concatenate(found) if found else np.zeros(0, np.uint64)
    return flat.reshape(-1, bands)


def _runs(
    hashes: NDArray[np.uint64], owners: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Number of its run and owner of each hash that occurs more than once."""
    # Most hashes occur once. Sorting their upper bits with their places below tells which may not, in a quarter of
    # the time that `argsort` takes, which then has only those to sort.
    bits = np.uint64(len(hashes).bit_length())
    keyed = hashes >> bits << bits
    keyed |= np.arange(len(hashes), dtype=np.uint64)
    keyed.sort()
    chosen = (keyed[_shared(keyed >> bits)] & ~(~np.uint64(0) << bits)).astype(np.int64)
    hashes = hashes[chosen]
    order = np.argsort(hashes)
    hashes = hashes[order]
    shared = _shared(hashes)
    runs = np.cumsum(np.concatenate(([True], hashes[1:] != hashes[:-1])))
    return runs[shared], owners[chosen[order[shared]]]


def _shared(ordered: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each value has an equal neighbour."""
    same = ordered[1:] == ordered[:-1]
    shared = np.zeros(len(ordered), bool)
    shared[1:] = same
    shared[:-1] |= same
    return shared


def _number(members: NDArray[np.uint32], rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that are members, ascending, and the place of each member among them."""
    present = np.zeros(rows, bool)
    present[members] = True
    return np.flatnonzero(present), (np.cumsum(present) - 1)[members]


def _rank(names: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """The distinct names ascending, and for each name its place among them."""
    encoded = names.dictionary_encode()
    # Chunks share one dictionary, which holds the names of all.
    dictionary = encoded.chunk(0).dictionary
    order = pc.sort_indices(dictionary)
    places = np.empty(len(order), np.int64)
    places[order.to_numpy()] = np.arange(len(order))
    indices = np.concatenate([chunk.indices.to_numpy() for chunk in encoded.chunks])
    return dictionary.take(order), places[indices]
