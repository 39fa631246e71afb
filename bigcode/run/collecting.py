"""From what a collector fetched to files by owner and blobs by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.api.canonical import canonical
from bigcode.api.diagnostics import fail
from bigcode.decide.columns import FILE, partition_of, split_sorted, whole
from bigcode.run.task import Inputs, Output, Task, TaskContext

FILES = pa.schema(
    [
        *((name, pa.string()) for name in FILE),
        ("name", pa.string()),
        ("released", pa.int64()),
        ("blob", pa.string()),
        ("git_sha1", pa.string()),
        ("bytes", pa.int64()),
        ("authors", pa.list_(pa.string())),
    ]
)
BLOBS = pa.schema([("blob", pa.string()), ("content", pa.binary())])
CRUMB = 2**18
"""Bytes of text below which a table of texts is not worth an object of its own."""
PLACES = pa.schema(
    [("blob", pa.string()), ("path", pa.string()), ("bucket", pa.int32()), ("person", pa.uint64())]
)
"""Where a blob lies: its paths, the buckets of its owners, and a short hash of each owner."""
ORDER = [(name, "ascending") for name in FILE]


def bucket_of(host: str, owner: str, buckets: int) -> int:
    """The bucket of an owner; opt-outs name owners, so all that one touches lies in one bucket."""
    return person_of(host, owner) % buckets


def person_of(host: str, owner: str) -> int:
    value = hashlib.sha256(f"{host}\0{owner}".encode()).digest()
    return int.from_bytes(value[:8], "big")


def partition_source(table: pa.Table, task: Task, ctx: TaskContext) -> Output:
    """Fetched text to files by owner bucket, blobs by digest prefix, and a record of the fetch."""
    buckets, prefixes = task.identity["buckets"], task.identity["prefixes"]
    table = _without_purged(table, ctx)
    contents = whole(table["content"]).cast(pa.binary())
    digests = [(_sha256(data), _git_sha1(data), len(data)) for data in contents.to_pylist()]
    blob = pa.array([d[0] for d in digests], pa.string())
    owners = pc.dictionary_encode(pc.binary_join_element_wise(table["host"], table["owner"], "\0"))
    known = [person_of(*name.split("\0")) for name in owners.combine_chunks().dictionary.to_pylist()]
    person = np.array(known, np.uint64)[owners.combine_chunks().indices.to_numpy()] if known else _NOBODY
    bucket = (person % np.uint64(buckets)).astype(np.int64)
    path = table["path"].combine_chunks()
    authors = (
        table["authors"].combine_chunks()
        if "authors" in table.column_names
        else pa.nulls(table.num_rows, pa.list_(pa.string()))
    )
    files = pa.table(
        [
            *(table[name].combine_chunks() for name in FILE),
            basenames(path),
            table["released"].combine_chunks(),
            blob,
            pa.array([d[1] for d in digests], pa.string()),
            pa.array([d[2] for d in digests], pa.int64()),
            authors.cast(pa.list_(pa.string())),
        ],
        schema=FILES,
    )
    places = pa.table([blob, path, pa.array(bucket.astype(np.int32)), pa.array(person)], schema=PLACES)
    texts = pa.table([blob, contents], schema=BLOBS)
    prefix = partition_of(blob, prefixes)
    by_bucket, by_prefix = _parted(texts, bucket, prefix, prefixes)
    record = {
        "unit": task.label,
        "files": table.num_rows,
        "bytes": sum(d[2] for d in digests),
        "omitted": dict(sorted(ctx.omitted.items())),
        "failed": ctx.failure,
    }
    return {
        "files": split_sorted(files, bucket, FILE),
        "texts": by_bucket,
        "blobs": by_prefix,
        "places": split_sorted(places, prefix, PLACES.names, distinct=True),
        "record": [("record", canonical(record))],
    }


_NOBODY = np.zeros(0, np.uint64)
Parts = list[tuple[str, pa.Table]]


def _parted(
    texts: pa.Table, bucket: NDArray[np.int64], prefix: NDArray[np.int64], prefixes: int
) -> tuple[Parts, Parts]:
    """Texts by bucket and by digest prefix. Where that makes no crumbs, both are the same tables, so that a text is
    written once."""
    both = bucket * prefixes + prefix
    if texts.nbytes < CRUMB * len(np.unique(both)):
        by_bucket = split_sorted(texts, bucket, ("blob",), distinct=True)
        return by_bucket, split_sorted(texts, prefix, ("blob",), distinct=True)
    cells = [(divmod(int(n), prefixes), t) for n, t in split_sorted(texts, both, ("blob",), distinct=True)]
    by_prefix = sorted(cells, key=lambda cell: (cell[0][1], cell[0][0]))
    return [(str(b), t) for (b, _), t in cells], [(str(p), t) for (_, p), t in by_prefix]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _without_purged(table: pa.Table, ctx: TaskContext) -> pa.Table:
    """What was purged from the store is not taken in again, wherever it is found."""
    purged = ctx.purged()
    if not purged:
        return table
    keep = [_sha256(data) not in purged for data in table["content"].to_pylist()]
    if gone := keep.count(False):
        ctx.omit("purged", gone)
    return table.filter(pa.array(keep, pa.bool_()))


def basenames(paths: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(paths, r"(?s)^.*/", "")


def files(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """All files of a bucket, sorted; the same file from two units is refused."""
    table = pa.concat_tables([FILES.empty_table(), *inputs.tables("files")]).sort_by(ORDER).combine_chunks()
    if table.num_rows > 1:
        same = np.ones(table.num_rows - 1, bool)
        for name in FILE:
            column = table[name].combine_chunks()
            same &= pc.equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
        if same.any():
            raise fail(
                "E708",
                f"{task.node}: two sources hold the same file of the same revision",
                hint="Name each release or repository once.",
            )
    return {"files": [("", table)]}


def blobs(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The distinct places of the blobs of a digest prefix, and which blobs these are; their texts stay where they
    were fetched to."""
    places = _distinct(pa.concat_tables([PLACES.empty_table(), *inputs.tables("places")]), PLACES.names)
    return {"blobs": [("", _distinct(places.select(["blob"]), ("blob",)))], "places": [("", places)]}


def _distinct(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    parts = split_sorted(table, np.zeros(table.num_rows, np.int64), keys, distinct=True)
    return parts[0][1].combine_chunks() if parts else table


def records(inputs: Inputs, task: Task, ctx: TaskContext) -> dict[str, Any]:
    """Sums over the records of a snapshot's fetches: units, failures and omissions by reason.

    Raises:
        Problem: E709 when more units failed than the Snapshot tolerates.
    """
    import json

    read = [json.loads(inputs.store.objects.get(e.digest)) for e in inputs.entries("records")]
    failed: dict[str, int] = {}
    omitted: dict[str, int] = {}
    for record in read:
        if record["failed"]:
            failed[record["failed"]] = failed.get(record["failed"], 0) + 1
        for reason, count in record["omitted"].items():
            omitted[reason] = omitted.get(reason, 0) + count
    lost = sum(failed.values())
    if lost > task.identity["tolerate"] * len(read):
        named = [f"{r['unit']} ({r['failed']})" for r in read if r["failed"]][:5]
        raise fail(
            "E709",
            f"{task.node.split('#')[0]}: {lost} of {len(read)} sources cannot be had: {', '.join(named)}",
            hint="`apply --refetch` asks again; Snapshot.tolerate says how large a share may be missing.",
        )
    return {
        "units": len(read),
        "failed": dict(sorted(failed.items())),
        "omitted": dict(sorted(omitted.items())),
    }
