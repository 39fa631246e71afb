"""Print the table of issue and README: `python benchmarks/table.py [--set S] [--run] [--repeat N] [--save]`.

Without `--run` it prints what the commands of this folder have left behind, for whatever was measured. With it, it
runs them first, one after the other: peers, ours, judge, kernels, plans; and ours over `--grown`, for the growth
of memory. `--save` writes all figures to `results/<date>.json`, with the machine that they were measured on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

from corpus import CACHE
from rows import Figures, rows

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def load(into: Path, name: str, grown: str) -> Figures:
    """All results that are there: peers and ours over the set, its judgement, ours over the grown set, and plans."""

    def read(path: Path) -> Any:
        return json.loads(path.read_text()) if path.exists() else None

    folder = into / name
    results = {path.parent.name: read(path) for path in sorted(folder.glob("*/result.json"))}
    return {
        "set": name,
        "peers": {key: value for key, value in results.items() if not key.startswith("ours-")},
        "ours": {
            key.removeprefix("ours-"): value for key, value in results.items() if key.startswith("ours-")
        },
        "grown": {work: read(into / grown / f"ours-{work}" / "result.json") for work in ("dedup", "judged")},
        "quality": read(folder / "quality.json") or {},
        "kernels": read(into / "kernels.json"),
        "graph": read(into / "plan-graph.json"),
        "impact": read(into / "plan-impact.json"),
    }


def run_all(options: argparse.Namespace) -> None:
    """Every command of this folder, for this table.

    Raises:
        subprocess.CalledProcessError: when one fails; peers that this machine cannot run are passed over.
    """
    common = ["--into", options.into]
    corpus = ["--corpus", options.corpus / options.set, *common]
    grown = ["--corpus", options.corpus / options.grown, *common]
    repeat = ["--repeat", str(options.repeat)]
    _call("peers/run.py", *corpus, *repeat, check=False)
    _call("ours.py", *corpus, *repeat)
    _call("quality.py", *corpus)
    _call("ours.py", *grown, "--full-only")
    megabytes = "20" if options.set == "XS" else "100"
    kernels = _call("kernels.py", "--megabytes", megabytes, "--json", show=False)
    (options.into / "kernels.json").write_bytes(kernels)
    _call("plan.py", "graph", "--nodes", str(options.nodes), *common)
    _call("plan.py", "impact", "--files", str(options.files), *common)


def _call(script: str, *arguments: object, check: bool = True, show: bool = True) -> bytes:
    command = [sys.executable, HERE / script, *map(str, arguments)]
    print(f"-- {script} {' '.join(map(str, arguments))}", file=sys.stderr)
    done = subprocess.run(command, check=check, stdout=subprocess.PIPE)
    if show:
        sys.stderr.buffer.write(done.stdout)
        sys.stderr.flush()
    return done.stdout


def machine() -> dict[str, Any]:
    """What the figures were measured on, without its name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9, 1),
        "python": platform.python_version(),
        "system": platform.system(),
        "commit": commit,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Print the benchmark table.")
    parser.add_argument("--set", default="S", choices=["XS", "S", "full"])
    parser.add_argument("--grown", default="full", choices=["XS", "S", "full"])
    parser.add_argument("--corpus", type=Path, default=CACHE / "corpus")
    parser.add_argument("--into", type=Path, default=CACHE / "runs")
    parser.add_argument("--run", action="store_true", help="run everything first")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=10_000_000)
    parser.add_argument("--save", action="store_true", help="keep the figures under benchmarks/results/")
    options = parser.parse_args()
    if options.run:
        run_all(options)
    figures = load(options.into, options.set, options.grown)
    print("| what | peer, measured here | ours | ratio | reach | met |")
    print("|---|---|---|---|---|---|")
    for row in rows(figures):
        print(row.as_markdown())
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{date.today().isoformat()}.json"
        path.write_text(json.dumps({"machine": machine(), **figures}, indent=1, sort_keys=True) + "\n")
        print(f"Saved: {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
