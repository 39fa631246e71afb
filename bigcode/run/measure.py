"""Measured facts of snapshots and datasets: queries over tables that a bundle carries."""

from __future__ import annotations

import json

import pyarrow.compute as pc

from bigcode.api.canonical import canonical
from bigcode.api.diagnostics import fail
from bigcode.api.facts import Fact, Query
from bigcode.evidence.query import run_query
from bigcode.evidence.tally import GROUPS, PROJECT, sum_tallies
from bigcode.run.collecting import records
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.store.tables import read_table


def snapshot_facts(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """What was collected, and what was not.

    Raises:
        Problem: E707 for an empty snapshot, E709 when too many sources failed, E710 when it differs from its pin.
    """
    fetched = records(inputs, task, ctx)
    counts = _count_files(inputs)
    if not counts["files"]:
        raise fail(
            "E707",
            f"{task.node.split('#')[0]}: the snapshot holds no file",
            hint="Name something to collect.",
        )
    digest = _digest_of(inputs, "files")
    if task.identity["pin"] not in ("", f"sha256:{digest}"):
        raise fail(
            "E710",
            f"{task.node.split('#')[0]}: collected sha256:{digest}, the pin says {task.identity['pin']}",
            hint="Compare both before you change the pin.",
        )
    for name, unit, label, query in _COUNTED:
        ctx.fact(
            Fact(name, counts[name], unit, label=label, query=query, inputs=(digest,), component=task.node)
        )
    listed = _digest_of(inputs, "records")
    told = [("units", "source", "Sources asked for", fetched["units"])]
    told += [
        (f"failed{{reason={r}}}", "source", f"Not to be had: {r}", n) for r, n in fetched["failed"].items()
    ]
    told += [(f"omitted{{reason={r}}}", "file", f"Left out: {r}", n) for r, n in fetched["omitted"].items()]
    for name, unit, label, value in told:
        ctx.fact(
            Fact(
                name,
                value,
                unit,
                label=label,
                inputs=(listed,),
                method="sums over the records of the fetches",
                component=task.node,
            )
        )
    return {"manifest": [("files", _listing(inputs, "files")), ("records", _listing(inputs, "records"))]}


def tally(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The counts of a bucket from which the dataset's are summed: an owner, and so a project, lies in one bucket."""
    table = inputs.table("verdicts")
    kept = table.filter(pc.equal(table["reason"], "kept"))
    redactions = pc.value_counts(pc.list_flatten(kept["redactions"].combine_chunks())).to_pylist()
    groups = {
        column: {
            row[column]: [row["count_all"], row["bytes_sum"]]
            for row in kept.group_by(column, use_threads=False)
            .aggregate([([], "count_all"), ("bytes", "sum")])
            .to_pylist()
            if row[column]
        }
        for column in GROUPS
    }
    counts = {
        "files": table.num_rows,
        "bytes": pc.sum(kept["bytes"]).as_py() or 0,
        "projects": kept.group_by(PROJECT.split(","), use_threads=False).aggregate([]).num_rows,
        "reasons": {r["values"]: r["counts"] for r in pc.value_counts(table["reason"]).to_pylist()},
        "redactions": {r["values"]: r["counts"] for r in redactions},
        **groups,
    }
    return {"tally": [("", canonical(counts))]}


def dataset_facts(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Counts of the ledger and of what was kept, each a query over the verdict tables."""
    total = sum_tallies(json.loads(inputs.store.objects.get(e.digest)) for e in inputs.entries("tally"))
    manifest = _digest_of(inputs, "verdicts")

    def count(name: str, value: int, unit: str, label: str, query: Query) -> None:
        ctx.fact(Fact(name, value, unit, label=label, query=query, inputs=(manifest,), component=task.node))

    kept = (("reason", "kept"),)
    reasons = total["reasons"]
    count("files.in", total["files"], "file", "Files judged", Query("verdicts", "count"))
    count("files.kept", reasons.get("kept", 0), "file", "Files kept", Query("verdicts", "count", where=kept))
    count("bytes.kept", total["bytes"], "B", "Text kept", Query("verdicts", "sum", "bytes", kept))
    distinct = Query("verdicts", "distinct", PROJECT, kept)
    count("repositories.kept", total["projects"], "repository", "Projects kept", distinct)
    dropped = {reason: n for reason, n in sorted(reasons.items()) if reason != "kept"}
    for reason, n in dropped.items():
        query = Query("verdicts", "count", where=(("reason", reason),))
        count(f"files.dropped{{reason={reason}}}", n, "file", f"Dropped: {reason}", query)
    parts = [f"files.dropped{{reason={r}}}" for r in dropped]
    ctx.fact(_sum("files.dropped", "file", "Files dropped", parts, sum(dropped.values())))
    for column, key, label in _SHOWN:
        for value, (n, size) in sorted(total[column].items()):
            where = (*kept, (column, value))
            name, text = f"{{{key}={value}}}", f"{label}: {value}"
            count(f"files.kept{name}", n, "file", text, Query("verdicts", "count", where=where))
            count(f"bytes.kept{name}", size, "B", text, Query("verdicts", "sum", "bytes", where))
    for entity, n in sorted(total["redactions"].items()):
        query = Query("verdicts", "count", where=(*kept, ("redactions", entity)))
        count(f"redactions{{entity={entity}}}", n, "finding", f"Masked: {entity}", query)
    for name, label, reason in (
        ("optout.copies", "Copies of opted-out files removed elsewhere", "optout.copy"),
        ("optout.seats", "Seats left empty", "optout.seat"),
    ):
        query = Query("verdicts", "count", where=(("reason", reason),))
        count(name, reasons.get(reason, 0), "file", label, query)
    own = {r: n for r, n in dropped.items() if r.startswith("optout.") and r not in _TAKEN_ALONG}
    names = [f"files.dropped{{reason={r}}}" for r in own]
    ctx.fact(_sum("optout.files", "file", "Files removed at their owners' wish", names, sum(own.values())))
    _consent_facts(inputs, task, ctx)
    _table_facts(inputs, task, ctx)
    return {"manifest": [(n, _listing(inputs, n)) for n in ("shards", "verdicts", "conflicts")]}


_SHOWN = (
    ("language", "language", "Language"),
    ("license", "license", "Licence"),
    ("license_category", "category", "Category of licence"),
    ("license_attribution", "attribution", "Attribution"),
    ("split", "split", "Split"),
)
"""Columns of verdicts, the key under which facts name their values, and what a person calls them."""
_TAKEN_ALONG = ("optout.copy", "optout.seat")


def _consent_facts(inputs: Inputs, task: Task, ctx: TaskContext) -> None:
    disputed = inputs.table("disputed")
    for why, name, label in (
        ("origin", "optout.contested", "Copies whose origin is not clear, kept and recorded"),
        ("band", "optout.review", "Partial copies put before a person"),
    ):
        ctx.fact(
            Fact(
                name,
                sum(w == why for w in disputed["why"].to_pylist()),
                "file",
                label=label,
                inputs=(inputs.entries("disputed")[0].digest,),
                method="rows of the table of disputed copies",
                component=task.node,
            )
        )
    ctx.fact(
        Fact(
            "optout.common",
            json.loads(inputs.bytes("common"))["common"],
            "file",
            label="Copies that stay, being common property",
            inputs=(inputs.entries("common")[0].digest,),
            method="files elsewhere that hold an opted-out text which is common property",
            component=task.node,
        )
    )
    checked = [json.loads(inputs.store.objects.get(e.digest)) for e in inputs.entries("checked")]
    ctx.fact(
        Fact(
            "optout.checked",
            sum(rows for shards in checked for _, _, rows in shards),
            "file",
            label="Written rows looked at once more for opt-outs",
            inputs=(_digest_of(inputs, "shards"),),
            method="rows of the shards, each compared with the list and with what was taken out",
            component=task.node,
        )
    )
    counts = json.loads(inputs.bytes("optout"))
    for name, label, key in (
        ("optout.entries", "Wishes in the opt-out list", "entries"),
        ("optout.pending", "Wishes below the identity level that the policy asks for", "pending"),
    ):
        small = 0 < counts[key] < int(task.identity["smallCell"])
        ctx.fact(
            Fact(
                name,
                None if small else counts[key],
                "person",
                label=label,
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


def _table_facts(inputs: Inputs, task: Task, ctx: TaskContext) -> None:
    for entry in inputs.entries("clusters"):
        clusters = read_table(inputs.store.objects, entry.digest, ["cluster"])
        ctx.fact(
            Fact(
                "clusters",
                len(pc.unique(clusters["cluster"])),
                "cluster",
                label="Groups of near-duplicates",
                inputs=(entry.digest,),
                method="distinct clusters with more than one content",
                component=task.node,
            )
        )
    for name, fact, label in (
        ("shards", "shards", "Shards written"),
        ("conflicts", "conflicts", "Files whose copy elsewhere carries a stricter licence"),
    ):
        entries = inputs.entries(name)
        ctx.fact(
            Fact(
                fact,
                len(entries) if name == "shards" else sum(e.rows for e in entries),
                "file",
                label=label,
                inputs=(_digest_of(inputs, name),),
                method="entries of the shard manifest" if name == "shards" else "rows of the conflict tables",
                component=task.node,
            )
        )


_COUNTED = (
    ("files", "file", "Files collected", Query("files", "count")),
    ("bytes", "B", "Text collected", Query("files", "sum", "bytes")),
    ("blobs", "file", "Distinct contents", Query("files", "distinct", "blob")),
    ("repositories", "repository", "Projects collected", Query("files", "distinct", PROJECT)),
    ("releases", "release", "Releases collected", Query("files", "distinct", f"{PROJECT},revision")),
)


def _count_files(inputs: Inputs) -> dict[str, int]:
    """What the queries of `_COUNTED` give, a bucket at a time: a project lies in one bucket, a content in one
    partition of contents."""
    counts = dict.fromkeys((name for name, *_ in _COUNTED), 0)
    for entry in inputs.entries("files"):
        table = read_table(inputs.store.objects, entry.digest, [*PROJECT.split(","), "revision", "bytes"])
        for name, _, _, query in _COUNTED:
            if name != "blobs":
                counts[name] += run_query(query, table)
    counts["blobs"] = sum(entry.rows for entry in inputs.entries("blobs"))
    return counts


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


def _listing(inputs: Inputs, name: str) -> bytes:
    return canonical([[e.name, e.digest, e.rows, e.bytes] for e in inputs.entries(name)])


def _digest_of(inputs: Inputs, name: str) -> str:
    return inputs.store.objects.put(_listing(inputs, name))
