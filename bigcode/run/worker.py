"""The worker's side of a task: read its inputs, run its stage, write its outputs, answer with their digests."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from bigcode.api.components import load_object
from bigcode.api.diagnostics import Diagnostic, Problem
from bigcode.api.shapes import Entry, Unit
from bigcode.run import faults
from bigcode.run.clusters import STAGES
from bigcode.run.collecting import partition_source
from bigcode.run.observe import observe
from bigcode.run.payload import pack_answer, unpack
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.store.store import Store
from bigcode.store.tables import encode_table


def perform(payload: bytes) -> bytes:
    """Run a task on a worker: read its inputs, write its outputs as objects, answer with their digests."""
    started = time.perf_counter()
    try:
        task, store = unpack(payload)
    except Problem as problem:
        return pack_answer(_answer(started, problem.diagnostics), None)
    ctx = TaskContext(task, store)
    outputs: dict[str, list[Entry]] = {}
    problems: list[Diagnostic] = []
    trace = ""
    try:
        made = _run(task, Inputs(store, task), ctx)
        with store.files.together():
            written: dict[int, Entry] = {}
            for name, items in made.items():
                level = 3 if name in _LASTING else 1
                outputs[name] = [_write(store, label, value, level, written) for label, value in items]
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
    answer = _answer(started, problems) | {
        "outputs": {
            n: [[e.name, e.digest, e.rows, e.bytes] for e in entries] for n, entries in outputs.items()
        },
        "facts": [f.as_json() for f in ctx.facts],
        "warnings": [w.as_json() for w in ctx.warnings],
        "trace": trace,
    }
    return pack_answer(answer, store)


def _answer(started: float, problems: Sequence[Diagnostic]) -> dict[str, Any]:
    return {
        "outputs": {},
        "facts": [],
        "warnings": [],
        "problems": [p.as_json() for p in problems],
        "seconds": time.perf_counter() - started,
        "trace": "",
    }


_LASTING = ("shards", "verdicts")
"""Outputs that leave the store; what only the next step reads is packed fast."""


def _write(store: Store, name: str, value: pa.Table | bytes, level: int, written: dict[int, Entry]) -> Entry:
    """Put a value into the store; one that stands in several outputs is encoded once."""
    if (same := written.get(id(value))) is not None:
        return replace(same, name=name)
    data = value if isinstance(value, bytes) else encode_table(value, level=level)
    rows = 0 if isinstance(value, bytes) else value.num_rows
    entry = written[id(value)] = Entry(name, store.objects.put(data), rows, len(data))
    faults.point("object.written")
    return entry


def _run(task: Task, inputs: Inputs, ctx: TaskContext) -> Output:
    target = load_object(task.factory)
    if task.shape == "core":
        result: Output = target(inputs, task, ctx)
        return result
    config = load_object(task.config_class).model_validate(dict(task.config))
    stage = target(config)
    if task.shape == "collect":
        return partition_source(stage.fetch(Unit(task.label, task.unit), ctx), task, ctx)
    if task.shape in STAGES:
        made: Output = STAGES[task.shape](stage, inputs, task, ctx)
        return made
    return {"observed": [("", observe(stage.run, task, inputs, ctx))]}
