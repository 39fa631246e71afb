"""The labelled files that a token classifier is trained on: where they come from, and who of them is used for what.

Carriers and files for pseudo-labels are rows of the datasets' shards, which hold nothing that an opt-out reaches.
Texts that a labelled set brings along are compared with what the snapshots hold: one that an opt-out took out of a
dataset is taken out here, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bigcode.api import Entry, ProcessContext, fail, load_object
from bigcode_train.classifier.spans import Span

PARTS = ("train", "development", "test")
_SCALE = 2.0**64


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text with its labels. `blob` is the digest of the file that it is, or that it was made from."""

    blob: str
    content: bytes
    spans: tuple[Span, ...]
    source: str
    """`carrier` for a file of a dataset, `own` for a text of the labelled set, `pseudo` for labels of a model."""


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Labelled texts by part, each in the order of their digests, and how many were taken out as withdrawn."""

    name: str
    parts: Mapping[str, tuple[Labelled, ...]]
    withdrawn: int

    @property
    def blobs(self) -> frozenset[str]:
        return frozenset(item.blob for part in self.parts.values() for item in part)

    def as_json(self, pseudo: Sequence[Labelled] = ()) -> str:
        """Which files the classifier learnt from: digests by part, and nothing of what they hold."""
        parts = {part: _digests(items) for part, items in self.parts.items()} | {"pseudo": _digests(pseudo)}
        said = {"format": 1, "set": self.name, "parts": parts, "withdrawn": self.withdrawn}
        return json.dumps(said, indent=2, sort_keys=True) + "\n"


def build_labelled(ctx: ProcessContext, development: float, test: float) -> LabelledSet:
    """The labelled set of `params.labels` on files of the datasets, in parts.

    A file is in one part only, which a digest of it keyed with the seed decides: no other file moves it.

    Raises:
        Problem: E707 when there is nothing to train on; E401 when the set brings texts along and the run was not
            given what the datasets' opt-outs took out.
    """
    labels = _load(ctx.params["labels"])
    seed = ctx.params["seed"]
    if labels.carriers:
        blobs = choose_blobs(ctx, seed, labels.carriers)
        found = [
            Labelled(blob, content, spans, "carrier")
            for blob, text in read_texts(ctx, blobs)
            for content, spans in _rows(labels.build(_table([(blob, text)]), ctx))
        ]
        withdrawn = 0
    else:
        own = {
            sha256(text).hexdigest(): (text, spans) for text, spans in _rows(labels.build(_table([]), ctx))
        }
        gone = find_withdrawn(ctx, sorted(own))
        found = [Labelled(blob, *own[blob], "own") for blob in sorted(set(own) - gone)]
        withdrawn = len(gone)
    parts: dict[str, list[Labelled]] = {part: [] for part in PARTS}
    for item in found:
        parts[part_of(item.blob, seed, development, test)].append(item)
    if not any(span.positive for item in parts["train"] for span in item.spans):
        raise fail(
            "E707",
            f"`{labels.name}` gives no label to train on",
            hint="It may ask for more files than the datasets hold; look at their verdicts.",
        )
    return LabelledSet(labels.name, {part: tuple(items) for part, items in parts.items()}, withdrawn)


def part_of(blob: str, seed: int, development: float, test: float) -> str:
    """The part that a file is in."""
    place = _rank(blob, seed, "part") / _SCALE
    return "test" if place < test else "development" if place < test + development else "train"


def choose_blobs(
    ctx: ProcessContext, seed: int, count: int, without: frozenset[str] = frozenset()
) -> list[str]:
    """Up to `count` files of the datasets, ascending: those whose keyed digests come first."""
    blobs = {blob for shard in _shards(ctx) for blob in _column(shard, "blob").to_pylist()} - without
    return sorted(sorted(blobs, key=lambda blob: (_rank(blob, seed, "chosen"), blob))[:count])


def read_texts(ctx: ProcessContext, blobs: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Digests and texts (UTF-8, masked as the datasets are) in the order of digests; of equal digests one text."""
    wanted = pa.array(blobs, pa.string())
    texts: dict[str, bytes] = {}
    for shard in _shards(ctx):
        for batch in pq.ParquetFile(shard).iter_batches(1024, columns=["blob", "content"]):
            chosen = batch.filter(pc.is_in(batch["blob"], value_set=wanted))
            contents = chosen["content"].cast(pa.binary()).to_pylist()
            for blob, text in zip(chosen["blob"].to_pylist(), contents, strict=True):
                texts[blob] = min(texts.get(blob, text), text)
    yield from sorted(texts.items())


def find_withdrawn(ctx: ProcessContext, blobs: Sequence[str]) -> frozenset[str]:
    """Those of `blobs` that a snapshot holds and its dataset's verdicts do not show.

    Verdicts name every file of the snapshot, except those that an opt-out reaches; so no list of the latter is needed.

    Raises:
        Problem: E401 when the run was not given all of these tables.
    """
    wanted = pa.array(blobs, pa.string())
    gone: set[str] = set()
    for number, _ in enumerate(_datasets(ctx)):
        held, shown = (ctx.entries(f"{name}.{number}") for name in ("snapshot", "verdicts"))
        if not held or not shown:
            raise fail(
                "E401",
                "the labelled set brings texts of its own, and what was opted out of the datasets is not known here",
                hint="The trainer needs the inputs `snapshot` and `verdicts` of each dataset.",
            )
        gone |= _among(ctx, held, wanted) - _among(ctx, shown, wanted)
    return frozenset(gone)


def _among(ctx: ProcessContext, entries: Sequence[Entry], wanted: pa.Array) -> set[str]:
    found: set[str] = set()
    for entry in entries:
        column = _column(ctx.path(entry), "blob")
        found.update(column.filter(pc.is_in(column, value_set=wanted)).to_pylist())
    return found


def _datasets(ctx: ProcessContext) -> Iterator[Sequence[Entry]]:
    """The shards of each dataset: inputs `data.0`, `data.1` ..., as many as there are sources."""
    for number in range(len(ctx.params.get("sources") or [0])):
        yield ctx.entries(f"data.{number}")


def _shards(ctx: ProcessContext) -> Iterator[Path]:
    return (ctx.path(entry) for entries in _datasets(ctx) for entry in entries)


def _column(path: Path, name: str) -> pa.ChunkedArray:
    return pq.read_table(path, columns=[name])[name].cast(pa.string())


def _rows(table: pa.Table) -> Iterator[tuple[bytes, tuple[Span, ...]]]:
    for content, labels in zip(table["content"].to_pylist(), table["labels"].to_pylist(), strict=True):
        spans = (Span(x["start"], x["end"], x["entity"], positive=x["positive"]) for x in labels or ())
        yield content, tuple(sorted(spans))


def _table(texts: Sequence[tuple[str, bytes]]) -> pa.Table:
    return pa.table(
        {
            "blob": pa.array([blob for blob, _ in texts], pa.string()),
            "content": pa.array([text for _, text in texts], pa.binary()),
        }
    )


def _load(described: Mapping[str, Any]) -> Any:
    config = load_object(described["config_class"]).model_validate(dict(described["config"]))
    return load_object(described["factory"])(config)


def _rank(blob: str, seed: int, purpose: str) -> int:
    digest = blake2b(blob.encode(), digest_size=8, key=f"{purpose}\0{seed}".encode()).digest()
    return int.from_bytes(digest, "little")


def _digests(items: Sequence[Labelled]) -> list[str]:
    return sorted({item.blob for item in items})
