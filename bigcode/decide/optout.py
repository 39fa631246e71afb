"""What an opt-out takes along: copies of the files that it names, downstream only, and no seat is filled again."""

from __future__ import annotations

import hashlib
import hmac
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.decide.columns import as_bool, file_ids, persons
from bigcode.decide.origin import Holder, in_own_package, likeliest_origin

HITS = pa.schema(
    [
        ("index", pa.int64()),
        ("key", pa.string()),
        ("reason", pa.string()),
        ("file", pa.string()),
        ("blob", pa.string()),
    ]
)
"""Rows of a bucket that a list names."""
MATCHES = pa.schema(
    [("seed", pa.string()), ("blob", pa.string()), ("containment", pa.float64()), ("normalised", pa.bool_())]
)
"""Other contents that hold the text of an opted-out one, verified: all of it but white space (`normalised`), or a
share of its shingles (`containment`)."""
HOLDERS = pa.schema(
    [
        ("seed", pa.string()),
        ("bucket", pa.int32()),
        ("index", pa.int64()),
        ("file", pa.string()),
        ("person", pa.string()),
        ("vendored", pa.bool_()),
        ("outside", pa.bool_()),
        ("released", pa.int64()),
        ("bytes", pa.int64()),
        ("license_text", pa.bool_()),
        ("hit", pa.bool_()),
        ("containment", pa.float64()),
        ("strength", pa.string()),
    ]
)
"""Files that hold the text of an opted-out file `seed`, or that file itself."""
REMOVALS = pa.schema(
    [("bucket", pa.int32()), ("index", pa.int64()), ("file", pa.string()), ("reason", pa.string())]
)
DISPUTED = pa.schema(
    [("file", pa.string()), ("why", pa.string()), ("strength", pa.string()), ("containment", pa.float64())]
)
"""Copies that stay and that somebody should look at: `origin` is not clear, or the match lies in the `band`."""


@dataclass(frozen=True, slots=True)
class CommonProperty:
    """Text that nobody's opt-out takes from others: held by `owners` unrelated owners, tiny, or a licence text."""

    owners: int = 5
    min_bytes: int = 64


@dataclass(frozen=True, slots=True)
class CopyPolicy:
    """`copies` is keep, exact, normalised or contained; a contained match counts from `remove` on, and is put
    before a person from `review` on."""

    copies: str = "exact"
    contested: str = "keep"
    remove: float = 0.8
    review: float = 0.5
    common: CommonProperty = CommonProperty()


@dataclass(frozen=True, slots=True)
class Spread:
    """What goes with the hits (schema `REMOVALS`), what is disputed, and how many copies are common property."""

    removals: pa.Table
    disputed: pa.Table
    common: int


def row_key(secret: bytes, file: str) -> str:
    """A keyed id of a row: without the list's salt it cannot be guessed from the file's name (HMAC-SHA256)."""
    return hmac.new(secret, file.encode(), hashlib.sha256).hexdigest()[:32]


def hits_of(observations: pa.Table, reasons: pa.Array, secret: bytes) -> pa.Table:
    """The rows with a reason, of schema `HITS`."""
    index = np.flatnonzero(pc.not_equal(reasons, "").to_numpy(zero_copy_only=False))
    at = pa.array(index)
    chosen = observations.take(at)
    files = file_ids(chosen)
    keys = [row_key(secret, name) for name in files.to_pylist()]
    return pa.table(
        [at, pa.array(keys, pa.string()), reasons.take(at), files, chosen["blob"].combine_chunks()],
        schema=HITS,
    )


def holders(
    observations: pa.Table, bucket: int, hits: pa.Table, seeds: pa.Array, matches: pa.Table
) -> pa.Table:
    """The files of a bucket that hold a seed or a match of one, of schema `HOLDERS`.

    Args:
        seeds: contents of opted-out files.
        matches: of schema `MATCHES`, empty where copies are compared byte by byte.
    """
    wanted = pa.table(
        {
            "blob": pa.concat_arrays([seeds, matches["blob"].combine_chunks()]),
            "seed": pa.concat_arrays([seeds, matches["seed"].combine_chunks()]),
            "containment": pa.concat_arrays(
                [pa.array(np.ones(len(seeds))), matches["containment"].combine_chunks()]
            ),
            "strength": pa.concat_arrays(
                [
                    pa.array(["exact"] * len(seeds), pa.string()),
                    pc.if_else(matches["normalised"].combine_chunks(), "normalised", "contained"),
                ]
            ),
        }
    )
    blobs = observations["blob"].combine_chunks()
    place = np.flatnonzero(
        pc.is_in(blobs, value_set=pc.unique(wanted["blob"])).to_numpy(zero_copy_only=False)
    )
    at = pa.array(place)
    rows = observations.take(at)
    own = pa.table(
        {
            "index": at,
            "blob": rows["blob"].combine_chunks(),
            "file": file_ids(rows),
            "person": persons(rows),
            "vendored": pa.array(as_bool(rows["vendored"])),
            "outside": pc.invert(in_own_package(rows["repository"], rows["path"])),
            "released": rows["released"].combine_chunks(),
            "bytes": rows["bytes"].combine_chunks(),
            "license_text": pc.fill_null(pc.equal(rows["license_role"].combine_chunks(), "text"), False),
            "hit": pc.is_in(at, value_set=hits["index"].combine_chunks()),
            "bucket": pa.array(np.full(len(place), bucket, np.int32)),
        }
    )
    joined = own.join(wanted, "blob", join_type="inner")
    return joined.select(HOLDERS.names).cast(HOLDERS).sort_by([("seed", "ascending"), ("index", "ascending")])


def spread(held: pa.Table, policy: CopyPolicy, decided: dict[str, str]) -> Spread:
    """Judge the copies of opted-out files, downstream only.

    A hit seeds removals when its owner is the likeliest origin of the text. Otherwise the owner's own rows go
    and the other copies are contested: kept and recorded, or removed where the policy or a review says so.

    Args:
        held: of schema `HOLDERS`, of all buckets.
        decided: `keep` or `remove` by file, from reviews.
    """
    if policy.copies == "keep":
        return Spread(REMOVALS.empty_table(), DISPUTED.empty_table(), 0)
    table = held.sort_by(
        [("seed", "ascending"), ("file", "ascending"), ("index", "ascending")]
    ).combine_chunks()
    codes = pc.dictionary_encode(table["seed"].combine_chunks()).indices.to_numpy()
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    hit = as_bool(table["hit"])
    bounds = [*starts.tolist(), len(codes)]
    removed: dict[int, str] = {}
    disputed: dict[int, str] = {}
    common = 0
    for low, high in itertools.pairwise(bounds):
        mine = hit[low:high]
        if mine.all() or not mine.any():
            continue
        rows = [_Held(low + i, *values) for i, values in enumerate(_values(table, low, high))]
        others = [row for row in rows if not row.hit]
        if _is_common(rows, policy.common):
            common += len(others)
            continue
        origin = likeliest_origin([row.holder for row in rows])
        seeds = {row.holder.owner for row in rows if row.hit}
        for row in others:
            why = _why(row, origin in seeds or policy.contested == "remove", policy)
            why = {"keep": "", "remove": "remove"}.get(decided.get(row.file, ""), why)
            if why == "remove":
                removed[row.number] = "optout.copy"
            elif why:
                disputed[row.number] = why
    gone = _take(table, sorted(removed))
    open_ = [n for n in sorted(disputed) if n not in removed]
    return Spread(
        _distinct(gone.append_column("reason", pa.array(["optout.copy"] * len(removed), pa.string()))),
        _take(table, open_)
        .append_column("why", pa.array([disputed[n] for n in open_], pa.string()))
        .select(DISPUTED.names)
        .cast(DISPUTED),
        common,
    )


@dataclass(frozen=True, slots=True)
class _Held:
    number: int
    file: str
    bytes: int
    license_text: bool
    hit: bool
    containment: float
    strength: str
    holder: Holder


def _values(table: pa.Table, low: int, high: int) -> list[tuple[Any, ...]]:
    part = table.slice(low, high - low)
    plain = [part[n].to_pylist() for n in ("file", "bytes", "license_text", "hit", "containment", "strength")]
    origin = [part[n].to_pylist() for n in ("person", "vendored", "outside", "released")]
    holders_ = [Holder(*values) for values in zip(*origin, strict=True)]
    return list(zip(*plain, holders_, strict=True))


def _why(row: _Held, downstream: bool, policy: CopyPolicy) -> str:
    """`remove`, a reason to ask a person, or an empty string for a match that says too little."""
    if row.strength == "contained" and policy.copies != "contained":
        return ""
    if row.strength == "contained" and row.containment < policy.remove:
        return "band" if row.containment >= policy.review else ""
    return "remove" if downstream else "origin"


def _is_common(rows: list[_Held], common: CommonProperty) -> bool:
    exact = [row for row in rows if row.strength != "contained"]
    if any(row.license_text for row in exact) or min(row.bytes for row in exact) < common.min_bytes:
        return True
    return len({row.holder.owner for row in exact if not row.holder.vendored}) >= common.owners


def _take(table: pa.Table, numbers: list[int]) -> pa.Table:
    return table.take(pa.array(numbers, pa.int64()))


def _distinct(table: pa.Table) -> pa.Table:
    rows = table.select(REMOVALS.names).group_by(REMOVALS.names, use_threads=False).aggregate([])
    return rows.cast(REMOVALS).sort_by([("bucket", "ascending"), ("index", "ascending")])


def emptied_seats(election: pa.Table, gone: pa.Array) -> NDArray[np.int64]:
    """Rows of a bucket whose kept twin is among the files that are gone."""
    lost = pc.and_(pc.not_equal(election["seat"], ""), pc.is_in(election["seat"], value_set=gone))
    rows: NDArray[np.int64] = election["index"].combine_chunks().filter(lost.combine_chunks()).to_numpy()
    return rows
