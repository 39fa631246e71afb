"""A task, its answer, and what a stage is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from bigcode.api.diagnostics import Diagnostic, Place, Problem, fail
from bigcode.api.facts import Fact
from bigcode.api.shapes import Entry
from bigcode.store.store import Store
from bigcode.store.tables import read_table
from bigcode.store.tombstones import purged_blobs


@dataclass(frozen=True, slots=True)
class Task:
    """One partition of one node. Inputs name objects; nothing of their content is here."""

    store: str
    node: str
    shape: str
    factory: str
    label: str
    key: str
    config_class: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    identity: Any = None
    params: Mapping[str, Any] = field(default_factory=dict)
    unit: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Sequence[Sequence[Any]]] = field(default_factory=dict)
    literals: Mapping[str, str] = field(default_factory=dict)
    grain: str = ""
    base: str = ""
    """Digest of an earlier observation of the same kind, to observe only what is new; never part of the key."""
    memory: str = ""
    """Where in the store the component's memory lies; never part of the key."""


@dataclass(slots=True)
class Answer:
    outputs: dict[str, list[Entry]]
    facts: list[Fact]
    warnings: list[Diagnostic]
    seconds: float
    problems: list[Diagnostic]
    trace: str = ""


def decode_answer(data: bytes) -> Answer:
    raw = json.loads(data)
    return Answer(
        {name: [Entry(*e) for e in entries] for name, entries in raw["outputs"].items()},
        [Fact.from_json(f) for f in raw["facts"]],
        [_diagnostic(d) for d in raw["warnings"]],
        raw["seconds"],
        [_diagnostic(d) for d in raw["problems"]],
        raw["trace"],
    )


def _diagnostic(raw: Mapping[str, Any]) -> Diagnostic:
    place = Place(**raw["place"]) if raw.get("place") else None
    return Diagnostic(raw["code"], raw["message"], place, raw.get("hint", ""), raw.get("severity", "error"))


class Inputs:
    """The inputs of a task as tables and bytes, read when asked for."""

    def __init__(self, store: Store, task: Task) -> None:
        self.store = store
        self._entries = {n: [Entry(*e) for e in entries] for n, entries in task.inputs.items()}
        self.literals = task.literals

    def entries(self, name: str) -> list[Entry]:
        return self._entries.get(name, [])

    def tables(self, name: str, columns: list[str] | None = None) -> list[pa.Table]:
        return [read_table(self.store.objects, e.digest, columns) for e in self.entries(name)]

    def table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """All tables of an input, one below the other; None columns for an input without objects is an error."""
        tables = self.tables(name, columns)
        if not tables:
            raise KeyError(f"input {name} holds nothing")
        return tables[0] if len(tables) == 1 else pa.concat_tables(tables)

    def bytes(self, name: str) -> bytes:
        """The object of an input that is one file, or a literal."""
        if name in self.literals:
            return self.store.objects.get(self.literals[name])
        return self.store.objects.get(self.entries(name)[0].digest)


class TaskContext:
    """What a stage is given (see `bigcode.api.shapes`)."""

    def __init__(self, task: Task, store: Store) -> None:
        self.rng = Random(int(task.key[:16], 16))
        self.facts: list[Fact] = []
        self.warnings: list[Diagnostic] = []
        self.omitted: dict[str, int] = {}
        self.failure = ""
        self._store = store
        self._memory = task.memory

    @property
    def scratch(self) -> Path:
        """A folder for what a collector unpacks; a store that is new has none yet."""
        folder = Path(self._store.base) / "work"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def warn(self, diagnostic: Diagnostic) -> None:
        self.warnings.append(diagnostic)

    def fact(self, fact: Fact) -> None:
        self.facts.append(fact)

    def progress(self, done: int, total: int) -> None:
        """Stages are short; the engine shows progress by task."""

    def cached(self, sha256: str) -> bytes | None:
        """The object, or None where it has to be fetched; one that is damaged is put aside."""
        try:
            return self._store.objects.get(sha256)
        except Problem:
            return None

    def keep(self, data: bytes) -> str:
        return self._store.objects.put(data)

    def omit(self, reason: str, count: int = 1) -> None:
        self.omitted[reason] = self.omitted.get(reason, 0) + count

    def failed(self, reason: str) -> None:
        self.failure = reason

    def purged(self) -> frozenset[str]:
        """Digests of contents that must not come back."""
        return purged_blobs(self._store.files)

    def recall(self, key: str) -> bytes | None:
        return self._store.files.read(self._place(key))

    def remember(self, key: str, value: bytes) -> None:
        self._store.files.put(self._place(key), value)

    def _place(self, key: str) -> str:
        name = hashlib.sha256(key.encode()).hexdigest()
        return f"index/memory/{self._memory}/{name[:2]}/{name[2:]}"


Output = Mapping[str, Sequence[tuple[str, "pa.Table | bytes"]]]


def unexpected(node: str, message: str) -> Problem:
    """A node's result that breaks its contract."""
    return fail("E502", f"{node}: {message}")
