"""Which contents may hold the text of another: candidates by fingerprints, of which somebody verifies each.

Fingerprints are those that winnowing selects (Schleimer, Wilkerson and Aiken 2003). A print that many unrelated
owners hold is common property and points at nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.decide.columns import as_bool, persons

PRINT = "<u8"
OWN = pa.schema([("blob", pa.string()), ("person", pa.uint64()), ("project", pa.uint64())])
"""Who holds a content unvendored: short hashes of the owner, and of the repository's name, which a fork shares."""
OWNERS = pa.schema([("print", pa.uint64()), ("project", pa.bool_()), ("holder", pa.uint64())])
"""Distinct owners of a print, and distinct names of projects that hold it."""
CANDIDATES = pa.schema(
    [
        ("seed", pa.string()),
        ("blob", pa.string()),
        ("share", pa.float64()),
        ("own", pa.float64()),
        ("boilerplate", pa.float64()),
    ]
)
"""`share` of the seed's own prints that the blob holds; shares of all prints of the seed that are its `own`, and that
are common property and in the blob, too."""
FEWEST = 3
"""A seed with fewer prints of its own is compared by its normalised text alone."""
MARGIN = 0.75
"""Prints are a sample: candidates are those that hold this much of the share that a match needs."""

Prints = NDArray[np.uint64]
Ints = NDArray[np.int64]


def own_holders(rows: pa.Table) -> pa.Table:
    """Schema `OWN`, distinct, of rows with host, owner, repository, blob and vendored."""
    own = rows.filter(pa.array(~as_bool(rows["vendored"])))
    columns = [
        own["blob"].combine_chunks(),
        _short_hashes(persons(own)),
        _short_hashes(pc.utf8_lower(own["repository"].combine_chunks())),
    ]
    table = pa.table(columns, schema=OWN).group_by(OWN.names, use_threads=False).aggregate([])
    return table.select(OWN.names).sort_by([(name, "ascending") for name in OWN.names])


def _short_hashes(names: pa.Array) -> pa.Array:
    coded = pc.dictionary_encode(names)
    digests = b"".join(hashlib.sha256(n.encode()).digest()[:8] for n in coded.dictionary.to_pylist())
    return pa.array(np.frombuffer(digests, PRINT)[coded.indices.to_numpy()], pa.uint64())


def owners_of_prints(seeds: pa.Table, prints: pa.Table, own: pa.Table, most: int) -> pa.Table:
    """Distinct owners and projects (schema `OWNERS`) of the seeds' prints in a prefix, at most `most` of each a print.

    Args:
        seeds, prints: blob, prints (binary: ascending little-endian uint64).
        own: of schema `OWN`, for the blobs of the prefix.
    """
    values, rows = _known(prints["prints"], distinct(_flatten(seeds["prints"])[0]))
    place = pc.index_in(own["blob"], value_set=prints["blob"].combine_chunks().take(pa.array(_once(rows))))
    held = pc.fill_null(place, -1).to_numpy().astype(np.int64)
    order = np.argsort(held, kind="stable")
    numbers = np.searchsorted(_once(rows), rows)
    low, high = (np.searchsorted(held[order], numbers, side) for side in ("left", "right"))
    repeats, at = _expand(low, high)
    found = order[at]
    parts = []
    for kind, column in enumerate(("person", "project")):
        holder: Prints = own[column].to_numpy()[found]
        keys = values[repeats]
        ranked = np.lexsort((holder, keys))
        keys, holder = keys[ranked], holder[ranked]
        new = np.ones(len(keys), bool)
        new[1:] = (keys[1:] != keys[:-1]) | (holder[1:] != holder[:-1])
        keys, holder = keys[new], holder[new]
        first = _first_few(keys, most)
        flags = np.full(len(first), bool(kind))
        parts.append(pa.table([keys[first], flags, holder[first]], schema=OWNERS))
    return pa.concat_tables(parts)


def common_prints(owners: Sequence[pa.Table], least: int) -> Prints:
    """Prints that at least so many owners hold in projects of so many names, ascending."""
    table = pa.concat_tables([OWNERS.empty_table(), *owners])
    counted = table.group_by(OWNERS.names, use_threads=False).aggregate([])
    kind = as_bool(counted["project"])
    common = [_often(np.sort(counted["print"].to_numpy()[kind == of]), least) for of in (False, True)]
    return common[0][_member(common[0], common[1])]


def find_candidates(
    seeds: pa.Table, prints: pa.Table, common: Prints, share: float, strength: str
) -> pa.Table:
    """Pairs (schema `CANDIDATES`) of a seed and another content that may hold it.

    Args:
        seeds, prints: blob, normal (digest of the text without white space, empty for short texts), prints.
        common: prints that do not count, ascending.
        share: of the seed's own prints that a match holds.
        strength: `normalised` compares normal texts alone.
    """
    parts = [_same_normal(seeds, prints)]
    if strength == "contained":
        parts.append(_holding(seeds, prints, common, share * MARGIN))
    table = pa.concat_tables(parts)
    table = table.filter(pc.not_equal(table["seed"], table["blob"]))
    # The same text is no sample: of two lines for a pair the one that needs no estimate stands.
    order = [
        ("seed", "ascending"),
        ("blob", "ascending"),
        ("boilerplate", "ascending"),
        ("own", "descending"),
    ]
    ordered = table.sort_by(order).combine_chunks()
    pairs = pc.binary_join_element_wise(
        ordered["seed"].combine_chunks(), ordered["blob"].combine_chunks(), " "
    )
    return ordered.take(pc.index_in(pc.unique(pairs), value_set=pairs)).combine_chunks()


def discount(candidates: pa.Table, verified: pa.Table, least: float) -> pa.Table:
    """Verified matches whose containment is that of the seed's own text, from `least` on; boilerplate that both hold
    says nothing. Prints tell how much of the seed is common, and how much of that the other content holds.

    Args:
        candidates: of schema `CANDIDATES`.
        verified: seed, blob, containment, normalised, for the same pairs in any order.
    """
    order = [("seed", "ascending"), ("blob", "ascending")]
    candidates, verified = candidates.sort_by(order), verified.sort_by(order)
    own, shared = candidates["own"].to_numpy(), candidates["boilerplate"].to_numpy()
    whole = verified["containment"].to_numpy()
    contained = np.round(np.clip((whole - shared) / np.maximum(own, 1e-9), 0.0, 1.0), 9)
    matches = verified.set_column(2, "containment", pa.array(contained))
    return matches.filter(pc.or_(matches["normalised"], pc.greater_equal(matches["containment"], least)))


def _same_normal(seeds: pa.Table, prints: pa.Table) -> pa.Table:
    left = seeds.select(["blob", "normal"]).rename_columns(["seed", "normal"])
    left = left.filter(pc.not_equal(left["normal"], ""))
    joined = prints.select(["blob", "normal"]).join(left, "normal", join_type="inner")
    ones, zeros = pa.array(np.ones(joined.num_rows)), pa.array(np.zeros(joined.num_rows))
    return pa.table([joined["seed"], joined["blob"], ones, ones, zeros], schema=CANDIDATES)


def _holding(seeds: pa.Table, prints: pa.Table, common: Prints, least: float) -> pa.Table:
    values, owners = _flatten(seeds["prints"])
    order = np.argsort(values, kind="stable")
    values, owners = values[order], owners[order]
    shared = _member(values, common)
    total = np.bincount(owners, minlength=seeds.num_rows)
    sizes = np.bincount(owners[~shared], minlength=seeds.num_rows)
    known, rows = _known(prints["prints"], distinct(values))
    pairs, counts = _count_pairs(values[~shared], owners[~shared], known, rows, prints.num_rows)
    seed = pairs // max(prints.num_rows, 1)
    shares = counts / np.maximum(sizes[seed], 1)
    chosen = (shares >= least) & (sizes[seed] >= FEWEST)
    pairs, shares, seed = pairs[chosen], shares[chosen], seed[chosen]
    row = pairs % max(prints.num_rows, 1)
    mine = _member(rows, _once(row))
    others, alike = _count_pairs(values[shared], owners[shared], known[mine], rows[mine], prints.num_rows)
    boilerplate = np.zeros(len(pairs))
    if len(others):
        place = np.minimum(np.searchsorted(others, pairs), len(others) - 1)
        boilerplate = np.where(others[place] == pairs, alike[place], 0) / total[seed]
    columns = [
        seeds["blob"].combine_chunks().take(pa.array(seed)),
        prints["blob"].combine_chunks().take(pa.array(row)),
        pa.array(shares),
        pa.array(sizes[seed] / np.maximum(total[seed], 1)),
        pa.array(boilerplate),
    ]
    return pa.table(columns, schema=CANDIDATES)


def _count_pairs(keys: Prints, owners: Ints, values: Prints, rows: Ints, count: int) -> tuple[Ints, Ints]:
    """For each pair owner × count + row, ascending, how many keys of the owner the row has; keys ascend."""
    low, high = (np.searchsorted(keys, values, side) for side in ("left", "right"))
    repeats, at = _expand(low, high)
    pairs = np.sort(owners[at] * count + rows[repeats])
    starts = np.flatnonzero(np.concatenate(([True], pairs[1:] != pairs[:-1]))[: len(pairs)])
    return pairs[starts], np.diff(np.append(starts, len(pairs)))


def _expand(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """All places of the ranges low to high, with the number of the range of each."""
    sizes = high - low
    ranges = np.repeat(np.arange(len(sizes)), sizes)
    before = np.cumsum(sizes) - sizes
    return ranges, np.arange(len(ranges)) - before[ranges] + low[ranges]


def _known(column: pa.ChunkedArray, wanted: Prints) -> tuple[Prints, Ints]:
    """Those prints of a column that are wanted, with the numbers of their rows."""
    values, rows = _flatten(column)
    known = _member(values, wanted)
    return values[known], rows[known]


def _flatten(column: pa.ChunkedArray) -> tuple[Prints, Ints]:
    """All prints of a binary column, and for each the number of its row; null holds none."""
    values, rows, count = [np.zeros(0, PRINT)], [np.zeros(0, np.int64)], 0
    for chunk in column.chunks:
        filled = pc.fill_null(chunk, b"")
        _, offsets, data = filled.buffers()
        bounds = np.frombuffer(offsets, np.int32)[filled.offset : filled.offset + len(filled) + 1]
        if len(filled) and data is not None:
            values.append(np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]].view(PRINT))
            rows.append(np.repeat(np.arange(count, count + len(filled)), np.diff(bounds) // 8))
        count += len(filled)
    return np.concatenate(values), np.concatenate(rows)


def distinct(values: Prints) -> Prints:
    """The distinct values, ascending; sorting is faster than what `numpy.unique` does."""
    ordered = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(ordered)]]


def _once(rows: Ints) -> Ints:
    ordered = np.sort(rows)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(ordered)]]


def _often(ordered: Prints, least: int) -> Prints:
    """Values that occur at least so often."""
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(ordered)])
    return ordered[starts[np.diff(np.append(starts, len(ordered))) >= least]]


def _member(values: NDArray[np.generic], ordered: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Whether each value is among the ordered ones."""
    if not len(ordered):
        return np.zeros(len(values), bool)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    found: NDArray[np.bool_] = ordered[place] == values
    return found


def _first_few(keys: Prints, most: int) -> Ints:
    """Positions of the first `most` rows of each run of equal keys."""
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))[: len(keys)])
    within = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    return np.flatnonzero(within < most)
