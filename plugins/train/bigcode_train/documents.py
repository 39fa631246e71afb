"""Reads the documents of a dataset's shards, in the order of shards and rows, and takes even samples of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bigcode.api import ProcessContext, fail

_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Shard:
    """A parquet file with the columns content and language; `name` is its name in the dataset."""

    name: str
    path: Path


class Document(NamedTuple):
    text: str
    language: str


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
