"""Observing only what was not observed before: same bytes as a full observation, since rows are independent."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.diagnostics import Problem
from bigcode.decide.columns import split_sorted, whole
from bigcode.run.collecting import BLOBS, basenames
from bigcode.run.task import Inputs, Task, TaskContext, unexpected
from bigcode.store.store import Store
from bigcode.store.tables import read_table

_KEYS = {"blob": ["blob"], "name": ["blob", "name"], "path": ["path"], "file": ["blob", "path"]}


def observe(
    run: Callable[[pa.Table, Any], pa.Table],
    task: Task,
    inputs: Inputs,
    ctx: TaskContext,
    only: pa.Array | None = None,
) -> pa.Table:
    """The observations of a partition, one row per distinct key, sorted by it.

    Args:
        only: blobs that are asked for; all when None.

    Raises:
        Problem: E502 when the component returns other rows or other columns than it declares.
    """
    keys = _KEYS[task.grain]
    wanted = _distinct(task.grain, inputs)
    if only is not None:
        wanted = wanted.filter(pc.is_in(wanted["blob"], value_set=only))
    base = _read_base(task, inputs, keys)
    if base is not None:
        known = pc.is_in(_joined(wanted, keys), _joined(base, keys))
        fresh = wanted.filter(pc.invert(known))
        base = base.filter(pc.is_in(_joined(base, keys), _joined(wanted, keys)))
    else:
        fresh = wanted
    if base is not None and fresh.num_rows == 0:
        return base.sort_by([(k, "ascending") for k in keys])
    observed = run(_with_content(fresh, task.grain, inputs), ctx)
    missing = [c for c in (*keys, *task.params.get("writes", ())) if c not in observed.column_names]
    if not missing and pc.any(pc.invert(pc.is_in(_joined(fresh, keys), _joined(observed, keys)))).as_py():
        raise unexpected(task.node, "the component gave rows for other files than it was asked for")
    if ctx.facts or ctx.warnings:
        raise unexpected(
            task.node,
            "an observer may record no facts and no warnings: it sees only what is new",
        )
    if missing or observed.num_rows != fresh.num_rows:
        what = (
            f"lacks the column {missing[0]}"
            if missing
            else f"gave {observed.num_rows} rows for {fresh.num_rows}"
        )
        raise unexpected(task.node, f"the component {what}")
    if base is not None:
        observed = pa.concat_tables([base.select(observed.column_names).cast(observed.schema), observed])
    return observed.sort_by([(k, "ascending") for k in keys]).combine_chunks()


def _distinct(grain: str, inputs: Inputs) -> pa.Table:
    if grain == "path":
        paths = pc.unique(inputs.table("files", ["path"])["path"])
        return pa.table({"path": paths}).sort_by("path")
    if grain in ("name", "file"):
        places = inputs.table("places", ["blob", "path"]).combine_chunks()
        if grain == "name":
            names = basenames(places["path"].combine_chunks())
            places = pa.table({"blob": places["blob"], "name": names})
        columns = places.column_names
        distinct = places.group_by(columns, use_threads=False).aggregate([]).select(columns)
        return distinct.sort_by([(c, "ascending") for c in columns]).combine_chunks()
    return inputs.table("blobs", ["blob"]).combine_chunks()


def _with_content(fresh: pa.Table, grain: str, inputs: Inputs) -> pa.Table:
    if grain == "path":
        return fresh
    blobs = distinct_texts(inputs, fresh["blob"])
    content = whole(blobs["content"])
    if not fresh["blob"].equals(blobs["blob"]):
        index = pc.index_in(whole(fresh["blob"]), value_set=whole(blobs["blob"]))
        content = content.take(index)
    return fresh.append_column("content", content)


def distinct_texts(inputs: Inputs, wanted: pa.ChunkedArray | None = None) -> pa.Table:
    """Columns `blob` and `content` of the input `texts`, one row a blob, sorted; of `wanted` blobs at least."""
    digests = tuple(dict.fromkeys(entry.digest for entry in inputs.entries("texts")))
    if wanted is not None and len(wanted) * FEW < inputs.entries("blobs")[0].rows:
        held = _held(inputs.store.url, digests)
        some = pc.is_in(held["blob"], value_set=whole(wanted))
        at = np.unique(held.filter(some)["table"].combine_chunks().to_numpy())
        digests = tuple(digests[i] for i in at.tolist())
    return _decoded(inputs.store.url, digests)


FEW = 4
"""Of how many contents one must be wanted for all of their tables to be read."""


@lru_cache(maxsize=1)
def _held(url: str, digests: tuple[str, ...]) -> pa.Table:
    """Which table holds which blob."""
    objects = Store(url).objects
    blobs = [whole(read_table(objects, digest, ["blob"])["blob"]) for digest in digests]
    places = np.repeat(np.arange(len(blobs)), [len(b) for b in blobs])
    return pa.table({"blob": pa.chunked_array(blobs, pa.string()), "table": places})


@lru_cache(maxsize=1)
def _decoded(url: str, digests: tuple[str, ...]) -> pa.Table:
    """The contents of a partition: all observers read it, one after another where the queue is kind."""
    objects = Store(url).objects
    parts = [read_table(objects, digest, ["blob", "content"]) for digest in digests]
    table = pa.concat_tables([BLOBS.empty_table(), *parts])
    ordered = split_sorted(table, np.zeros(table.num_rows, np.int64), ("blob",), distinct=True)
    return ordered[0][1].combine_chunks() if ordered else table.combine_chunks()


def forget() -> None:
    """Let go of contents that an earlier run in this process read."""
    _decoded.cache_clear()
    _held.cache_clear()


def _read_base(task: Task, inputs: Inputs, keys: list[str]) -> pa.Table | None:
    if not task.base:
        return None
    try:
        table = read_table(inputs.store.objects, task.base)
    except Problem:
        return None
    return table if all(k in table.column_names for k in keys) else None


def _joined(table: pa.Table, keys: list[str]) -> pa.Array:
    columns = [table[k].combine_chunks() for k in keys]
    return columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, "\0")
