"""Text of parquet shards: a sample that is even by project, and one that is even by shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import pyarrow.parquet as pq

from bigcode.api import ProcessContext, fail

_BATCH = 256
# A project's part of a sample is not worth less than this; with too many projects some are left out.
_LEAST = 2048


@dataclass(frozen=True, slots=True)
class Document:
    """A file of a project, or its beginning."""

    project: str
    language: str
    text: str
    digest: str
    source: str = ""
    """The host that it came from, where the shards say so."""

    @property
    def bytes(self) -> int:
        """UTF-8 bytes."""
        return len(self.text.encode())


def read_documents(ctx: ProcessContext, name: str) -> Iterator[Document]:
    """All documents of the shards of the input `name`, a batch of rows at a time."""
    columns = ["content", "owner", "repository", "language"]
    for entry in ctx.entries(name):
        file = pq.ParquetFile(ctx.path(entry))
        host = ["host"] if "host" in file.schema_arrow.names else []
        for batch in file.iter_batches(_BATCH, columns=columns + host):
            for row in batch.to_pylist():
                digest = sha256(row["content"].encode()).hexdigest()
                project = f"{row['owner']}/{row['repository']}"
                yield Document(project, row["language"], row["content"], digest, row.get("host") or "")


def sample_by_project(documents: Iterator[Document], limit: int) -> Sequence[Document]:
    """At most `limit` bytes, as evenly by project as their sizes allow, sorted by project and digest.

    A project gives its files in the order of their digests, which no path or date has a part in; the last one is
    cut between two characters. What a small project leaves over goes to the larger ones.

    Raises:
        Problem: E707 when there is no text.
    """
    kept: dict[str, list[Document]] = {}
    for document in documents:
        if document.text:
            kept.setdefault(document.project, []).append(document)
            if len(kept[document.project]) % _BATCH == 0:
                kept[document.project] = _first(kept[document.project], limit)
    if not kept:
        raise fail("E707", "the held-out split holds no text", hint="Raise the share of validation projects.")
    chosen = {project: _first(files, limit) for project, files in kept.items()}
    order = sorted(chosen, key=lambda project: (chosen[project][0].digest, project))
    chosen = {project: chosen[project] for project in order[: max(1, limit // _LEAST)]}
    taken: list[Document] = []
    left = limit
    sizes = {project: sum(d.bytes for d in files) for project, files in chosen.items()}
    for rank, project in enumerate(sorted(chosen, key=lambda p: (sizes[p], p))):
        part = _first(chosen[project], left // (len(chosen) - rank))
        left -= sum(document.bytes for document in part)
        taken += part
    return sorted((d for d in taken if d.text), key=lambda d: (d.project, d.digest))


def read_evenly(ctx: ProcessContext, name: str, limit: int) -> Iterator[bytes]:
    """UTF-8 text of the first rows of each shard, about `limit` bytes in proportion to the shards' sizes."""
    entries = ctx.entries(name)
    total = sum(entry.bytes for entry in entries)
    for entry in entries:
        left = limit * entry.bytes // max(1, total)
        for batch in pq.ParquetFile(ctx.path(entry)).iter_batches(_BATCH, columns=["content"]):
            if left <= 0:
                break
            for text in batch.column(0).to_pylist():
                data = text.encode()[: max(0, left)]
                left -= len(data)
                yield data


def by_project(documents: Sequence[Document]) -> Mapping[str, Sequence[Document]]:
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(document.project, []).append(document)
    return groups


def _first(documents: Sequence[Document], limit: int) -> list[Document]:
    """The documents of lowest digest that fill `limit` bytes, the last one cut; at least one, if need be empty."""
    taken: list[Document] = []
    left = limit
    for document in sorted(documents, key=lambda d: d.digest):
        if taken and left <= 0:
            break
        data = document.text.encode()
        text = document.text if len(data) <= left else data[:left].decode("utf-8", "ignore")
        taken.append(replace(document, text=text))
        left -= len(data)
    return taken
