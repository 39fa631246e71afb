"""A task and its answer as a few hundred bytes of JSON, and the worker's side of it."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from bigcode.api.components import load_object
from bigcode.api.diagnostics import Diagnostic, Place, Problem, fail
from bigcode.api.facts import Fact
from bigcode.api.shapes import Entry, Unit
from bigcode.store.store import Store
from bigcode.store.tables import encode_table, read_table


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

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()


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
        self.scratch = Path(store.base) / "work"
        self._store = store

    def warn(self, diagnostic: Diagnostic) -> None:
        self.warnings.append(diagnostic)

    def fact(self, fact: Fact) -> None:
        self.facts.append(fact)

    def progress(self, done: int, total: int) -> None:
        """Stages are short; the engine shows progress by task."""

    def cached(self, sha256: str) -> bytes | None:
        return self._store.objects.get(sha256) if self._store.objects.intact(sha256) else None

    def keep(self, data: bytes) -> str:
        return self._store.objects.put(data)


Output = Mapping[str, Sequence[tuple[str, "pa.Table | bytes"]]]


def perform(payload: bytes) -> bytes:
    """Run a task on a worker: read its inputs, write its outputs as objects, answer with their digests."""
    task = Task(**json.loads(payload))
    started = time.perf_counter()
    store = Store(task.store)
    ctx = TaskContext(task, store)
    outputs: dict[str, list[Entry]] = {}
    problems: list[Diagnostic] = []
    trace = ""
    try:
        for name, items in _run(task, Inputs(store, task), ctx).items():
            outputs[name] = [_write(store, label, value) for label, value in items]
    except Problem as problem:
        problems = list(problem.diagnostics)
        trace = traceback.format_exc()
    except Exception as error:
        problems = [
            Diagnostic(
                "E502",
                f"{task.node} {task.label}: {type(error).__name__}: {error}".rstrip(),
                hint="`--debug` shows the traceback.",
            )
        ]
        trace = traceback.format_exc()
    answer = {
        "outputs": {
            n: [[e.name, e.digest, e.rows, e.bytes] for e in entries] for n, entries in outputs.items()
        },
        "facts": [f.as_json() for f in ctx.facts],
        "warnings": [w.as_json() for w in ctx.warnings],
        "problems": [p.as_json() for p in problems],
        "seconds": time.perf_counter() - started,
        "trace": trace,
    }
    return json.dumps(answer).encode()


def _write(store: Store, name: str, value: pa.Table | bytes) -> Entry:
    data = value if isinstance(value, bytes) else encode_table(value)
    rows = 0 if isinstance(value, bytes) else value.num_rows
    return Entry(name, store.objects.put(data), rows, len(data))


def _run(task: Task, inputs: Inputs, ctx: TaskContext) -> Output:
    target = load_object(task.factory)
    if task.shape == "core":
        result: Output = target(inputs, task, ctx)
        return result
    config = load_object(task.config_class).model_validate(dict(task.config))
    stage = target(config)
    if task.shape == "collect":
        from bigcode.run.steps import partition_source

        return partition_source(stage.fetch(Unit(task.label, task.unit), ctx), task)
    if task.shape == "reduce":
        return {"clusters": [("", stage.reduce(inputs.tables("sketches"), ctx))]}
    from bigcode.run.observe import observe

    run = stage.map if task.shape == "map" else stage.run
    return {"observed": [("", observe(run, task, inputs, ctx))]}


def unexpected(node: str, message: str) -> Problem:
    """A node's result that breaks its contract."""
    return fail("E502", f"{node}: {message}")
