"""Files that go with the shards of a dataset: what is owed to its projects, and by what it was made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.canonical import canonical
from bigcode.api.facts import Fact
from bigcode.decide import notices
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.store.tables import read_table

_VERSION = ["host", "owner", "repository", "revision"]
_COPYRIGHT = "copyright"
_LINES = pa.list_(pa.string())


def attributions(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Licences and copyright lines of the projects of a bucket that have a kept file."""
    return {"attributions": [("notices", made_of(inputs))]}


def made_of(inputs: Inputs, gone: pa.Array | None = None) -> pa.Table:
    """The notices of a bucket, of schema `NOTICES`.

    Args:
        gone: digests of contents that were erased; files of theirs count as not kept, and their lines are no lines.
    """
    parts = [
        _lined(_without(read_table(inputs.store.objects, e.digest), gone)) for e in inputs.entries("kept")
    ]
    if not parts:
        return notices.NOTICES.empty_table()
    found = notices.of_projects(
        pa.concat_tables(parts).select([*_VERSION, "license", _COPYRIGHT]), _texts(inputs, gone)
    )
    if inputs.entries("parents"):
        found = notices.with_lines_of(found, pa.concat_tables(inputs.tables("parents")))
    return found


def _texts(inputs: Inputs, gone: pa.Array | None) -> pa.Table:
    """Licence texts that no opt-out names."""
    table = inputs.table("observations")
    named = pc.equal(table["license_role"], "text")
    asked = pc.is_in(pa.array(np.arange(table.num_rows)), value_set=_hits(inputs))
    chosen = table.filter(pc.and_(named.combine_chunks(), pc.invert(asked)))
    return _lined(_without(chosen, gone)).select([*_VERSION, _COPYRIGHT])


def _hits(inputs: Inputs) -> pa.Array:
    return inputs.table("hits", ["index"])["index"].combine_chunks()


def _without(table: pa.Table, gone: pa.Array | None) -> pa.Table:
    return table if gone is None else table.filter(pc.invert(pc.is_in(table["blob"], value_set=gone)))


def _lined(table: pa.Table) -> pa.Table:
    if _COPYRIGHT in table.column_names:
        return table
    return table.append_column(_COPYRIGHT, pa.nulls(table.num_rows, _LINES))


def write_notices(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """JSON lines, a project each, of a range of buckets."""
    data = render_notices(inputs.tables("notices"))
    return {"notices": [(task.params["names"][task.label], data)]} if data else {"notices": []}


def render_notices(tables: Sequence[pa.Table]) -> bytes:
    """Tables of schema `NOTICES` as JSON lines, by project."""
    ordered = pa.concat_tables(tables).sort_by([(name, "ascending") for name in notices.NOTICES.names[:3]])
    return b"".join(canonical(row) + b"\n" for row in ordered.to_pylist())


def write_provenance(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """What saw the files of the dataset, under which policies, and of which dataset it is a sibling."""
    said = task.identity
    if said["of"]:
        for name, value, label in (
            ("sibling.of", said["of"], "Sibling of"),
            ("sibling.kind", said["sibling"], "Kind of sibling"),
            *((f"policy.{n}", address, f"Policy: {n}") for n, address in said["policies"].items()),
        ):
            ctx.fact(
                Fact(
                    name,
                    value,
                    "text",
                    "declared",
                    label,
                    source="the spec of the dataset",
                    as_of=said["asOf"],
                    component=task.node,
                )
            )
    return {
        "provenance": [("PROVENANCE.json", canonical({"format": "bigcode-provenance/1", **said}) + b"\n")]
    }
