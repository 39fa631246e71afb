"""A cost model of the data plane: pure functions from what two runs of different size took to what any size takes.

A run is cut into `parts`: shards of the source, blob partitions, owner buckets. A step has one task a part of one of
these, or one task in all. What a task takes is a sum of terms, each proportional to something known of any run:

- CPU: a constant a task, its share of the text (or, for steps that read no text, of the files), and the objects read;
- memory: a constant, and its share of the text or the files;
- objects and bytes written: likewise.

The coefficients are fitted by non-negative least squares of relative errors, so that a small run counts as much as
a large one. Nothing here reads a file or a clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import nnls

Part = Literal["one", "shards", "blobs", "buckets", "written"]
Feature = Literal["bytes", "files"]

TEXT_STEPS = (
    "collect.fetch", "collect.blobs", "observe", "cluster.sketch", "cluster.shingle", "export.rows", "export.shards",
)  # fmt: skip
"""Steps, or beginnings of their names, whose work grows with the text, unless they read files; all others grow with
the number of files."""
ENTRY_BYTES = 150
"""An object that a task reads or writes, as the scheduler holds it: name, digest, rows, bytes."""
READ_S = 3e-4
"""The least that reading a small object costs; where a task reads thousands, a fit over few does not see it."""
"""Steps, or beginnings of their names, whose work grows with the text; all others grow with the files."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is, and into how many parts it is cut. `written` are shards of the export."""

    bytes: float
    files: float
    shards: int
    blobs: int
    buckets: int
    written: int = 1

    def parts(self, part: Part) -> int:
        return 1 if part == "one" else int(getattr(self, part))


@dataclass(frozen=True, slots=True)
class Task:
    """What one task took: CPU seconds, bytes of memory, objects read by input, objects and bytes written."""

    step: str
    cpu_s: float
    memory: float
    reads: Mapping[str, int]
    objects: int
    stored: float


@dataclass(frozen=True, slots=True)
class Step:
    """The fitted terms of a step: pairs of a constant a task and a slope per byte or file, and seconds a read.

    `reads` says by input how many objects a task reads, as parts: `one` for those of its own partition.
    `fan_out` is set where a task writes an object for each part of other kinds: how many for each of them.
    """

    name: str
    part: Part
    feature: Feature
    cpu: tuple[float, float]
    read_s: float
    memory: tuple[float, float]
    stored: tuple[float, float]
    reads: Mapping[str, Part]
    objects: float
    fan_out: float

    def tasks(self, size: Size) -> int:
        return size.parts(self.part)

    def share(self, size: Size) -> float:
        """Text or files of one task."""
        return float(getattr(size, self.feature)) / self.tasks(size)

    def objects_read(self, size: Size) -> float:
        """Objects that one task reads."""
        return float(sum(size.parts(part) for part in self.reads.values()))

    def objects_written(self, size: Size) -> float:
        """Objects that one task writes."""
        return self.fan_out * (size.blobs + size.buckets) if self.fan_out else self.objects

    def cpu_s(self, size: Size) -> float:
        """CPU seconds of one task."""
        return self.cpu[0] + self.cpu[1] * self.share(size) + self.read_s * self.objects_read(size)

    def memory_bytes(self, size: Size) -> float:
        """Memory of one task."""
        return self.memory[0] + self.memory[1] * self.share(size)

    def stored_bytes(self, size: Size) -> float:
        """Bytes that all tasks write."""
        return self.tasks(size) * self.stored[0] + self.stored[1] * float(getattr(size, self.feature))


@dataclass(frozen=True, slots=True)
class Model:
    """Steps, and what the scheduler spends on a task beside it: CPU seconds and bytes of memory."""

    steps: Sequence[Step]
    overhead_s: float
    overhead_bytes: float

    def cpu_s(self, size: Size) -> float:
        """CPU seconds of a whole run."""
        return sum(step.tasks(size) * (step.cpu_s(size) + self.overhead_s) for step in self.steps)


def fit(
    runs: Sequence[tuple[Size, Sequence[Task]]], overhead_s: float, overhead_bytes: float = 20_000.0
) -> Model:
    """The model of the steps that all runs have.

    Args:
        runs: two or more, the largest last; the parts of each must differ in number, which tells the kind of a step.
        overhead_s: CPU seconds of the scheduler a task.
        overhead_bytes: its memory a task: keys, digests and the record of what was written.
    """
    names = [
        step
        for step in dict.fromkeys(task.step for task in runs[0][1])
        if all(_of(ts, step) for _, ts in runs)
    ]
    return Model([_fit_step(name, runs) for name in names], overhead_s, overhead_bytes)


def _of(tasks: Sequence[Task], step: str) -> list[Task]:
    return [task for task in tasks if task.step == step]


def _fit_step(name: str, runs: Sequence[tuple[Size, Sequence[Task]]]) -> Step:
    size, first = runs[-1][0], _of(runs[-1][1], name)
    part = _part_of(len(first), size)
    text = name.startswith(TEXT_STEPS) and "files" not in first[0].reads
    feature: Feature = "bytes" if text else "files"
    rows, cpu, memory, stored = [], [], [], []
    for measured, tasks in runs:
        found = _of(tasks, name)
        # One row a run: the tasks of a run differ by chance, and what runs differ in decides the slope.
        reads = sum(sum(task.reads.values()) for task in found) / len(found)
        rows.append((1.0, getattr(measured, feature) / len(found), reads))
        cpu.append(sum(task.cpu_s for task in found) / len(found))
        memory.append(max(task.memory for task in found))
        stored.append(sum(task.stored for task in found) / len(found))
    reads_of = {key: _part_of(max(task.reads.get(key, 0) for task in first), size) for key in first[0].reads}
    objects = sum(task.objects for task in first) / len(first)
    fans = part == "shards" and objects > 2
    shares = [row[:2] for row in rows]
    gathers = any(kind != "one" for kind in reads_of.values())
    constant, slope, *read = _solve(rows if gathers and len(rows) > 2 else shares, cpu)
    return Step(
        name,
        part,
        feature,
        (constant, slope),
        max([READ_S, *read]) if gathers else 0.0,
        _pair(_solve(shares, memory)),
        _pair(_solve(shares, stored)),
        reads_of,
        objects,
        objects / (size.blobs + size.buckets) if fans else 0.0,
    )


def _part_of(count: int, size: Size) -> Part:
    """The kind of parts that there are so many of; the nearest above where some parts are empty."""
    kinds: list[Part] = ["blobs", "buckets", "shards"]
    if count <= 1:
        return "one"
    for kind in kinds:
        if size.parts(kind) == count:
            return kind
    larger = sorted((size.parts(kind), kind) for kind in kinds if size.parts(kind) > count)
    return larger[0][1] if larger and larger[0][0] <= 1.3 * count else "written"


def _solve(rows: Sequence[Sequence[float]], values: Sequence[float]) -> tuple[float, ...]:
    """Non-negative coefficients of each column that make the relative errors small."""
    wanted = np.array(values, float)
    if not wanted.any():
        return (0.0,) * len(rows[0])
    wanted = np.maximum(wanted, wanted.max() * 1e-6)
    matrix = np.array(rows, float) / wanted[:, None]
    scale = np.maximum(matrix.max(axis=0), 1e-300)
    found, _ = nnls(matrix / scale, np.ones(len(rows)))
    return tuple(float(value) for value in found / scale)


def _pair(values: Sequence[float]) -> tuple[float, float]:
    return values[0], values[1]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run is given: cores, memory of one worker and of the scheduler in bytes, seconds one task may take, and
    objects that a store may hold in one listing or account without trouble."""

    cores: int = 1000
    worker_bytes: float = 16e9
    scheduler_bytes: float = 256e9
    task_s: float = 6 * 3600.0
    objects: float = 1e9
    parts: int = 65536


@dataclass(frozen=True, slots=True)
class Line:
    """One step at a size: tasks, core-hours, hours on the machine's cores, memory of one task, objects written in
    all, and the factor by which each limit is passed (below one: it holds)."""

    step: str
    tasks: int
    core_hours: float
    hours: float
    task_bytes: float
    objects: float
    over: Mapping[str, float]

    @property
    def worst(self) -> tuple[str, float]:
        return max(self.over.items(), key=lambda pair: pair[1])


def cut(bytes_: float, files: float, machine: Machine, *, part_bytes: float = 256e6) -> Size:
    """A run of that size, cut into parts as a spec can say it."""
    parts = min(machine.parts, max(1, math.ceil(bytes_ / part_bytes)))
    return Size(bytes_, files, math.ceil(bytes_ / 1e9), parts, parts, math.ceil(bytes_ / part_bytes))


def estimate(model: Model, size: Size, machine: Machine) -> list[Line]:
    """Every step at that size, in the order of the run."""
    return [_line(step, model, size, machine) for step in model.steps]


def _line(step: Step, model: Model, size: Size, machine: Machine) -> Line:
    tasks, task_s = step.tasks(size), step.cpu_s(size)
    seconds = tasks * (task_s + model.overhead_s)
    objects = tasks * step.objects_written(size)
    # The scheduler is one process: what it spends on tasks comes one after the other.
    hours = max(tasks * task_s / min(tasks, machine.cores), task_s, tasks * model.overhead_s) / 3600
    over = {
        "time of one task": task_s / machine.task_s,
        "memory of one task": step.memory_bytes(size) / machine.worker_bytes,
        "objects": objects / machine.objects,
        "memory of the scheduler": tasks
        * (model.overhead_bytes + ENTRY_BYTES * (step.objects_written(size) + step.objects_read(size)))
        / machine.scheduler_bytes,
    }
    return Line(step.name, tasks, seconds / 3600, hours, step.memory_bytes(size), objects, over)


def breaks(model: Model, machine: Machine, bytes_a_file: float) -> list[tuple[float, str, str]]:
    """Files at which each step passes its first limit, with the step and the limit, the first to break first."""
    found = []
    for step in model.steps:
        low, high = 1e5, 1e14
        if _passes(step, model, machine, high, bytes_a_file) is None:
            continue
        for _ in range(60):
            middle = math.sqrt(low * high)
            low, high = (
                (low, middle) if _passes(step, model, machine, middle, bytes_a_file) else (middle, high)
            )
        limit = _passes(step, model, machine, high, bytes_a_file)
        found.append((high, step.name, limit or ""))
    return sorted(found)


def _passes(step: Step, model: Model, machine: Machine, files: float, bytes_a_file: float) -> str | None:
    size = cut(files * bytes_a_file, files, machine)
    name, factor = _line(step, model, size, machine).worst
    return name if factor > 1 else None


def as_json(model: Model) -> dict[str, Any]:
    """The constants, for whoever wants to print an estimate without measuring."""
    return {
        "overhead_s": model.overhead_s,
        "overhead_bytes": model.overhead_bytes,
        "steps": [{name: getattr(step, name) for name in Step.__dataclass_fields__} for step in model.steps],
    }


def from_json(data: Mapping[str, Any]) -> Model:
    steps = [
        Step(**{**step, **{name: tuple(step[name]) for name in ("cpu", "memory", "stored")}})
        for step in data["steps"]
    ]
    return Model(steps, data["overhead_s"], data["overhead_bytes"])
