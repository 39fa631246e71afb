"""Measured facts of snapshots and datasets: queries over tables that a bundle carries."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.canonical import canonical
from bigcode.api.diagnostics import fail
from bigcode.api.facts import Fact, Query
from bigcode.evidence.query import run_query
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.store.tables import read_table

PROJECT = "host,owner,repository"
"""Forks and namesakes are projects of their own."""


def snapshot_facts(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    table = inputs.table("files", ["host", "owner", "repository", "revision", "blob", "bytes"])
    if not table.num_rows:
        raise fail(
            "E707",
            f"{task.node.split('#')[0]}: the snapshot holds no file",
            hint="Name something to collect.",
        )
    source = Source("files", table, _digest_of(inputs, "files"), task.node)
    ctx.fact(source.measure("files", "file", "Files collected", Query("files", "count")))
    ctx.fact(source.measure("bytes", "B", "Text collected", Query("files", "sum", "bytes")))
    ctx.fact(source.measure("blobs", "file", "Distinct contents", Query("files", "distinct", "blob")))
    ctx.fact(
        source.measure(
            "repositories", "repository", "Projects collected", Query("files", "distinct", PROJECT)
        )
    )
    ctx.fact(
        source.measure(
            "releases", "release", "Releases collected", Query("files", "distinct", f"{PROJECT},revision")
        )
    )
    return {"manifest": [("files", _listing(inputs, "files"))]}


def dataset_facts(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Counts of the ledger and of what was kept, each a query over the verdict tables."""
    table = inputs.table("verdicts")
    v = Source("verdicts", table, _digest_of(inputs, "verdicts"), task.node)
    kept = (("reason", "kept"),)
    ctx.fact(v.measure("files.in", "file", "Files judged", Query("verdicts", "count")))
    ctx.fact(v.measure("files.kept", "file", "Files kept", Query("verdicts", "count", where=kept)))
    ctx.fact(v.measure("bytes.kept", "B", "Text kept", Query("verdicts", "sum", "bytes", kept)))
    ctx.fact(
        v.measure(
            "repositories.kept",
            "repository",
            "Projects kept",
            Query("verdicts", "distinct", PROJECT, kept),
        )
    )
    reasons = sorted(set(table["reason"].to_pylist()) - {"kept"})
    for reason in reasons:
        ctx.fact(
            v.measure(
                f"files.dropped{{reason={reason}}}",
                "file",
                f"Dropped: {reason}",
                Query("verdicts", "count", where=(("reason", reason),)),
            )
        )
    ctx.fact(
        _sum(
            "files.dropped",
            "file",
            "Files dropped",
            [f"files.dropped{{reason={r}}}" for r in reasons],
            int(sum(x != "kept" for x in table["reason"].to_pylist())),
        )
    )
    for column, label in (("language", "Language"), ("license", "Licence"), ("split", "Split")):
        for value in _values(table, column):
            where = (*kept, (column, value))
            ctx.fact(
                v.measure(
                    f"files.kept{{{column}={value}}}",
                    "file",
                    f"{label}: {value}",
                    Query("verdicts", "count", where=where),
                )
            )
            ctx.fact(
                v.measure(
                    f"bytes.kept{{{column}={value}}}",
                    "B",
                    f"{label}: {value}",
                    Query("verdicts", "sum", "bytes", where),
                )
            )
    for entity in sorted({e for row in table["redactions"].to_pylist() for e in row or ()}):
        ctx.fact(
            v.measure(
                f"redactions{{entity={entity}}}",
                "finding",
                f"Masked: {entity}",
                Query("verdicts", "count", where=(*kept, ("redactions", entity))),
            )
        )
    _optout_facts(inputs, task, ctx, v, reasons)
    for entry in inputs.entries("clusters"):
        clusters = read_table(inputs.store.objects, entry.digest, ["cluster"])
        count = len(pc.unique(clusters["cluster"]))
        ctx.fact(
            Fact(
                "clusters",
                count,
                "cluster",
                label="Groups of near-duplicates",
                inputs=(entry.digest,),
                method="distinct clusters with more than one content",
                component=task.node,
            )
        )
    shards = inputs.entries("shards")
    ctx.fact(
        Fact(
            "shards",
            len(shards),
            "file",
            label="Shards written",
            inputs=(_digest_of(inputs, "shards"),),
            method="entries of the shard manifest",
            component=task.node,
        )
    )
    return {"manifest": [(n, _listing(inputs, n)) for n in ("shards", "verdicts")]}


def _optout_facts(inputs: Inputs, task: Task, ctx: TaskContext, v: Source, reasons: list[str]) -> None:
    own = [r for r in reasons if r.startswith("optout.") and r not in ("optout.copy", "optout.seat")]
    for name, label, reason in (
        ("optout.copies", "Copies of opted-out files removed elsewhere", "optout.copy"),
        ("optout.seats", "Seats left empty", "optout.seat"),
    ):
        ctx.fact(v.measure(name, "file", label, Query("verdicts", "count", where=(("reason", reason),))))
    total = sum(int(run_query(Query("verdicts", "count", where=(("reason", r),)), v.table) or 0) for r in own)
    ctx.fact(
        _sum(
            "optout.files",
            "file",
            "Files removed at their owners' wish",
            [f"files.dropped{{reason={r}}}" for r in own],
            total,
        )
    )
    contested = inputs.table("contested").num_rows
    ctx.fact(
        Fact(
            "optout.contested",
            contested,
            "file",
            label="Copies whose origin is not clear, kept and recorded",
            inputs=(inputs.entries("contested")[0].digest,),
            method="rows of the contested table",
            component=task.node,
        )
    )
    entries = json.loads(inputs.bytes("optout"))["entries"]
    small = 0 < entries < int(task.identity["smallCell"])
    ctx.fact(
        Fact(
            "optout.entries",
            None if small else entries,
            "person",
            label="Wishes in the opt-out list",
            withheld=small,
            inputs=(inputs.entries("optout")[0].digest,),
            method="entries of the sealed list",
            component=task.node,
        )
    )
    ctx.fact(
        Fact(
            "optout.as_of",
            task.identity["asOf"],
            "date",
            "declared",
            label="Opt-outs received by",
            source="OptOutSnapshot asOf",
            as_of=task.identity["asOf"],
        )
    )


class Source:
    """A named table and the digest of the manifest that lists its parts."""

    def __init__(self, name: str, table: pa.Table, manifest: str, component: str) -> None:
        self.name, self.table, self.manifest, self.component = name, table, manifest, component

    def measure(self, fact: str, unit: str, label: str, query: Query) -> Fact:
        """A fact by its query."""
        return Fact(
            fact,
            run_query(query, self.table),
            unit,
            label=label,
            query=query,
            inputs=(self.manifest,),
            component=self.component,
        )


def _sum(name: str, unit: str, label: str, parts: list[str], value: int) -> Fact:
    letters = [f"t{i}" for i in range(len(parts))]
    return Fact(
        name,
        value,
        unit,
        "derived",
        label,
        formula=" + ".join(letters) or "0",
        terms=tuple(sorted(zip(letters, parts, strict=True))),
    )


def _values(table: pa.Table, column: str) -> list[str]:
    pairs = zip(table["reason"].to_pylist(), table[column].to_pylist(), strict=True)
    return sorted({value for reason, value in pairs if reason == "kept" and value})


def _listing(inputs: Inputs, name: str) -> bytes:
    return canonical([[e.name, e.digest, e.rows, e.bytes] for e in inputs.entries(name)])


def _digest_of(inputs: Inputs, name: str) -> str:
    return inputs.store.objects.put(_listing(inputs, name))
