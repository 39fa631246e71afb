"""Reads the rows of a dataset's shards, in the order of shards and rows, and takes even samples of their texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bigcode.api import ProcessContext, fail
from bigcode_train.tokens.token_files import ROW_BITS

_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Shard:
    """A parquet file with the columns content and language; `name` is its name in the dataset."""

    name: str
    path: Path


class Document(NamedTuple):
    text: str
    language: str


class Row(NamedTuple):
    """A row of a dataset: `home` is host, owner and repository; what the shards do not tell is empty or None."""

    content: bytes
    language: str
    home: tuple[str, ...] = ("", "", "")
    path: str = ""
    author: str | None = None
    stars: int | None = None
    closed: bool | None = None
    origin: int = 0
    """The number of its shard times 2**40, plus its row in it."""


def find_shards(ctx: ProcessContext) -> tuple[Shard, ...]:
    """The shards of the input `data`, by name.

    Raises:
        Problem: E707 when they hold no document.
    """
    shards = tuple(Shard(entry.name, ctx.path(entry)) for entry in ctx.entries("data"))
    if not sum(pq.read_metadata(shard.path).num_rows for shard in shards):
        raise fail(
            "E707", "the shards to train on hold no document", hint="Look at the verdicts of the dataset."
        )
    return shards


def read_documents(shard: Shard) -> Iterator[Document]:
    """The documents of a shard in the order of its rows; a language that is not known reads `unknown`."""
    for batch in pq.ParquetFile(shard.path).iter_batches(_ROWS, columns=["content", "language"]):
        columns = batch.to_pydict()
        for text, language in zip(columns["content"], columns["language"], strict=True):
            yield Document(text, language or "unknown")


def read_rows(shards: Sequence[Shard], needs: Sequence[str]) -> Iterator[Row]:
    """All rows of the shards, in their order.

    Args:
        needs: the columns that have to be there beside content and language.

    Raises:
        Problem: E106 when one is not.
    """
    for number, shard in enumerate(shards):
        file = pq.ParquetFile(shard.path)
        there = set(file.schema_arrow.names)
        if missing := [name for name in needs if name not in there]:
            raise fail(
                "E106",
                f"`{shard.name}` lacks the column `{missing[0]}`, which `render` and `prefixes` read",
                hint="Choose what the dataset has.",
            )
        columns = ["content", "language", *needs, *(name for name in _OPTIONAL if needs and name in there)]
        origin = number << ROW_BITS
        for batch in file.iter_batches(_ROWS, columns=list(dict.fromkeys(columns))):
            texts = batch["content"].cast(pa.binary()).to_pylist()
            known = {name: batch[name].to_pylist() for name in batch.schema.names if name != "content"}
            absent = [None] * len(texts)
            paths, authors, stars, closed = (known.get(name, absent) for name in _MORE)
            homes = _homes(known, len(texts))
            for index, text in enumerate(texts):
                yield Row(
                    text or b"",
                    known["language"][index] or "unknown",
                    homes[index],
                    paths[index] or "",
                    authors[index],
                    stars[index],
                    closed[index],
                    origin,
                )
                origin += 1


def read_stars(ctx: ProcessContext) -> dict[tuple[str, ...], int]:
    """Stars by host, owner and name, of the repositories in the input `metadata`, where a component has one."""
    found: dict[tuple[str, ...], int] = {}
    for entry in ctx.entries("metadata"):
        columns = pq.read_table(ctx.path(entry), columns=["host", "owner", "repository", "stars"]).to_pydict()
        for *home, stars in zip(*columns.values(), strict=True):
            if stars is not None:
                found[tuple(home)] = stars
    return found


def text_bytes(shard: Shard) -> int:
    """Bytes of text in a shard, as its own description has them."""
    data = pq.read_metadata(shard.path)
    column = data.schema.names.index("content")
    groups = range(data.num_row_groups)
    return sum(data.row_group(group).column(column).total_uncompressed_size for group in groups)


_MORE = ("path", "author", "stars", "closed")
_OPTIONAL = ("stars", "closed")


def _homes(known: Mapping[str, list[Any]], rows: int) -> list[tuple[str, ...]]:
    if "owner" not in known:
        return [("", "", "")] * rows
    return list(zip(known["host"], known["owner"], known["repository"], strict=True))


@dataclass(frozen=True, slots=True)
class Sample:
    """A choice of documents: a mask of bool per shard, one element a row, and the bytes of all chosen text."""

    shards: tuple[Shard, ...]
    chosen: tuple[NDArray[np.bool_], ...]
    bytes: int

    def __iter__(self) -> Iterator[Document]:
        for shard, mask in zip(self.shards, self.chosen, strict=True):
            for document, taken in zip(read_documents(shard), mask.tolist(), strict=True):
                if taken:
                    yield document


def take_sample(shards: Sequence[Shard], limits: Sequence[int | None], seed: int) -> tuple[Sample, ...]:
    """A sample for each of `limits`, in bytes of UTF-8; None takes everything.

    Each shard gives its share of the limit, to within one document, and at least one document. Which ones is
    decided by a digest of their text keyed with `seed`, so that an edit elsewhere moves no other choice.
    """
    sizes: list[NDArray[np.int64]] = []
    ranks: list[NDArray[np.uint64]] = []
    key = b"bigcode.sample" + seed.to_bytes(8, "little", signed=True)
    for shard in shards:
        texts = [document.text.encode() for document in read_documents(shard)]
        sizes.append(np.fromiter((len(text) for text in texts), np.int64, len(texts)))
        digests = b"".join(blake2b(text, digest_size=8, key=key).digest() for text in texts)
        ranks.append(np.frombuffer(digests, "<u8"))
    total = int(sum(size.sum() for size in sizes))
    samples = []
    for limit in limits:
        share = 1.0 if limit is None or not total else min(1.0, limit / total)
        chosen = tuple(_choose(size, rank, share) for size, rank in zip(sizes, ranks, strict=True))
        taken = sum(int(size[mask].sum()) for size, mask in zip(sizes, chosen, strict=True))
        samples.append(Sample(tuple(shards), chosen, taken))
    return tuple(samples)


def _choose(sizes: NDArray[np.int64], ranks: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """The documents of one shard: in the order of their ranks until the share of its bytes is reached."""
    order = np.argsort(ranks, kind="stable")
    ends = np.cumsum(sizes[order])
    chosen = np.zeros(len(sizes), np.bool_)
    chosen[order[ends - sizes[order] / 2 <= share * sizes.sum()]] = True
    chosen[order[:1]] = True
    return chosen
