"""What a far larger run would cost: `python benchmarks/scale.py [--write] [--fitted FILE] [--measured FILE]`.

Applies the judged pipeline to sets of the corpus, each about ten times as large as the one before, and to a fiftieth
of the smallest that tells what a task costs that does hardly anything; one task at a time, writing down what each
takes. All but the largest run have the observers beside that a plan may ask about. The model of `bigcode.plan.costs`
is fitted to the smaller runs, what it says of the next larger one is printed beside what was measured, and then it is
fitted to all and says what 100 TB and 5 billion files would take, and which step breaks first.

The constants go to `<into>/costs.json`, what every task took to `<into>/tasks.json`; `--write` puts the constants
where `bigcode plan` reads them, `--measured` fits anew to tasks of before, `--fitted` reads constants instead.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import fitting
import meter
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import workspace
from corpus import CACHE
from ours import link_shards

from bigcode.plan import costs


@dataclass(frozen=True, slots=True)
class Cut:
    """How one run is cut. The parts of a run must differ in number, by which the model tells steps apart.

    `every` takes one row in so many; `shards` of 0 are those of the set, and `blobs` of 0 as many as its text needs.
    """

    every: int
    shards: int
    buckets: int
    blobs: int


CUTS = {
    "tiny": Cut(50, 2, 3, 5),
    "small": Cut(1, 3, 5, 7),
    "large": Cut(1, 0, 11, 0),
    "full": Cut(1, 0, 29, 0),
}
EXTRA = ("quality.parse", "malware.yara")
"""Observers that a run adds to those of the judged pipeline, with detection of evaluation suites, declarations of
repositories and contained copies, so that a plan knows what each costs."""


def measure(
    corpus: Path, cut: Cut, work: workspace.Work, scratch: str | None, *, extra: bool = False
) -> dict[str, Any]:
    """Size, tasks, components by node and totals of one metered apply."""
    with tempfile.TemporaryDirectory(prefix="bigcode-bench-", dir=scratch) as folder:
        space, log = Path(folder, "bench"), Path(folder, "tasks.jsonl")
        shards, files, size = _take(corpus, cut, space)
        specs = workspace.specs(work, shards, size, 1)
        snapshot = specs["snapshot.yaml"]["spec"]
        blobs = cut.blobs or snapshot["blobPartitions"]
        while blobs in (cut.buckets, len(shards)):
            blobs += 1
        snapshot |= {"buckets": cut.buckets, "blobPartitions": blobs}
        specs["project.yaml"]["spec"]["execution"] |= {"executor": "plain.meter", "address": str(log)}
        if extra:
            _add_extra(specs)
        workspace.write_workspace(space, specs)
        shell = f'exec "{workspace.BIGCODE}" apply "{space}"'
        whole = meter.run(["/bin/sh", "-c", shell], env=workspace.environment(), log=Path(folder, "log.txt"))
        tasks = [json.loads(line) for line in log.read_text().splitlines()]
        nodes = json.loads(workspace.call("graph", space, "--json"))["nodes"]
    return {
        "size": {
            "bytes": size,
            "files": files,
            "shards": len(shards),
            "blobs": blobs,
            "buckets": cut.buckets,
            "written": sum(task["node"].endswith("#export.shards") for task in tasks),
        },
        "cpu_s": whole.cpu_s,
        "components": {name: node["component"] for name, node in nodes.items()},
        "tasks": tasks,
    }


def _add_extra(specs: dict[str, dict[str, Any]]) -> None:
    known = workspace.versions()

    def uses(name: str) -> dict[str, Any]:
        return {"uses": name, "version": known[name]}

    specs["dataset.yaml"]["spec"]["quality"]["observers"] += [uses(name) for name in EXTRA]
    specs["dataset.yaml"]["spec"]["decontamination"] = {"detector": uses("decontaminate.suites")}
    specs["optout.yaml"]["spec"] |= {
        "copies": "contained",
        "fingerprints": uses("dedup.winnow"),
        "signals": {"reader": uses("optout.signals")},
    }


def _take(corpus: Path, cut: Cut, space: Path) -> tuple[list[str], int, int]:
    """Shards inside the workspace, their files and the bytes of their text."""
    if not cut.shards:
        manifest = json.loads((corpus / "manifest.json").read_text())
        return link_shards(corpus, space), manifest["files"], manifest["bytes"]
    (space / "corpus").mkdir(parents=True)
    table = pa.concat_tables(pq.read_table(path) for path in sorted(corpus.glob("*.parquet")))
    table = table.take(pa.array(range(0, table.num_rows, cut.every)))
    bounds = [table.num_rows * part // cut.shards for part in range(cut.shards + 1)]
    names = []
    for number, (low, high) in enumerate(pairwise(bounds)):
        names.append(f"corpus/{number:05d}.parquet")
        pq.write_table(table.slice(low, high - low), space / names[-1], compression="zstd")
    return names, table.num_rows, pc.sum(pc.binary_length(table["content"])).as_py()


def step_of(node: str, component: str) -> str:
    """The name of a node's step, as `bigcode.plan.data_cost` tells it: observers go by their component, and the facts
    of two kinds of resources are told apart."""
    resource, _, step = node.partition("#")
    if step.startswith("observe."):
        return f"observe {component}"
    return f"{resource.partition('/')[0].lower()}.{step}" if step == "facts" else step


def tasks_of(run: dict[str, Any]) -> list[fitting.Task]:
    return [
        fitting.Task(
            step_of(task["node"], run["components"][task["node"]]),
            task["cpu_s"],
            task["memory"],
            {name: objects for name, (objects, _, _) in task["inputs"].items()},
            {name: objects for name, (objects, _, _) in task["outputs"].items()},
            sum(size for _, _, size in task["outputs"].values()),
        )
        for task in run["tasks"]
    ]


def size_of(run: dict[str, Any]) -> costs.Size:
    return costs.Size(**run["size"])


def overhead_of(run: dict[str, Any]) -> float:
    """CPU seconds that the engine spends on a task beside the task, the start of the program included."""
    known = sum(task["cpu_s"] + task["metering_s"] for task in run["tasks"])
    return max(0.0, float(run["cpu_s"]) - known) / len(run["tasks"])


def check_lines(model: costs.Model, run: dict[str, Any]) -> list[str]:
    """What the model says of a run that it was not fitted to, beside what was measured."""
    size, measured = size_of(run), tasks_of(run)
    lines = ["| step | tasks | CPU s predicted | CPU s measured | ratio |", "|---|---|---|---|---|"]
    total = [0.0, 0.0]
    for step in model.steps:
        found = [task for task in measured if task.step == step.name]
        predicted, actual = step.cpu_s(size) * len(found), sum(task.cpu_s for task in found)
        total[0], total[1] = total[0] + predicted, total[1] + actual
        lines.append(
            _row(step.name, len(found), f"{predicted:.2f}", f"{actual:.2f}", _ratio(predicted, actual))
        )
    lines.append(_row("all", len(measured), f"{total[0]:.2f}", f"{total[1]:.2f}", _ratio(*total)))
    return lines


def check_of(model: costs.Model, run: dict[str, Any], name: str, seen: Sequence[float]) -> dict[str, Any]:
    """The same in sums, of the steps that the model knows: CPU seconds, memory of the largest task, bytes written.

    Args:
        seen: bytes of text of the runs that the model was fitted to.
    """
    size, known = size_of(run), {step.name: step for step in model.steps}
    tasks = [task for task in tasks_of(run) if task.step in known]
    steps = [known[name] for name in dict.fromkeys(task.step for task in tasks)]
    counts = {step.name: sum(task.step == step.name for task in tasks) for step in steps}
    pairs = {
        "cpu": (sum(s.cpu_s(size) * counts[s.name] for s in steps), sum(t.cpu_s for t in tasks)),
        "memory": (max(s.memory_bytes(size) for s in steps), max(t.memory for t in tasks)),
        "stored": (sum(s.stored_bytes(size) for s in steps), sum(t.stored for t in tasks)),
    }
    by_step = {
        "cpu": [
            (s.cpu_s(size) * counts[s.name], sum(t.cpu_s for t in tasks if t.step == s.name)) for s in steps
        ],
        "memory": [(s.memory_bytes(size), max(t.memory for t in tasks if t.step == s.name)) for s in steps],
        "stored": [(s.stored_bytes(size), sum(t.stored for t in tasks if t.step == s.name)) for s in steps],
    }
    told = {
        what: {"predicted": _short(a), "measured": _short(b), "byStep": _short(_mean_factor(by_step[what]))}
        for what, (a, b) in pairs.items()
    }
    return {"of": name, "bytes": size.bytes, "growth": _short(size.bytes / max(seen)), **told}


def _mean_factor(pairs: Sequence[tuple[float, float]]) -> float:
    """By what factor a step is off either way, the mean of the logarithms weighted by what was measured. Errors of
    steps that cancel in a sum need not do so at another size."""
    kept = [(a, b) for a, b in pairs if a > 0 and b > 0]
    weight = sum(b for _, b in kept)
    return math.exp(sum(b * abs(math.log(a / b)) for a, b in kept) / weight) if weight else 1.0


def _short(value: float) -> float:
    """Four significant digits: what a person can review, and more than the fit can tell."""
    return float(f"{value:.4g}")


def shorten(value: Any) -> Any:
    """Plain JSON with every fraction cut to four digits."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else _short(value)
    if isinstance(value, Mapping):
        return {key: shorten(inner) for key, inner in value.items()}
    return [shorten(inner) for inner in value] if isinstance(value, list | tuple) else value


def machine_of() -> str:
    """The processor and the Python of this machine, without its name."""
    found = Path("/proc/cpuinfo").read_text(errors="replace") if Path("/proc/cpuinfo").exists() else ""
    models = {line.partition(":")[2].strip() for line in found.splitlines() if line.startswith("model name")}
    return f"{' and '.join(sorted(models)) or platform.machine()}, Python {platform.python_version()}"


def fit_and_check(
    runs: Mapping[str, dict[str, Any]], names: Mapping[str, str]
) -> tuple[costs.Model, list[dict[str, Any]], list[str]]:
    """The model of all runs, what the smaller ones said of each from the third on, and that as a table."""
    fitted = {name: (size_of(run), tasks_of(run)) for name, run in runs.items()}
    order, checks, lines = list(runs), [], []
    for number in range(2, len(order)):
        name, seen = order[number], order[:number]
        before = fitting.fit([fitted[one] for one in seen], overhead_of(runs[seen[-1]]))
        checks.append(check_of(before, runs[name], names[name], [fitted[one][0].bytes for one in seen]))
        of = ", ".join(dict.fromkeys(names[one] for one in seen))
        lines += [
            f"Fitted to {of}, the model says of {names[name]}:",
            "",
            *check_lines(before, runs[name]),
            "",
        ]
    return fitting.fit(list(fitted.values()), overhead_of(runs[order[-1]])), checks, lines


def shipped(
    model: costs.Model,
    checks: list[dict[str, Any]],
    runs: Mapping[str, dict[str, Any]],
    names: Mapping[str, str],
) -> dict[str, Any]:
    """What `bigcode plan` reads: the constants and where they come from."""
    corpora = {
        names[name] if name != "tiny" else f"{names[name]}/{CUTS[name].every}": run["size"]
        for name, run in runs.items()
    }
    return {
        "format": "bigcode-costs/1",
        "machine": machine_of(),
        "date": datetime.now(UTC).date().isoformat(),
        "corpora": corpora,
        "checks": checks,
        "model": shorten(costs.as_json(model)),
    }


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _ratio(a: float, b: float) -> str:
    return f"{a / b:.2f}" if b > 0.005 else "-"


def estimate_lines(model: costs.Model, bytes_: float, files: float, machine: costs.Machine) -> list[str]:
    """The estimate for people: a table of steps, the sums, and what breaks first."""
    size = costs.cut(bytes_, files, machine)
    lines = costs.estimate(model, size, machine)
    out = [
        f"{bytes_ / 1e12:,.0f} TB in {files / 1e9:,.1f} billion files, cut into {size.shards:,} shards, "
        f"{size.blobs:,} blob partitions and {size.buckets:,} buckets, on {machine.cores:,} cores:",
        "",
        "| step | tasks | core-hours | hours | GB a task | objects | nearest limit | times the limit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        limit, factor = line.worst
        out.append(
            _row(
                line.step,
                f"{line.tasks:,}",
                f"{line.core_hours:,.1f}",
                f"{line.hours:,.2f}",
                f"{line.task_bytes / 1e9:,.1f}",
                f"{line.objects:,.0f}",
                limit,
                f"{factor:,.2g}",
            )
        )
    hours, wall = sum(line.core_hours for line in lines), sum(line.hours for line in lines)
    objects = sum(line.objects for line in lines)
    stored = sum(step.stored_bytes(size) for step in model.steps)
    out += [
        "",
        f"In all {hours:,.0f} core-hours, {wall:,.1f} hours one step after the other; "
        f"{stored / 1e12:,.1f} TB in {objects:,.0f} objects are written.",
        "",
        "What breaks first, as the corpus grows:",
        "",
    ]
    found = costs.breaks(model, machine, lambda count: costs.cut(count * bytes_ / files, count, machine))
    out += [f"- at {count:,.0f} files: `{step}`, {limit}" for count, step, limit in found[:5]]
    return out if found else [*out, "- nothing within a hundred trillion files"]


def main() -> int:
    parser = argparse.ArgumentParser(description="Estimate what a large run costs.")
    parser.add_argument("--corpus", type=Path, default=CACHE / "corpus", help="the folder of the sets")
    parser.add_argument(
        "--sets", nargs="+", default=["XS", "S", "full"], help="from small to large, two or three"
    )
    parser.add_argument("--work", choices=["dedup", "judged"], default="judged")
    parser.add_argument("--measured", type=Path, help="`tasks.json` of an earlier run, to fit anew")
    parser.add_argument("--fitted", type=Path, help="`costs.json` of an earlier run")
    parser.add_argument("--write", action="store_true", help="ship the constants with `bigcode plan`")
    parser.add_argument("--terabytes", type=float, default=100.0)
    parser.add_argument("--files", type=float, default=5e9)
    parser.add_argument("--cores", type=int, default=1000)
    parser.add_argument("--into", type=Path, default=CACHE / "runs")
    parser.add_argument(
        "--scratch", help="where stores are made; a temporary folder outside any Git repository"
    )
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    if options.fitted:
        model = costs.from_json(json.loads(options.fitted.read_text())["model"])
    else:
        names = dict(zip(CUTS, [options.sets[0], *options.sets], strict=False))
        runs = json.loads(options.measured.read_text()) if options.measured else {}
        for name, of in names.items() if not runs else ():
            # The largest run has what everybody runs; what the others add would take hours there.
            extra = options.work == "judged" and name != "full"
            runs[name] = measure(options.corpus / of, CUTS[name], options.work, options.scratch, extra=extra)
        (options.into / "tasks.json").write_text(json.dumps(runs) + "\n")
        model, checks, lines = fit_and_check(runs, names)
        print("\n".join(lines))
        text = json.dumps(shipped(model, checks, runs, names), indent=1) + "\n"
        (options.into / "costs.json").write_text(text)
        if options.write:
            Path(costs.__file__).with_name("costs.json").write_text(text)
    machine = costs.Machine(cores=options.cores)
    print("\n".join(estimate_lines(model, options.terabytes * 1e12, options.files, machine)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
