"""How long the command line takes to answer: `python benchmarks/startup.py [--runs N] [--json]`.

Each command is a process of its own, as a person starts it; the median counts, since the first run reads files
into the system's cache and others share the machine. Exits 1 when a median is over its target.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIGCODE = Path(sys.executable).with_name("bigcode")
TARGETS: dict[tuple[str, ...], int] = {
    ("--help",): 150,
    ("validate", "specs/demo"): 600,
    ("plan", "specs/demo"): 600,
}
"""Commands and what they may take, in milliseconds."""


def measure(arguments: Sequence[str], runs: int) -> list[float]:
    """Milliseconds of each run, sorted.

    Raises:
        subprocess.CalledProcessError: when the command fails.
    """
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run([BIGCODE, *arguments], cwd=ROOT, check=True, capture_output=True)
        taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the start of the command line.")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for arguments, target in TARGETS.items():
        taken = measure(arguments, options.runs)
        rows.append(
            {
                "command": " ".join(("bigcode", *arguments)),
                "median": round(statistics.median(taken)),
                "fastest": round(taken[0]),
                "target": target,
            }
        )
    if options.json:
        print(json.dumps({"unit": "ms", "runs": options.runs, "commands": rows}, indent=2))
    else:
        print(f"{'command':<32}{'median':>9}{'fastest':>9}{'target':>9}   ({options.runs} runs, ms)")
        for row in rows:
            mark = "" if row["median"] <= row["target"] else "   over"
            print(f"{row['command']:<32}{row['median']:>9}{row['fastest']:>9}{row['target']:>9}{mark}")
    return int(any(row["median"] > row["target"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
