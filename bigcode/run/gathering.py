"""From observations by content to the files of an owner's bucket, in one exchange."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.decide import siblings
from bigcode.decide.columns import split_by
from bigcode.decide.optout import row_key
from bigcode.run.collecting import basenames
from bigcode.run.consent import SEAL, read_list, sealed
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.store.tables import read_table

_KEYS = ("blob", "name", "path")


def scatter(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """What was observed of the contents of a digest prefix, for each place of each content, by bucket."""
    places = inputs.table("places", ["blob", "path", "bucket"])
    places = places.group_by(["blob", "path", "bucket"], use_threads=False).aggregate([])
    out = places.sort_by(
        [("bucket", "ascending"), ("blob", "ascending"), ("path", "ascending")]
    ).combine_chunks()
    bucket = out["bucket"].to_numpy()
    out = out.drop_columns("bucket")
    for name in sorted(task.inputs):
        if name.startswith("observe."):
            out = _join(out, inputs.table(name))
    if "clusters" in task.inputs:
        named = pa.concat_tables(inputs.tables("clusters"))
        at = pc.index_in(out["blob"], value_set=named["blob"].combine_chunks())
        cluster = named["cluster"].combine_chunks().take(at.combine_chunks())
        out = out.append_column("cluster", pc.fill_null(cluster, ""))
    # Buckets without files have the same columns, too.
    return {"observed": split_by(out, bucket.astype(np.int64)), "columns": [("", out.schema.empty_table())]}


def gather(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The files of a bucket with all that was observed about them, row by row."""
    out = inputs.table("files")
    (first, *_) = inputs.entries("columns")
    observed = [read_table(inputs.store.objects, first.digest), *inputs.tables("observed")]
    out = _join(out, pa.concat_tables(observed), ("blob", "path"))
    for name in sorted(task.inputs):
        if name.startswith("observe."):
            out = _join(out, inputs.table(name))
    for name, value in task.identity["constants"].items():
        if name not in out.column_names:
            out = out.append_column(name, pa.array([value] * out.num_rows))
    return {"observations": [("", out.combine_chunks())]}


def _join(out: pa.Table, observed: pa.Table, keys: tuple[str, ...] | None = None) -> pa.Table:
    """Append the columns of observations by their keys; every row finds one."""
    named = keys or tuple(k for k in _KEYS if k in observed.column_names)
    wanted = pc.binary_join_element_wise(*(_key(out, k) for k in named), "\0")
    have = pc.binary_join_element_wise(*(_key(observed, k) for k in named), "\0")
    index = pc.index_in(wanted, value_set=have)
    for column in observed.column_names:
        if column not in _KEYS:
            out = out.append_column(column, observed[column].combine_chunks().take(index))
    return out


def _key(table: pa.Table, name: str) -> pa.Array:
    if name == "name" and name not in table.column_names:
        return basenames(table["path"].combine_chunks())
    return table[name].combine_chunks()


def inherit(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The licences of a sibling's records: those of their repository in the dataset that it is of."""
    rows = inputs.table("observations", ["host", "owner", "repository"])
    content, secret = read_list(inputs.bytes("list"))
    given = pa.concat_tables(inputs.tables("repositories"))
    found, renamed = siblings.inherit(rows, given, content.get("renames", ()))
    # A digest of public names could be guessed, and with it what the list renames.
    return {"license": [("", sealed(found, row_key(secret, SEAL)) if renamed else found)]}
