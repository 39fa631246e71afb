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


class PartitionStage(Protocol):
    """One table in, one table out; rows do not depend on which other rows share the partition."""

    def run(self, table: pa.Table, ctx: Context) -> pa.Table: ...


class GlobalStage(Protocol):
    """`map` runs on each blob partition (columns blob, content) and is cached by blob; `reduce` sees all results."""

    def map(self, table: pa.Table, ctx: Context) -> pa.Table: ...

    def reduce(self, tables: Sequence[pa.Table], ctx: Context) -> pa.Table: ...


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
