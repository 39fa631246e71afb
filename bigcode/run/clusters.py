"""Groups of near-duplicates, by way of a clusterer; what it is asked is cached by content or cheap."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.shapes import Clusterer
from bigcode.decide.columns import partition_of, split_by
from bigcode.decide.election import MEMBERS
from bigcode.run.observe import observe
from bigcode.run.task import Inputs, Output, Task, TaskContext


def sketch(stage: Clusterer, inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Signatures and band hashes of a digest prefix, in two tables, since linking reads the bands alone."""
    table = observe(stage.map, task, inputs, ctx)
    return {
        "observed": [("", table)],
        "bands": [("", table.select(["blob", "bands"]).filter(pc.is_valid(table["bands"])))],
    }


def shingle(stage: Clusterer, inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Shingles of the contents of a prefix that are in some group."""
    members = pc.unique(pa.concat_tables(inputs.tables("clusters"))["blob"])
    return {"observed": [("", observe(stage.shingle, task, inputs, ctx, only=members))]}


def link(stage: Clusterer, inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    parts = task.params["parts"]
    return {"links": [("", stage.link(inputs.tables("bands"), int(task.label), parts, ctx))]}


def reduce(stage: Clusterer, inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    return {"clusters": [("", stage.reduce(inputs.tables("links"), ctx))]}


STAGES: dict[str, Any] = {"map": sketch, "shingle": shingle, "link": link, "reduce": reduce}


def members(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The members of groups that lie in a prefix, with what comparing them needs, by the group's election."""
    shingles = inputs.table("shingles")
    named = pa.concat_tables(inputs.tables("clusters"))
    signatures = inputs.table("sketches", ["blob", "signature"])
    blob = shingles["blob"].combine_chunks()
    cluster = (
        named["cluster"].combine_chunks().take(pc.index_in(blob, value_set=named["blob"].combine_chunks()))
    )
    signature = signatures["signature"].combine_chunks()
    at = pc.index_in(blob, value_set=signatures["blob"].combine_chunks())
    table = pa.table(
        [blob, cluster, signature.take(at), shingles["shingles"].combine_chunks()], schema=MEMBERS
    )
    return {"members": split_by(table, partition_of(cluster, task.identity["elections"]))}
