"""Fits the cost model of `bigcode.plan.costs` to runs: non-negative least squares of relative errors, so that a small
run counts as much as a large one. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from bigcode.plan.costs import Feature, Model, Part, Size, Step

TEXT_STEPS = (
    "collect.fetch", "collect.blobs", "observe ", "cluster.sketch", "cluster.shingle", "export.rows", "export.shards",
    "export.checked",
)  # fmt: skip
"""Steps, or beginnings of their names, whose work grows with the text, unless they read files; all others grow with
the number of files."""
PARTS_BY_STEP: Mapping[str, Part] = {
    "cluster.link": "links",
    "export.shards": "written",
    "export.checked": "written",
    "measure.pii": "one",
}
"""Steps whose kind of parts a small run does not show, since it has one of them, or since it depends on the data."""
READ: Mapping[tuple[str, str], Part] = {
    ("collect.files", "files"): "shards",
    ("observe", "texts"): "shards",
    ("cluster.sketch", "texts"): "shards",
    ("cluster.shingles", "texts"): "shards",
    ("export.rows", "texts"): "shards",
}
WRITTEN: Mapping[tuple[str, str], Part] = {
    ("collect.fetch", "files"): "buckets",
    ("collect.fetch", "texts"): "buckets",
    ("collect.fetch", "blobs"): "blobs",
}
"""Of what a task reads or writes one object each, by step (or the word before its component) and name. The sets keep
the files of a project together, so that their sources hold few owners; sources at large may hold owners of every
bucket. There a text is written by bucket and by prefix, since both at once would be crumbs."""
READ_S = 3e-4
"""The least that reading a small object costs; where a task reads thousands, a fit over few does not see it."""
_FEWEST_RUNS = 2


@dataclass(frozen=True, slots=True)
class Task:
    """What one task took: CPU seconds, bytes of memory, objects read and written by name, and bytes written."""

    step: str
    cpu_s: float
    memory: float
    reads: Mapping[str, int]
    writes: Mapping[str, int]
    stored: float


def fit(
    runs: Sequence[tuple[Size, Sequence[Task]]], overhead_s: float, overhead_bytes: float = 20_000.0
) -> Model:
    """The model of the steps that two runs or more have, in the order in which they first occur.

    Args:
        runs: two or more, the largest last; the parts of each must differ in number, which tells the kind of a step.
        overhead_s: CPU seconds of the scheduler a task.
        overhead_bytes: its memory a task: keys, digests and the record of what was written.
    """
    steps = []
    for name in dict.fromkeys(task.step for _, tasks in runs for task in tasks):
        having = [(size, tasks) for size, tasks in runs if _of(tasks, name)]
        if len(having) >= _FEWEST_RUNS:
            steps.append(_fit_step(name, having))
    return Model(steps, overhead_s, overhead_bytes)


def _of(tasks: Sequence[Task], step: str) -> list[Task]:
    return [task for task in tasks if task.step == step]


def _fit_step(name: str, runs: Sequence[tuple[Size, Sequence[Task]]]) -> Step:
    found = [(size, _of(tasks, name)) for size, tasks in runs]
    text = name.startswith(TEXT_STEPS) and "files" not in found[-1][1][0].reads
    feature: Feature = "bytes" if text else "files"
    # One row a run: the tasks of a run differ by chance, and what runs differ in decides the slope.
    rows = [
        (
            1.0,
            getattr(size, feature) / len(tasks),
            sum(sum(task.reads.values()) for task in tasks) / len(tasks),
        )
        for size, tasks in found
    ]
    shares = [row[:2] for row in rows]
    cpu = [sum(task.cpu_s for task in tasks) / len(tasks) for _, tasks in found]
    memory = [max(task.memory for task in tasks) for _, tasks in found]
    stored = [sum(task.stored for task in tasks) / len(tasks) for _, tasks in found]
    # A run of a few dozen files leaves parts empty, and says nothing of how many there are.
    clear = found[1:] or found
    reads = _objects(name, READ, [(size, [task.reads for task in tasks]) for size, tasks in clear])
    writes = _objects(name, WRITTEN, [(size, [task.writes for task in tasks]) for size, tasks in clear])
    gathers = any(part not in ("one", "written") for part, _ in reads.values())
    constant, slope, *read = _solve(rows if gathers and len(rows) > 2 else shares, cpu)
    return Step(
        name,
        PARTS_BY_STEP.get(name) or _part_of([(size, len(tasks)) for size, tasks in clear]) or "one",
        feature,
        (constant, slope),
        max([READ_S, *read]) if gathers else 0.0,
        _pair(_solve(shares, memory)),
        _pair(_solve(shares, stored)),
        reads,
        writes,
    )


def _objects(
    step: str, said: Mapping[tuple[str, str], Part], runs: Sequence[tuple[Size, Sequence[Mapping[str, int]]]]
) -> dict[str, tuple[Part, float]]:
    """For each name how many objects a task has under it; a number that follows no kind of parts is a constant."""
    out: dict[str, tuple[Part, float]] = {}
    for name in runs[-1][1][0]:
        if kind := said.get((step.partition(" ")[0], name)):
            out[name] = (kind, 1.0)
            continue
        counts = [(size, max(one.get(name, 0) for one in tasks)) for size, tasks in runs]
        part = _part_of(counts)
        mean = sum(one.get(name, 0) for one in runs[-1][1]) / len(runs[-1][1])
        out[name] = ("one", mean) if part in (None, "one") else (part, mean / runs[-1][0].parts(part))
    return out


def _part_of(counts: Sequence[tuple[Size, int]]) -> Part | None:
    """The kind of parts that there are so many of in every run, or nearly so many where some are empty."""
    if all(count <= 1 for _, count in counts):
        return "one"
    kinds: list[Part] = ["blobs", "buckets", "shards"]
    near = {
        kind: max(size.parts(kind) / max(count, 1) for size, count in counts)
        for kind in kinds
        if all(count <= size.parts(kind) <= 1.3 * count for size, count in counts)
    }
    return min(near, key=lambda kind: near[kind]) if near else None


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
