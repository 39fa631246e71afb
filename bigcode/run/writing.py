"""The only steps that leave rows out and mask spans: kept rows with their text, then shards of one language."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.canonical import canonical
from bigcode.api.components import load_object
from bigcode.api.diagnostics import Diagnostic, fail
from bigcode.decide import people, siblings, verdicts
from bigcode.decide.columns import whole
from bigcode.run.collecting import ORDER
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.store.tables import read_table

EVIDENCE = pa.struct(
    [
        ("id", pa.string()),
        ("score", pa.float64()),
        ("detector", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("text", pa.string()),
    ]
)
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
        ("license_evidence", pa.list_(EVIDENCE)),
        ("copyright", pa.list_(pa.string())),
        ("redactions", pa.int64()),
    ]
)
"""A row of the dataset: `license_ids` and `license_scores` are what was detected in the file itself, on the evidence
of `license_evidence` (what, where in the text before masking, and by which method), `copyright` its copyright lines,
both without e-mail addresses; `blob` is the sha256 and `git_sha1` the SWHID-compatible id of the text before masking.
"""
_ALSO = {"issues": pa.schema([("author", pa.string())]), "metadata": siblings.METADATA}
"""Columns that a kind of sibling adds."""


@dataclass(frozen=True, slots=True)
class Form:
    """How rows are written: the kind of sibling, what renders a text, and the numbers of writers by conversation."""

    sibling: str = ""
    renderer: Any = None
    numbers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([*SHARD, *_ALSO.get(self.sibling, ())])


def layout(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Shards as `LANGUAGE/LOW-HIGH` bucket ranges, from the sizes of the snapshot and not of what is kept."""
    entries = inputs.entries("observations")
    if not sum(entry.rows for entry in entries):
        raise fail(
            "E707",
            f"{task.node.split('#')[0]}: the snapshot holds no file",
            hint="Name something to collect.",
        )
    include = set(task.identity["include"])
    sizes: dict[str, int] = {}
    for entry in entries:
        table = read_table(inputs.store.objects, entry.digest, ["language", "bytes"])
        for row in table.group_by("language").aggregate([("bytes", "sum")]).to_pylist():
            if row["language"] and (not include or row["language"] in include):
                sizes[row["language"]] = sizes.get(row["language"], 0) + row["bytes_sum"]
    labels = []
    for language, size in sorted(sizes.items()):
        ranges = 1
        while ranges * 2 <= len(entries) and size > ranges * task.identity["shardBytes"]:
            ranges *= 2
        bounds = [len(entries) * i // ranges for i in range(ranges + 1)]
        labels += [f"{language}/{low}-{high - 1}" for low, high in itertools.pairwise(bounds)]
    return {"layout": [("", canonical(labels))]}


class Texts(NamedTuple):
    """Contents by their digests; a digest may stand there several times."""

    blob: pa.Array
    content: pa.Array


def rows(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The kept files of a bucket with their masked text, an entry a language."""
    entries = inputs.entries("kept")
    if not entries:
        return {"rows": []}
    form = _form(inputs, task)
    tables = {entry.name: read_table(inputs.store.objects, entry.digest) for entry in entries}
    # Texts are long: they are copied once here, and once more where they are taken.
    found = pa.concat_tables(inputs.tables("texts"))
    texts = Texts(whole(found["blob"]), whole(found["content"]))
    out = []
    for name, kept in sorted(tables.items()):
        table = _written(kept, texts, form, ctx)
        if table.num_rows:
            out.append((name, table))
    return {"rows": out}


def _written(kept: pa.Table, texts: Texts, form: Form, ctx: TaskContext) -> pa.Table:
    kept = kept.sort_by(ORDER)
    content = texts.content.take(pc.index_in(whole(kept["blob"]), value_set=texts.blob))
    masks = pc.list_value_length(kept["spans"]).combine_chunks()
    given: dict[str, Any] = {"redactions": masks.cast(pa.int64())}
    found, content = content, _mask(content, masks, kept["spans"], form)
    if form.renderer or form.sibling in siblings.RECORDS:
        values = content.to_pylist()
        if form.renderer:
            found, paths = found.to_pylist(), kept["path"].to_pylist()
            values = [_rendered(form, *row, ctx) for row in zip(values, found, paths, strict=True)]
        if form.sibling in siblings.RECORDS:
            plain, more = _without_people([v.decode() for v in values], kept, form)
            values = [text.encode() for text in plain]
            given |= more
        content = pa.array(values, pa.binary())
    given |= {"content": content.cast(pa.string()), **_without_mail(kept)}
    columns = [_column(kept, name, given, form.schema.field(name).type) for name in form.schema.names]
    return pa.table(columns, schema=form.schema).append_column("split", kept["split"])


def _column(kept: pa.Table, name: str, given: Mapping[str, Any], kind: pa.DataType) -> Any:
    column = given.get(name, kept[name] if name in kept.column_names else pa.nulls(kept.num_rows, kind))
    return column.cast(kind)


def _mask(content: pa.Array, masks: pa.Array, spans: pa.ChunkedArray, form: Form) -> pa.Array:
    """The texts with their spans replaced; those without any are not touched."""
    in_json = getattr(form.renderer, "notation", "") == "json"
    changed = pc.greater(masks, 0)
    masked = []
    for text, found in zip(
        content.filter(changed).to_pylist(), spans.filter(changed).to_pylist(), strict=True
    ):
        masked.append(verdicts.masked(text, siblings.spans_in_json(text, found) if in_json else found))
    return pc.replace_with_mask(content, changed, pa.array(masked, content.type)) if masked else content


def _rendered(form: Form, masked: bytes, found: bytes, path: str, ctx: TaskContext) -> bytes:
    text: bytes | None = form.renderer.render(masked, path)
    if text is not None:
        return text
    if masked == found or form.renderer.render(found, path) is None:
        raise fail(
            "E711",
            f"`{path}` was kept, is not what its name claims, and cannot be rendered",
            hint="Let a quality rule drop such files; the renderer's plugin has an observer for it.",
        )
    # What masking took apart is not written in another way, which could show what was masked.
    message = f"`{path}` cannot be rendered once it is masked; its row is empty"
    ctx.warn(Diagnostic("E711", message, severity="warning"))
    return b""


def _without_people(
    texts: list[str], kept: pa.Table, form: Form
) -> tuple[list[str], dict[str, pa.Array | pa.ChunkedArray]]:
    """Texts of records that name nobody who wrote them, and the columns that a kind of sibling adds."""
    if form.sibling == "issues":
        authors, texts = people.pseudonymise(kept, texts, form.numbers)
        return texts, {"author": pa.array(authors, pa.string())}
    if form.sibling == "metadata":
        table = siblings.read_repositories(texts)
        return texts, {name: table[name] for name in table.column_names}
    accounts = kept["authors"].to_pylist()
    return [people.hide_accounts(t, a or ()) for t, a in zip(texts, accounts, strict=True)], {}


def _without_mail(kept: pa.Table) -> dict[str, pa.Array]:
    """What was read in the files about licences, without addresses of people."""
    out = {}
    if "copyright" in kept.column_names:
        lists = kept["copyright"].combine_chunks()
        out["copyright"] = _relisted(lists, people.without_mail(pc.list_flatten(lists)))
    if "license_evidence" in kept.column_names:
        lists = kept["license_evidence"].combine_chunks()
        values = pc.list_flatten(lists)
        fields = {f.name: pc.struct_field(values, f.name) for f in EVIDENCE}
        fields["text"] = people.without_mail(fields["text"])
        out["license_evidence"] = _relisted(
            lists, pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
        )
    return out


def _relisted(lists: pa.Array, values: pa.Array) -> pa.Array:
    """Other values in the same lists."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])
    return pa.ListArray.from_arrays(offsets, values, mask=pc.is_null(lists))


def _form(inputs: Inputs, task: Task) -> Form:
    said, sibling = task.params.get("render"), task.identity["sibling"]
    renderer = None
    if said:
        config = load_object(said["config_class"]).model_validate(dict(said["config"]))
        renderer = load_object(said["factory"])(config)
    numbers = {}
    if sibling == "issues":
        numbers = people.number_writers(inputs.table("messages"))
    return Form(sibling, renderer, numbers)


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
