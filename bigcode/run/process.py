"""A process node: its job file, its launch, and its files as objects."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bigcode.api.canonical import canonical
from bigcode.api.diagnostics import Diagnostic, Problem
from bigcode.api.facts import Fact
from bigcode.api.shapes import Entry
from bigcode.plan.graph import Node
from bigcode.run.job import write_json
from bigcode.run.launchers import LAUNCHERS, End
from bigcode.run.meter import SAMPLES, read_attempts
from bigcode.run.task import Answer
from bigcode.store.store import Store


def run_process(
    node: Node,
    key: str,
    inputs: Mapping[str, list[Entry]],
    facts: Mapping[str, list[dict[str, Any]]],
    store: Store,
    progress: Callable[[int, int], None],
) -> Answer:
    """Launch the node's program and import what it saved.

    Its folder outlives a crash, and its scratch part is what a rerun of the same key resumes from.
    """
    folder = store.scratch(key)
    job, launcher = folder / "job.json", LAUNCHERS[_launch(node)]()
    started = time.perf_counter()
    try:
        if not launcher.finds(job):
            for name in ("out", "result.json", "problem.json", "progress.json", "slurm.json"):
                path = folder / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            write_json(job, _job(node, key, inputs, facts, store))
        end = launcher.run(node.resource, job, node.runtime, lambda: _report(folder, progress))
    except Problem as problem:
        return Answer({}, [], [], time.perf_counter() - started, list(problem.diagnostics))
    seconds = time.perf_counter() - started
    result = folder / "result.json"
    if end.code or not result.exists():
        return Answer({}, [], [], seconds, _problems(folder, node, end))
    answer = json.loads(result.read_text())
    outputs = {name: _import(folder / "out" / name, files, store) for name, files in answer["files"].items()}
    recorded = [Fact.from_json(f) for f in answer["facts"]]
    if node.recorded:
        recorded += _hours(node, _seconds_at_work(node, folder, seconds), recorded)
    lines = journal_lines(folder / "journal.jsonl")
    if lines:
        data = b"".join(canonical(line) + b"\n" for line in lines)
        outputs["journal"] = [Entry("journal.jsonl", store.objects.put(data), len(lines), len(data))]
    warnings = [
        Diagnostic(w["code"], w["message"], None, w.get("hint", ""), "warning") for w in answer["warnings"]
    ]
    return Answer(outputs, recorded, warnings, seconds, [])


def journal_lines(path: Path) -> list[dict[str, Any]]:
    """Points of a node's journal; of points that were written twice, after a resume, the last one counts."""
    if not path.exists():
        return []
    latest: dict[tuple[str, int], dict[str, Any]] = {}
    for line in path.read_text().splitlines():
        try:
            point = json.loads(line)
        except ValueError:
            continue
        latest[(point["series"], point["step"])] = point
    return [latest[k] for k in sorted(latest)]


def _launch(node: Node) -> str:
    wanted = str(node.runtime.get("launcher", node.launch or "subprocess"))
    return wanted if node.launch == "torchrun" else "subprocess"


def _job(
    node: Node, key: str, inputs: Mapping[str, list[Entry]], facts: Mapping[str, Any], store: Store
) -> dict[str, Any]:
    return {
        "node": node.id,
        "key": key,
        "recorded": node.recorded,
        "factory": node.factory,
        "config_class": node.config_class,
        "config": dict(node.config),
        "params": dict(node.params),
        "inputs": {
            name: [
                [e.name, e.digest, e.rows, e.bytes, str(store.objects.local_path(e.digest))] for e in entries
            ]
            for name, entries in inputs.items()
        },
        "facts": dict(facts),
    }


def _import(folder: Path, files: Mapping[str, str], store: Store) -> list[Entry]:
    entries = []
    for name in sorted(files):
        data = (folder / name).read_bytes()
        entries.append(Entry(name, store.objects.put(data), 0, len(data)))
    return entries


def _seconds_at_work(node: Node, folder: Path, seconds: float) -> float:
    """Wall seconds of the program times its machines; the time that a job waited in a queue is not among them.

    Args:
        seconds: that this process waited, which is the program's time where it starts the program itself.
    """
    if _launch(node) != "slurm":
        return seconds
    metered = sum(attempt.seconds for attempt in read_attempts(sorted(folder.glob(f"*{SAMPLES}"))))
    return metered or seconds * int(node.runtime.get("nodes", 1))


def _hours(node: Node, seconds: float, recorded: list[Fact]) -> list[Fact]:
    """Wall time of the program on each machine times its processes, where the component does not meter itself."""
    if any(f.id.startswith("device.hours") for f in recorded):
        return []
    group = f"{{suite={node.step.split('.', 2)[2]}}}" if node.step.startswith("suite.") else ""
    value = round(seconds * int(node.runtime.get("processes", 1)) / 3600, 6)
    return [
        Fact(
            f"device.hours{group}",
            value,
            "device*h",
            label="Device time",
            method="wall time of the program times its processes",
            component=node.component,
        )
    ]


def _report(folder: Path, progress: Callable[[int, int], None]) -> None:
    path = folder / "progress.json"
    if path.exists():
        done, total = json.loads(path.read_text())
        progress(done, total)


def _problems(folder: Path, node: Node, end: End) -> list[Diagnostic]:
    path = folder / "problem.json"
    if path.exists():
        return [
            Diagnostic(d["code"], d["message"], None, d.get("hint", "")) for d in json.loads(path.read_text())
        ]
    message = f"{node.id} ended {end.said} and left no result"
    return [Diagnostic("E508", message, hint=f"Its log is {folder / 'log.txt'}.")]
