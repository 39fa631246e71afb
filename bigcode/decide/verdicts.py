"""One verdict per file: the reason first in a fixed order, and all others beside it.

The order is that in which judgement is passed: licence, quality, privacy, decontamination, split, duplicates,
opt-outs. A row that an opt-out touches carries a keyed id and its reason, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.decide.columns import FILE, file_ids, lists_from, parents_of

KEPT = "kept"
_LICENSE = ("license", "license_source", "license_category", "license_attribution")
PUBLIC = pa.schema(
    [
        ("row", pa.string()),
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("revision", pa.string()),
        ("path", pa.string()),
        ("blob", pa.string()),
        ("bytes", pa.int64()),
        ("language", pa.string()),
        ("license", pa.string()),
        ("license_source", pa.string()),
        ("license_category", pa.string()),
        ("license_attribution", pa.string()),
        ("split", pa.string()),
        ("reason", pa.string()),
        ("also", pa.list_(pa.string())),
        ("seat", pa.string()),
        ("similarity", pa.float64()),
        ("redactions", pa.list_(pa.string())),
    ]
)
CLASSES = ("license", "quality", "privacy", "contamination", "split", "duplicate", "optout")
TOUCHED = pa.schema([("index", pa.int64()), ("key", pa.string()), ("reason", pa.string())])
"""Rows of a bucket that an opt-out touches, with their keyed ids."""


@dataclass(frozen=True, slots=True)
class Judgements:
    """What was judged of the files of a bucket.

    `license`, `quality`, `privacy` and `contamination` (or None) have a row for each file; `election` has rows
    (index, reason, seat, similarity) of files that lost a seat; `touched` is of schema `TOUCHED`; `emptied` are the
    files whose kept twin an opt-out took away: they would have been elected in its stead, and count as the opt-out's.
    """

    license: pa.Table
    quality: pa.Table
    privacy: pa.Table
    contamination: pa.Table | None
    split: pa.Array
    election: pa.Table
    touched: pa.Table
    emptied: NDArray[np.int64]


def merge(observations: pa.Table, judged: Judgements) -> tuple[pa.Table, pa.Table]:
    """The public verdict table and the rows to be written, both sorted.

    Returns:
        verdicts (schema `PUBLIC`), and kept: the observations of kept files with license, license_source,
        split and spans.
    """
    count = observations.num_rows
    rows, values = _all_reasons(judged)
    first = np.concatenate(([True], rows[1:] != rows[:-1])) if len(rows) else np.zeros(0, bool)
    reason = pc.fill_null(_spread(rows[first], values.filter(pa.array(first)), count), KEPT)
    hidden = np.zeros(count, bool)
    touched = judged.touched["index"].to_numpy()
    hidden[touched] = True
    # An opt-out is the last class: its reason shows only where no other judgement came first.
    asked = _spread(touched, judged.touched["reason"].combine_chunks(), count)
    reason = pc.if_else(pc.and_(pc.equal(reason, KEPT), pc.is_valid(asked)), asked, reason)
    also = lists_from(rows[~first], values.filter(pa.array(~first)), count)
    kept = pc.equal(reason, KEPT).to_numpy(zero_copy_only=False)
    names = pc.if_else(
        pa.array(hidden),
        _spread(touched, judged.touched["key"].combine_chunks(), count),
        file_ids(observations),
    )
    index = judged.election["index"].to_numpy()
    columns = {
        "row": names,
        **{n: observations[n].combine_chunks() for n in (*FILE, "blob", "bytes", "language")},
        **{name: judged.license[name].combine_chunks() for name in _LICENSE},
        "split": judged.split,
        "also": also,
        "seat": pc.fill_null(_spread(index, judged.election["seat"].combine_chunks(), count), ""),
        "similarity": pc.fill_null(
            _spread(index, judged.election["similarity"].combine_chunks(), count), 0.0
        ),
        "redactions": _entities(judged.privacy["spans"].combine_chunks(), kept),
    }
    blank = pa.array(~hidden)
    public = pa.table(
        [
            reason
            if name == "reason"
            else names
            if name == "row"
            else pc.if_else(blank, columns[name], pa.scalar(None, PUBLIC.field(name).type))
            for name in PUBLIC.names
        ],
        schema=PUBLIC,
    )
    keys = pa.table({"hidden": pa.array(hidden), "row": names})
    order = pc.sort_indices(keys, [("hidden", "ascending"), ("row", "ascending")])
    return public.take(order), _kept_rows(observations, judged, kept)


def _all_reasons(judged: Judgements) -> tuple[NDArray[np.int64], pa.Array]:
    """All reasons but opt-outs with the numbers of their rows, by row and then in the order of judgement."""
    given = judged.license["license_reason"].combine_chunks()
    refused = pc.not_equal(given, "")
    parts = [(_numbers(refused), given.filter(refused))]
    for table, name in (
        (judged.quality, "quality_reasons"),
        (judged.privacy, "privacy_reasons"),
        (judged.contamination, "contamination_reasons"),
    ):
        if table is not None:
            lists = table[name].combine_chunks()
            parts.append((parents_of(lists), pc.list_flatten(lists)))
    lost = judged.election["index"].to_numpy()
    stays = ~np.isin(lost, judged.emptied)
    parts.append((lost[stays], judged.election["reason"].combine_chunks().filter(pa.array(stays))))
    rows = np.concatenate([numbers for numbers, _ in parts])
    values = pa.concat_arrays([v.cast(pa.string()) for _, v in parts])
    order = np.argsort(rows, kind="stable")
    return rows[order], values.take(pa.array(order))


def _numbers(mask: pa.Array) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
    return numbers


def _spread(rows: NDArray[np.int64], values: pa.Array, count: int) -> pa.Array:
    """The values at their rows, null elsewhere; each row at most once."""
    place = np.full(count, -1, np.int64)
    place[rows] = np.arange(len(rows))
    return values.take(pa.array(place, mask=place < 0))


def _entities(spans: pa.Array, kept: NDArray[np.bool_]) -> pa.Array:
    """What is masked in the kept files; empty lists for the others."""
    rows = parents_of(spans)
    stays = kept[rows] if len(rows) else np.zeros(0, bool)
    entities = pc.struct_field(pc.list_flatten(spans), "entity").filter(pa.array(stays))
    return lists_from(rows[stays], entities, len(spans))


_WRITTEN = (*FILE, "blob", "git_sha1", "bytes", "language")
_IF_OBSERVED = ("license_ids", "license_scores", "license_evidence", "copyright", "authors")


def _kept_rows(observations: pa.Table, judged: Judgements, kept: NDArray[np.bool_]) -> pa.Table:
    optional = [name for name in _IF_OBSERVED if name in observations.column_names]
    wanted = observations.select([*_WRITTEN, *optional])
    for name in ("license", "license_source"):
        wanted = wanted.append_column(name, judged.license[name])
    wanted = wanted.append_column("split", judged.split).append_column("spans", judged.privacy["spans"])
    chosen = wanted.filter(pa.array(kept))
    return chosen.sort_by([(name, "ascending") for name in FILE])


def masked(content: bytes, spans: Sequence[Mapping[str, object]]) -> bytes:
    """The content with its spans replaced; spans are byte ranges in order that do not overlap."""
    if not spans:
        return content
    out, position = [], 0
    for span in spans:
        start, end = int(str(span["start"])), int(str(span["end"]))
        out += [content[position:start], str(span["replacement"]).encode()]
        position = end
    return b"".join([*out, content[position:]])
