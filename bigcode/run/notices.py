"""Files that go with the shards of a dataset: what is owed to its projects, and by what it was made."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.canonical import canonical
from bigcode.api.facts import Fact
from bigcode.decide import notices
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.store.tables import read_table

_VERSION = ["host", "owner", "repository", "revision"]
_LINES = pa.list_(pa.string())


def attributions(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Licences and copyright lines of the projects of a bucket that have a kept file."""
    parts = [_kept(read_table(inputs.store.objects, e.digest)) for e in inputs.entries("kept")]
    if not parts:
        return {"attributions": [("notices", notices.NOTICES.empty_table())]}
    found = notices.of_projects(pa.concat_tables(parts), _texts(inputs))
    if inputs.entries("parents"):
        found = notices.with_lines_of(found, pa.concat_tables(inputs.tables("parents")))
    return {"attributions": [("notices", found)]}


def _kept(table: pa.Table) -> pa.Table:
    return _lined(table, [*_VERSION, "license"])


def _texts(inputs: Inputs) -> pa.Table:
    """Licence texts that no opt-out names."""
    table = inputs.table("observations")
    named = pc.equal(table["license_role"], "text")
    asked = pc.is_in(pa.array(np.arange(table.num_rows)), value_set=_hits(inputs))
    return _lined(table.filter(pc.and_(named.combine_chunks(), pc.invert(asked))), _VERSION)


def _hits(inputs: Inputs) -> pa.Array:
    return inputs.table("hits", ["index"])["index"].combine_chunks()


def _lined(table: pa.Table, names: list[str]) -> pa.Table:
    if "copyright" in table.column_names:
        return table.select([*names, "copyright"])
    return table.select(names).append_column("copyright", pa.nulls(table.num_rows, _LINES))


def write_notices(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """JSON lines, a project each, of a range of buckets."""
    table = pa.concat_tables(inputs.tables("notices"))
    ordered = table.sort_by([(name, "ascending") for name in notices.NOTICES.names[:3]])
    data = b"".join(canonical(row) + b"\n" for row in ordered.to_pylist())
    return {"notices": [(task.params["names"][task.label], data)]} if data else {"notices": []}


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
