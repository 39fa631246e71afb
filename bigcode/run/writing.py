"""The only steps that leave rows out and mask spans: kept rows with their text, then shards of one language."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.canonical import canonical
from bigcode.api.components import load_object
from bigcode.api.diagnostics import fail
from bigcode.decide import verdicts
from bigcode.run.collecting import ORDER
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.store.tables import read_table

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
        ("license_ids", pa.list_(pa.string())),
        ("license_scores", pa.list_(pa.float64())),
        ("copyright", pa.list_(pa.string())),
        ("redactions", pa.int64()),
    ]
)
"""A row of the dataset: `license_ids` and `license_scores` are what was detected in the file itself, `copyright` its
copyright lines, `blob` the sha256 and `git_sha1` the SWHID-compatible id of the text before masking."""


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


def rows(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The kept files of a bucket with their masked text, an entry a language."""
    entries = inputs.entries("kept")
    if not entries:
        return {"rows": []}
    render = _renderer(task)
    tables = {entry.name: read_table(inputs.store.objects, entry.digest) for entry in entries}
    wanted = pc.unique(pa.concat_arrays([t["blob"].combine_chunks() for t in tables.values()]))
    texts = _texts(inputs, wanted)
    out = []
    for name, kept in sorted(tables.items()):
        table = _written(kept, texts, render)
        if table.num_rows:
            out.append((name, table))
    return {"rows": out}


def _texts(inputs: Inputs, wanted: pa.Array) -> pa.Table:
    parts = []
    for entry in inputs.entries("texts"):
        table = read_table(inputs.store.objects, entry.digest)
        parts.append(table.filter(pc.is_in(table["blob"], value_set=wanted)))
    table = pa.concat_tables(parts)
    return table.take(pc.index_in(pc.unique(table["blob"]), value_set=table["blob"].combine_chunks()))


def _written(kept: pa.Table, texts: pa.Table, render: Any) -> pa.Table:
    kept = kept.sort_by(ORDER)
    at = pc.index_in(kept["blob"].combine_chunks(), value_set=texts["blob"].combine_chunks())
    content = texts["content"].combine_chunks().take(at)
    masks = pc.list_value_length(kept["spans"]).combine_chunks()
    changed = pc.indices_nonzero(pc.greater(masks, 0)).to_pylist()
    if changed or render:
        spans = kept["spans"]
        values = content.to_pylist()
        for row in changed:
            values[row] = verdicts.masked(values[row], spans[row].as_py())
        if render:
            values = [_rendered(render, v, p) for v, p in zip(values, kept["path"].to_pylist(), strict=True)]
        content = pa.array(values, pa.binary())
    count = kept.num_rows
    given = {"content": content.cast(pa.string()), "redactions": masks.cast(pa.int64())}
    table = pa.table(
        {
            name: given[name]
            if name in given
            else kept[name]
            if name in kept.column_names
            else pa.nulls(count, SHARD.field(name).type)
            for name in SHARD.names
        },
    ).cast(SHARD)
    return table.append_column("split", kept["split"])


def _rendered(render: Any, content: bytes, path: str) -> bytes:
    text: bytes | None = render(content, path)
    if text is None:
        raise fail(
            "E711",
            "a kept file is not what its name claims, and cannot be rendered",
            hint="Let a quality rule drop such files; the renderer's plugin has an observer for it.",
        )
    return text


def _renderer(task: Task) -> Any:
    said = task.params.get("render")
    if not said:
        return None
    config = load_object(said["config_class"]).model_validate(dict(said["config"]))
    return load_object(said["factory"])(config).render


def shards(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """One shard of each split: a language and a range of buckets."""
    tables = inputs.tables("rows")
    if not tables:
        return {"shards": []}
    whole = pa.concat_tables(tables).sort_by(ORDER)
    name, _, bounds = task.label.rpartition("/")
    low, _, high = bounds.partition("-")
    file = f"{slug(name)}-{int(low):05d}-{int(high):05d}.parquet"
    out = []
    for split in ("train", "validation"):
        part = whole.filter(pc.equal(whole["split"], split)).drop_columns("split")
        if part.num_rows:
            out.append((f"data/{split}/{file}", part.combine_chunks()))
    return {"shards": out}


def slug(language: str) -> str:
    """A language's name as part of a file name."""
    text = language.lower().replace("+", "p").replace("#", "-sharp").replace("*", "-star")
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")
