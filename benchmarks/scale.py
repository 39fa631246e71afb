"""What a far larger run would cost: `python benchmarks/scale.py [--small FOLDER] [--large FOLDER] [--fitted FILE]`.

Applies the judged pipeline to two sets of the corpus, and to a fiftieth of the smaller one that tells what a task
costs that does hardly anything; one task at a time, writing down what each takes. The model of `costs.py` is fitted to
the smaller set, its prediction of the larger one is printed beside what was measured, and then it is fitted to all and
says what 100 TB and 5 billion files would take, and which step breaks first. The constants go to `<into>/costs.json`;
`--fitted` reads them instead of measuring. What every task took stands in `<into>/tasks.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import costs
import fitting
import meter
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import workspace
from corpus import CACHE
from ours import link_shards


@dataclass(frozen=True, slots=True)
class Cut:
    """How one run is cut. The parts of a run must differ in number, by which the model tells steps apart.

    `every` takes one row in so many; `shards` of 0 are those of the set, and `blobs` of 0 as many as its text needs.
    """

    every: int
    shards: int
    buckets: int
    blobs: int


CUTS = {"tiny": Cut(50, 2, 3, 5), "small": Cut(1, 3, 5, 7), "large": Cut(1, 0, 11, 0)}


def measure(corpus: Path, cut: Cut, work: workspace.Work, scratch: str | None) -> dict[str, Any]:
    """Size, tasks and totals of one metered apply."""
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
        workspace.write_workspace(space, specs)
        shell = f'exec "{workspace.BIGCODE}" apply "{space}"'
        whole = meter.run(["/bin/sh", "-c", shell], env=workspace.environment(), log=Path(folder, "log.txt"))
        tasks = [json.loads(line) for line in log.read_text().splitlines()]
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
        "tasks": tasks,
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


def step_of(node: str) -> str:
    """`collect.files`; the facts of two kinds of resources are told apart."""
    resource, _, step = node.partition("#")
    return f"{resource.partition('/')[0].lower()}.{step}" if step == "facts" else step


def tasks_of(run: dict[str, Any]) -> list[fitting.Task]:
    return [
        fitting.Task(
            step_of(task["node"]),
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
    found = costs.breaks(model, machine, bytes_ / files)
    out += [f"- at {count:,.0f} files: `{step}`, {limit}" for count, step, limit in found[:5]]
    return out if found else [*out, "- nothing within a hundred trillion files"]


def main() -> int:
    parser = argparse.ArgumentParser(description="Estimate what a large run costs.")
    parser.add_argument("--small", type=Path, default=CACHE / "corpus" / "XS")
    parser.add_argument("--large", type=Path, default=CACHE / "corpus" / "S")
    parser.add_argument("--work", choices=["dedup", "judged"], default="judged")
    parser.add_argument("--measured", type=Path, help="`tasks.json` of an earlier run, to fit anew")
    parser.add_argument("--fitted", type=Path, help="`costs.json` of an earlier run")
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
        model = costs.from_json(json.loads(options.fitted.read_text()))
    else:
        sets = {"tiny": options.small, "small": options.small, "large": options.large}
        runs = (
            json.loads(options.measured.read_text())
            if options.measured
            else {
                name: measure(corpus, CUTS[name], options.work, options.scratch)
                for name, corpus in sets.items()
            }
        )
        (options.into / "tasks.json").write_text(json.dumps(runs) + "\n")
        fitted = {name: (size_of(run), tasks_of(run)) for name, run in runs.items()}
        large = runs["large"]
        before = fitting.fit([fitted["tiny"], fitted["small"]], overhead_of(runs["small"]))
        print(
            "\n".join(
                [
                    "Fitted to the smaller set, the model says of the larger:",
                    "",
                    *check_lines(before, large),
                    "",
                ]
            )
        )
        model = fitting.fit(list(fitted.values()), overhead_of(large))
        (options.into / "costs.json").write_text(json.dumps(costs.as_json(model), indent=1) + "\n")
    machine = costs.Machine(cores=options.cores)
    print("\n".join(estimate_lines(model, options.terabytes * 1e12, options.files, machine)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
