"""A cost model of the data plane: pure functions that say what a run of any size takes, from constants of small ones.

The constants stand in `costs.json`, with the machine and the runs that they were fitted to, and with how well smaller
runs foretold larger ones. `benchmarks/scale.py --write` writes it; nothing is measured here.

A run is cut into `parts`: shards of the source, blob partitions, owner buckets, parts of the linking. A step has one
task a part of one of these, or one task in all. What a task takes is a sum of terms, each proportional to something
that is known of any run:

- CPU: a constant a task, its share of the text (or, for steps that read no text, of the files), and the objects read;
- memory: a constant, and its share of the text or the files;
- objects and bytes written: likewise.

What a step takes at a size is a sum of products of numbers that are not negative, so that more text, more files or
more parts never make a run cheaper.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Part = Literal["one", "shards", "blobs", "buckets", "links", "written"]
Feature = Literal["bytes", "files"]
Quantity = Literal["cpu", "memory", "stored"]
QUANTITIES: tuple[Quantity, ...] = ("cpu", "memory", "stored")

LINKED_PREFIXES = 16
"""Blob partitions that one part of the linking reads, as the plan cuts them."""
ENTRY_BYTES = 150
"""An object that a task reads or writes, as the scheduler holds it: name, digest, rows, bytes."""
LEAST_SPREAD = 1.2
"""No estimate is taken to be better than this, however well the checks came out: they are few."""
_FEWEST, _MOST = 1e3, 1e14
"""Files between which a limit is looked for."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is, and into how many parts it is cut. `written` are shards of the export."""

    bytes: float
    files: float
    shards: int
    blobs: int
    buckets: int
    written: int = 1

    @property
    def links(self) -> int:
        return math.ceil(self.blobs / LINKED_PREFIXES)

    def parts(self, part: Part) -> int:
        return 1 if part == "one" else int(getattr(self, part))


@dataclass(frozen=True, slots=True)
class Step:
    """The fitted terms of a step: pairs of a constant a task and a slope per byte or file, and seconds a read.

    `reads` and `writes` say by input and output how many objects a task reads and writes: so many times the number of
    parts of a kind.
    """

    name: str
    part: Part
    feature: Feature
    cpu: tuple[float, float]
    read_s: float
    memory: tuple[float, float]
    stored: tuple[float, float]
    reads: Mapping[str, tuple[Part, float]]
    writes: Mapping[str, tuple[Part, float]]

    def tasks(self, size: Size) -> int:
        return size.parts(self.part)

    def share(self, size: Size) -> float:
        """Text or files of one task."""
        return float(getattr(size, self.feature)) / self.tasks(size)

    def objects_read(self, size: Size) -> float:
        """Objects that one task reads."""
        return _count(self.reads, size)

    def objects_written(self, size: Size) -> float:
        """Objects that one task writes."""
        return _count(self.writes, size)

    def cpu_s(self, size: Size) -> float:
        """CPU seconds of one task."""
        return self.cpu[0] + self.cpu[1] * self.share(size) + self.read_s * self.objects_read(size)

    def memory_bytes(self, size: Size) -> float:
        """Memory of one task."""
        return self.memory[0] + self.memory[1] * self.share(size)

    def stored_bytes(self, size: Size) -> float:
        """Bytes that all tasks write."""
        return self.tasks(size) * self.stored[0] + self.stored[1] * float(getattr(size, self.feature))


def _count(objects: Mapping[str, tuple[Part, float]], size: Size) -> float:
    return sum(size.parts(part) * times for part, times in objects.values())


@dataclass(frozen=True, slots=True)
class Model:
    """Steps, and what the scheduler spends on a task beside it: CPU seconds and bytes of memory."""

    steps: Sequence[Step]
    overhead_s: float
    overhead_bytes: float

    def cpu_s(self, size: Size) -> float:
        """CPU seconds of a whole run."""
        return sum(step.tasks(size) * (step.cpu_s(size) + self.overhead_s) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run is given: cores, memory of one worker and of the scheduler in bytes, seconds one task may take, and
    objects that a store may hold in one listing or account without trouble."""

    cores: int = 1000
    worker_bytes: float = 64e9
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


def breaks(model: Model, machine: Machine, grow: Callable[[float], Size]) -> list[tuple[float, str, str]]:
    """Files at which each step passes its first limit, with the step and the limit, the first to break first.

    Args:
        grow: the size of a run of so many files.
    """
    found = []
    for step in model.steps:
        low, high = _FEWEST, _MOST
        if _passes(step, model, machine, grow(high)) is None:
            continue
        for _ in range(60):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if _passes(step, model, machine, grow(middle)) else (middle, high)
        found.append((high, step.name, _passes(step, model, machine, grow(high)) or ""))
    return sorted(found)


def _passes(step: Step, model: Model, machine: Machine, size: Size) -> str | None:
    name, factor = _line(step, model, size, machine).worst
    return name if factor > 1 else None


@dataclass(frozen=True, slots=True)
class Check:
    """What the model said of a run that it was not fitted to.

    `bytes` is the text of the run, `growth` how many times as much that is as the largest that the model had seen.
    `off` has for each quantity the factor by which the sum was wrong, or that by which steps were wrong on average if
    that is larger, since errors that cancel at one size need not cancel at another.
    """

    of: str
    bytes: float
    growth: float
    off: Mapping[Quantity, float]


@dataclass(frozen=True, slots=True)
class Costs:
    """The model with its origin: `machine` and `date` of the runs, `corpora` by name, and the checks."""

    model: Model
    machine: str
    date: str
    corpora: Mapping[str, Mapping[str, float]]
    checks: Sequence[Check]

    @property
    def largest_bytes(self) -> float:
        return max(corpus["bytes"] for corpus in self.corpora.values())

    @property
    def bytes_a_file(self) -> float:
        """Text in a file of the largest run."""
        largest = max(self.corpora.values(), key=lambda corpus: corpus["bytes"])
        return largest["bytes"] / largest["files"]

    def spread(self, quantity: Quantity, bytes_: float) -> float:
        """The factor by which an estimate may be wrong either way.

        That of the check on the largest run, for each tenfold growth beyond it; a size within what was measured is
        taken for one such step. Smaller runs foretell less, since most of their time goes into beginning.
        """
        worst = LEAST_SPREAD
        if self.checks:
            check = max(self.checks, key=lambda check: (check.bytes, check.growth))
            worst = max(worst, math.pow(check.off[quantity], 1 / max(1.0, math.log10(check.growth))))
        return math.pow(worst, max(1.0, math.log10(max(bytes_, 1.0) / self.largest_bytes)))


@cache
def read_costs() -> Costs:
    """What is shipped."""
    return costs_from_json(json.loads(Path(__file__).with_name("costs.json").read_text("utf-8")))


def costs_from_json(data: Mapping[str, Any]) -> Costs:
    checks = [
        Check(c["of"], c["bytes"], c["growth"], {q: _off(c[q]) for q in QUANTITIES}) for c in data["checks"]
    ]
    return Costs(from_json(data["model"]), data["machine"], data["date"], data["corpora"], checks)


def _off(check: Mapping[str, float]) -> float:
    ratio = check["predicted"] / check["measured"]
    return max(ratio, 1 / ratio, check["byStep"])


def as_json(model: Model) -> dict[str, Any]:
    """The constants of a model as plain JSON."""
    return {
        "overhead_s": model.overhead_s,
        "overhead_bytes": model.overhead_bytes,
        "steps": [{name: getattr(step, name) for name in Step.__dataclass_fields__} for step in model.steps],
    }


def from_json(data: Mapping[str, Any]) -> Model:
    def step_of(step: Mapping[str, Any]) -> Step:
        pairs = {name: tuple(step[name]) for name in ("cpu", "memory", "stored")}
        counts = {
            name: {key: tuple(value) for key, value in step[name].items()} for name in ("reads", "writes")
        }
        return Step(**{**step, **pairs, **counts})

    return Model([step_of(step) for step in data["steps"]], data["overhead_s"], data["overhead_bytes"])
