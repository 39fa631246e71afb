"""Which contents may hold the text of another: candidates by fingerprints, of which somebody verifies each.

Fingerprints are those that winnowing selects (Schleimer, Wilkerson and Aiken 2003). A print that many unrelated
owners hold is common property and points at nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

PRINT = "<u8"
OWNERS = pa.schema([("print", pa.uint64()), ("person", pa.uint64())])
CANDIDATES = pa.schema([("seed", pa.string()), ("blob", pa.string()), ("share", pa.float64())])
FEWEST = 3
"""A seed with fewer prints of its own is compared by its normalised text alone."""
MARGIN = 0.75
"""Prints are a sample: candidates are those that hold this much of the share that a match needs."""

Prints = NDArray[np.uint64]


def owners_of_prints(seeds: pa.Table, prints: pa.Table, places: pa.Table, most: int) -> pa.Table:
    """Distinct owners (schema `OWNERS`) of the seeds' prints in a prefix, at most `most` for each print.

    Args:
        seeds, prints: blob, prints (binary: ascending little-endian uint64).
        places: blob, person (a hash of an owner), for the blobs of the prefix.
    """
    wanted = np.unique(_flatten(seeds["prints"])[0])
    values, rows = _flatten(prints["prints"])
    known = np.isin(values, wanted)
    pairs = pa.table({"blob": prints["blob"].take(pa.array(rows[known])), "print": pa.array(values[known])})
    found = pairs.join(places.select(["blob", "person"]), "blob", join_type="inner")
    distinct = found.group_by(["print", "person"], use_threads=False).aggregate([])
    table = distinct.select(OWNERS.names).cast(OWNERS).sort_by([(n, "ascending") for n in OWNERS.names])
    return table.take(pa.array(_first_few(table["print"].to_numpy(), most)))


def _first_few(keys: Prints, most: int) -> NDArray[np.int64]:
    """Positions of the first `most` rows of each run of equal keys."""
    starts = (
        np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.zeros(0, int)
    )
    within = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    chosen: NDArray[np.int64] = np.flatnonzero(within < most)
    return chosen


def common_prints(owners: Sequence[pa.Table], least: int) -> Prints:
    """Prints that at least so many owners hold, ascending."""
    table = pa.concat_tables([OWNERS.empty_table(), *owners])
    distinct = table.group_by(["print", "person"], use_threads=False).aggregate([])
    prints, counts = np.unique(distinct["print"].to_numpy(), return_counts=True)
    common: Prints = prints[counts >= least]
    return common


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
    best = table.group_by(["seed", "blob"], use_threads=False).aggregate([("share", "max")])
    named = best.rename_columns(["seed", "blob", "share"]).select(CANDIDATES.names).cast(CANDIDATES)
    return named.sort_by([("seed", "ascending"), ("blob", "ascending")])


def _same_normal(seeds: pa.Table, prints: pa.Table) -> pa.Table:
    left = seeds.select(["blob", "normal"]).rename_columns(["seed", "normal"])
    left = left.filter(pc.not_equal(left["normal"], ""))
    joined = prints.select(["blob", "normal"]).join(left, "normal", join_type="inner")
    ones = pa.array(np.ones(joined.num_rows))
    return joined.append_column("share", ones).select(CANDIDATES.names).cast(CANDIDATES)


def _holding(seeds: pa.Table, prints: pa.Table, common: Prints, least: float) -> pa.Table:
    seed_values, seed_rows = _flatten(seeds["prints"])
    own = ~np.isin(seed_values, common)
    order = np.argsort(seed_values[own], kind="stable")
    keys, owners = seed_values[own][order], seed_rows[own][order]
    sizes = np.bincount(owners, minlength=seeds.num_rows)
    values, rows = _flatten(prints["prints"])
    low, high = np.searchsorted(keys, values, "left"), np.searchsorted(keys, values, "right")
    repeats = high - low
    total = int(repeats.sum())
    if not total:
        return CANDIDATES.empty_table()
    at = np.repeat(low - np.concatenate(([0], np.cumsum(repeats)[:-1])), repeats) + np.arange(total)
    pairs, counts = np.unique(owners[at] * prints.num_rows + np.repeat(rows, repeats), return_counts=True)
    seed, row = pairs // prints.num_rows, pairs % prints.num_rows
    shares = counts / sizes[seed]
    chosen = (shares >= least) & (sizes[seed] >= FEWEST)
    return pa.table(
        [
            seeds["blob"].take(pa.array(seed[chosen])).combine_chunks(),
            prints["blob"].take(pa.array(row[chosen])).combine_chunks(),
            pa.array(shares[chosen]),
        ],
        schema=CANDIDATES,
    )


def _flatten(column: pa.ChunkedArray) -> tuple[Prints, NDArray[np.int64]]:
    """All prints of a binary column, and for each the number of its row; null holds none."""
    parts = [data or b"" for data in column.to_pylist()]
    values = np.frombuffer(b"".join(parts), PRINT)
    lengths = np.fromiter((len(p) // 8 for p in parts), np.int64, len(parts))
    return values, np.repeat(np.arange(len(parts)), lengths)
