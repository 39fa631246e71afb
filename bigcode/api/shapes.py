"""The execution shapes. The engine knows shapes and never slots.

All tables are `pyarrow.Table`. No stage sees the clock, the host or a path outside its own
scratch folder; a process may time itself, and what it times is recorded, never compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from bigcode.api.diagnostics import Diagnostic
    from bigcode.api.facts import Fact


@dataclass(frozen=True, slots=True)
class Entry:
    """One object that a node wrote: `name` within its output, sha256 `digest`, rows (tables only) and bytes."""

    name: str
    digest: str
    rows: int = 0
    bytes: int = 0


class Context(Protocol):
    """What a stage is given beside its table."""

    rng: Random
    """Seeded from the task's key: the same for any worker, order or hash seed."""

    def warn(self, diagnostic: Diagnostic) -> None:
        """Report something a person should know; the run goes on."""

    def fact(self, fact: Fact) -> None:
        """Record a fact; its id is relative to the resource (`files.kept`), the engine adds the subject."""

    def progress(self, done: int, total: int) -> None: ...

    def recall(self, key: str) -> bytes | None:
        """What `remember` kept under this key of the same component and behaviour version, in any earlier run.

        It saves work and nothing else: the answer must be what would be computed anew.
        """

    def remember(self, key: str, value: bytes) -> None: ...


class PartitionStage(Protocol):
    """One table in, one table out; rows do not depend on which other rows share the partition."""

    def run(self, table: pa.Table, ctx: Context) -> pa.Table: ...


class Clusterer(Protocol):
    """Finds groups of near-duplicates. Groups are candidates: the core verifies each removal by exact similarity.

    `map` and `shingle` run on blob partitions and are cached by blob; `link` and `reduce` are always computed anew
    from what is cached, so that the result depends on no history.
    """

    threshold: float
    """Jaccard similarity of shingle sets from which on two files are near-duplicates."""

    def map(self, table: pa.Table, ctx: Context) -> pa.Table:
        """blob, content -> blob, signature (little-endian uint32, null where the file is too short), bands
        (binary: a little-endian uint64 for each band, null likewise)."""

    def shingle(self, table: pa.Table, ctx: Context) -> pa.Table:
        """blob, content -> blob, shingles (binary: distinct hashes, ascending little-endian uint32).

        Asked only for members of groups."""

    def link(self, tables: Sequence[pa.Table], part: int, parts: int, ctx: Context) -> pa.Table:
        """Tables of blob, bands -> left, right: pairs of blobs with an equal band whose hash falls into this part
        of the hash range. Each set of blobs that share a band is linked as a chain."""

    def reduce(self, links: Sequence[pa.Table], ctx: Context) -> pa.Table:
        """Tables of `link` -> blob, cluster (its smallest blob), for members of groups of two or more, sorted by
        blob."""


class Renderer(Protocol):
    """Turns the text of a kept file, masked already, into the form in which it is written."""

    notation: str = ""
    """The notation of the text that is rendered, where masks must not take its escapes apart: `json`, or empty."""

    def render(self, content: bytes, path: str) -> bytes | None:
        """The text to be written, UTF-8; None for a file that cannot be read as what it claims to be."""


class Labels(Protocol):
    """A labelled set on which detectors of personal data are measured."""

    name: str
    """A short noun phrase that tells the set apart in a card, without digits."""
    carriers: int
    """How many files of the snapshot the set wants to be given."""

    def build(self, carriers: pa.Table, ctx: Context) -> pa.Table:
        """blob, content of `carriers` files -> content (binary), labels (list<struct<start:int64, end:int64,
        entity:string, kind:string, positive:bool>>): spans that are, or that only look like, a finding."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that a collector fetches: a release, a repository, a table. `identity` goes into the key."""

    name: str
    identity: Mapping[str, Any]


class Collector(Protocol):
    """Brings source text in. The only shape, with release targets, that may use the network.

    `fetch` returns a table with columns host, owner, repository, revision, path, released (int64, seconds since
    the epoch, read from the source itself, zero if unknown) and content (binary, UTF-8 text).
    """

    def units(self) -> Iterable[Unit]:
        """What there is to fetch, from the config alone: pure, cheap, no network."""

    def fetch(self, unit: Unit, ctx: FetchContext) -> pa.Table: ...


class FetchContext(Context, Protocol):
    def cached(self, sha256: str) -> bytes | None:
        """Bytes of an earlier download that the store kept, or None."""

    def keep(self, data: bytes) -> str:
        """Keep a download in the store; returns its sha256."""

    def omit(self, reason: str, count: int = 1) -> None:
        """Count files that are left out, by a short reason such as `too-large`, `binary` or `symlink`."""

    def failed(self, reason: str) -> None:
        """Say that this unit cannot be had: `gone`, `unreachable`, `too-large`, `broken`. The run goes on where the
        Snapshot tolerates it; the unit is counted, and asked for again by `apply --refetch`."""

    scratch: Path


class ProcessContext(Context, Protocol):
    """What a process component is given. On several ranks each sees the same inputs; rank 0 alone saves.

    `scratch` outlives a crash of the process and is the same folder when the node runs again with the same key:
    checkpoints live in it.
    """

    config: Any
    """The component's config, an instance of its config class."""
    params: Mapping[str, Any]
    """What the resource says beside the component's own config (seed, budget, special tokens ...)."""
    scratch: Path
    rank: int
    world: int

    def entries(self, name: str) -> Sequence[Entry]:
        """The objects of the input `name`, in the order of their names."""

    def path(self, entry: Entry) -> Path:
        """A read-only local file that holds the object."""

    def facts(self, name: str) -> Sequence[Fact]:
        """The facts of the input node `name`."""

    def save(self, output: str, path: Path, name: str = "") -> None:
        """Hand over a file, or a folder with all its files, as part of `output`."""

    def point(self, series: str, step: int, values: Mapping[str, float]) -> None:
        """Append to the node's journal (JSON lines), which is the truth that trackers mirror."""


class Process(Protocol):
    """A program of its own, started through a launcher, that may hold threads, devices and ranks."""

    def run(self, ctx: ProcessContext) -> None: ...


class Executor(Protocol):
    """Runs tasks of partition, global and collect shape. It carries no data: a payload names objects of the
    store by digest, and so does the answer; both are a few hundred bytes of JSON.

    Built as `factory(config, settings)`, where settings holds workers, threads_per_worker, address and scratch.
    """

    workers: int

    def submit(self, function: Callable[[bytes], bytes], payload: bytes, name: str) -> Future[bytes]:
        """Call `function(payload)` on a worker; `name` is what a dashboard shows (the node's id)."""

    def close(self) -> None:
        """Stop the workers; those that were started here do not outlive this."""
