"""The core's own stages: they read inputs, call the pure functions of `decide`, and name what is written."""

from __future__ import annotations

import hashlib
import itertools
import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.canonical import canonical
from bigcode.api.diagnostics import fail
from bigcode.decide import licensing, privacy, quality, verdicts
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.store.tables import read_table

FILES = pa.schema(
    [
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("revision", pa.string()),
        ("path", pa.string()),
        ("name", pa.string()),
        ("released", pa.int64()),
        ("blob", pa.string()),
        ("git_sha1", pa.string()),
        ("bytes", pa.int64()),
    ]
)
BLOBS = pa.schema([("blob", pa.string()), ("content", pa.binary())])
NAMES = pa.schema([("blob", pa.string()), ("name", pa.string())])
ORDER = [(c, "ascending") for c in ("host", "owner", "repository", "revision", "path")]


def bucket_of(host: str, owner: str, buckets: int) -> int:
    """The bucket of an owner; opt-outs name owners, so all that one touches lies in one bucket."""
    value = hashlib.sha256(f"{host}\0{owner}".encode()).digest()
    return int.from_bytes(value[:8], "big") % buckets


def partition_source(table: pa.Table, task: Task) -> Output:
    """Fetched text to files by owner bucket and blobs by digest prefix."""
    buckets, prefixes = task.identity["buckets"], task.identity["prefixes"]
    columns = {
        name: table[name].to_pylist()
        for name in ("host", "owner", "repository", "revision", "path", "released")
    }
    contents = table["content"].to_pylist()
    files: dict[str, list[dict[str, Any]]] = {}
    blobs: dict[str, dict[str, bytes]] = {}
    names: dict[str, set[tuple[str, str]]] = {}
    for index, content in enumerate(contents):
        row = {name: values[index] for name, values in columns.items()}
        blob = hashlib.sha256(content).hexdigest()
        row |= {
            "name": row["path"].rpartition("/")[2],
            "blob": blob,
            "bytes": len(content),
            "git_sha1": hashlib.sha1(
                b"blob %d\0" % len(content) + content, usedforsecurity=False
            ).hexdigest(),
        }
        files.setdefault(str(bucket_of(row["host"], row["owner"], buckets)), []).append(row)
        prefix = str(int(blob[:8], 16) * prefixes >> 32)
        blobs.setdefault(prefix, {})[blob] = content
        names.setdefault(prefix, set()).add((blob, row["name"]))
    return {
        "files": [(b, pa.Table.from_pylist(rows, FILES).sort_by(ORDER)) for b, rows in sorted(files.items())],
        "blobs": [
            (p, pa.table([list(by), list(by.values())], schema=BLOBS).sort_by("blob"))
            for p, by in sorted(blobs.items())
        ],
        "names": [(p, _names(pairs)) for p, pairs in sorted(names.items())],
    }


def _names(pairs: set[tuple[str, str]]) -> pa.Table:
    ordered = sorted(pairs)
    return pa.table([[b for b, _ in ordered], [n for _, n in ordered]], schema=NAMES)


def files(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """All files of a bucket, sorted; the same file from two units is refused."""
    tables = inputs.tables("files")
    table = pa.concat_tables([FILES.empty_table(), *tables]).sort_by(ORDER)
    ids = pc.binary_join_element_wise(
        *(table[c] for c in ("host", "owner", "repository", "revision", "path")), "\0"
    )
    if len(pc.unique(ids)) != table.num_rows:
        raise fail(
            "E708",
            f"{task.node}: two sources hold the same file of the same revision",
            hint="Name each release or repository once.",
        )
    return {"files": [("", table.combine_chunks())]}


def blobs(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Distinct blobs of a digest prefix, and the distinct names under which each is found."""
    table = pa.concat_tables([BLOBS.empty_table(), *inputs.tables("blobs")])
    first = pc.index_in(pc.unique(table["blob"]), value_set=table["blob"].combine_chunks())
    distinct = table.take(first).sort_by("blob")
    pairs = {
        pair
        for t in inputs.tables("names")
        for pair in zip(t["blob"].to_pylist(), t["name"].to_pylist(), strict=True)
    }
    return {"blobs": [("", distinct.combine_chunks())], "names": [("", _names(pairs))]}


def gather(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The files of a bucket with all that was observed about them, row by row."""
    out = inputs.table("files")
    name_key = pc.binary_join_element_wise(out["blob"], out["name"], "\0")
    for name in sorted(task.inputs):
        if not name.startswith("observe."):
            continue
        observed = inputs.table(name)
        if "blob" not in observed.column_names:
            keys, wanted = observed["path"], out["path"]
        elif "name" in observed.column_names:
            keys, wanted = pc.binary_join_element_wise(observed["blob"], observed["name"], "\0"), name_key
        else:
            keys, wanted = observed["blob"], out["blob"]
        index = pc.index_in(wanted.combine_chunks(), value_set=keys.combine_chunks())
        for column in observed.column_names:
            if column not in ("blob", "name", "path"):
                out = out.append_column(column, observed[column].combine_chunks().take(index))
    return {"observations": [("", out.combine_chunks())]}


def decide_license(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    said = task.identity
    policy = licensing.Policy(
        frozenset(said["allow"]), said["attribution"], said["fileOverRepository"], said["minConfidence"]
    )
    return {"license": [("", licensing.decide(inputs.table("observations"), policy))]}


def decide_quality(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    rules = [
        quality.Rule(**{**rule, "languages": tuple(rule["languages"])}) for rule in task.identity["rules"]
    ]
    observations = inputs.table("observations")
    return {"quality": [("", quality.decide(observations, rules, task.identity["include"]))]}


def decide_privacy(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    actions = {
        entity: privacy.Action(rule["action"], rule["minScore"])
        for entity, rule in task.identity["entities"].items()
    }
    return {"privacy": [("", privacy.decide(inputs.table("observations"), actions))]}


def decide_verdicts(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The verdict table of a bucket, and its kept rows by language."""
    removed = {
        row["index"]: verdicts.Touch(row["key"], row["reason"], row["emptied"])
        for table in inputs.tables("removals")
        for row in table.to_pylist()
    }
    public, kept = verdicts.merge(
        inputs.table("observations"),
        inputs.table("license"),
        inputs.table("quality"),
        inputs.table("privacy"),
        inputs.table("election"),
        removed,
    )
    languages = sorted(set(kept["language"].to_pylist()))
    return {
        "verdicts": [("", public)],
        "kept": [
            (name, kept.filter(pc.equal(kept["language"], name)).combine_chunks()) for name in languages
        ],
    }


def layout(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Shards as `LANGUAGE/LOW-HIGH` bucket ranges, from the sizes of the snapshot and not of what is kept."""
    tables = inputs.tables("observations", ["language", "bytes"])
    if not sum(t.num_rows for t in tables):
        raise fail(
            "E707",
            f"{task.node.split('#')[0]}: the snapshot holds no file",
            hint="Name something to collect.",
        )
    include = set(task.identity["include"])
    sizes: dict[str, int] = {}
    for table in tables:
        for row in table.group_by("language").aggregate([("bytes", "sum")]).to_pylist():
            if row["language"] and (not include or row["language"] in include):
                sizes[row["language"]] = sizes.get(row["language"], 0) + row["bytes_sum"]
    labels = []
    for language, size in sorted(sizes.items()):
        ranges = 1
        while ranges * 2 <= len(tables) and size > ranges * task.identity["shardBytes"]:
            ranges *= 2
        bounds = [len(tables) * i // ranges for i in range(ranges + 1)]
        labels += [f"{language}/{low}-{high - 1}" for low, high in itertools.pairwise(bounds)]
    return {"layout": [("", canonical(labels))]}


SHARD = pa.schema(
    [
        ("content", pa.string()),
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("revision", pa.string()),
        ("path", pa.string()),
        ("blob", pa.string()),
        ("git_sha1", pa.string()),
        ("bytes", pa.int64()),
        ("language", pa.string()),
        ("license", pa.string()),
        ("license_source", pa.string()),
        ("redactions", pa.int64()),
    ]
)


def materialize(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The only step that leaves rows out and masks spans: one shard of each split."""
    if not inputs.entries("kept"):
        return {"shards": []}
    kept = inputs.table("kept").sort_by(ORDER)
    content: dict[str, bytes] = {}
    wanted = pc.unique(kept["blob"])
    for entry in inputs.entries("blobs"):
        table = read_table(inputs.store.objects, entry.digest)
        chosen = table.filter(pc.is_in(table["blob"], value_set=wanted))
        content |= dict(zip(chosen["blob"].to_pylist(), chosen["content"].to_pylist(), strict=True))
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "validation": []}
    for row in kept.to_pylist():
        spans = row.pop("spans")
        split = row.pop("split")
        text = verdicts.masked(content[row["blob"]], spans)
        rows[split].append({**row, "content": text.decode(), "redactions": len(spans)})
    name, _, bounds = task.label.rpartition("/")
    low, _, high = bounds.partition("-")
    file = f"{slug(name)}-{int(low):05d}-{int(high):05d}.parquet"
    return {
        "shards": [
            (f"data/{split}/{file}", pa.Table.from_pylist(found, SHARD))
            for split, found in rows.items()
            if found
        ]
    }


def slug(language: str) -> str:
    """A language's name as part of a file name."""
    text = language.lower().replace("+", "p").replace("#", "-sharp").replace("*", "-star")
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")
