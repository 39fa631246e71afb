"""How fast files are sketched: `python benchmarks/kernels.py [--megabytes N] [--runs N] [--json]`.

The corpus is what Python files this environment has installed. Each step runs over all of it, in one thread, with
numba and without, and the median of CPU seconds counts, since others may share the machine. The time that the
kernels take to compile, or to be read from numba's cache, is told apart: it is paid once a process.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sysconfig
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from bigcode.testing.context import StageContext
from bigcode_dedup.config import MinHashConfig, WinnowConfig
from bigcode_dedup.copies.winnow import CopyPrints
from bigcode_dedup.minhash import MinHashClusters

TARGETS = {
    ("map", "numba"): 150, ("map", "numpy"): 8, ("shingle", "numba"): 200, ("winnow", "numba"): 120,
}  # fmt: skip
"""MB/s a core. `map` is words, shingles, 256 permutations and bands; `winnow` is digests and prints."""


def read_corpus(limit: int) -> pa.Table:
    """blob, content of distinct Python files of at most a megabyte, up to `limit` bytes in all.

    Each file's place in the order is by its digest, so that a small corpus is of all packages.
    """
    site = Path(sysconfig.get_path("purelib"))
    found = {}
    for path in site.rglob("*.py"):
        content = path.read_bytes()
        if len(content) <= 1_000_000:
            found[sha256(content).hexdigest()] = content
    blobs, size = [], 0
    for blob in sorted(found):
        if size + len(found[blob]) <= limit:
            blobs.append(blob)
            size += len(found[blob])
    return pa.table({"blob": blobs, "content": pa.array([found[blob] for blob in blobs], pa.binary())})


def steps(engine: Any) -> dict[str, Callable[[pa.Table], pa.Table]]:
    minhash, winnow = MinHashClusters(MinHashConfig(), engine), CopyPrints(WinnowConfig(), engine)
    return {
        "map": lambda table: minhash.map(table, StageContext()),
        "shingle": lambda table: minhash.shingle(table, StageContext()),
        "winnow": lambda table: winnow.run(table, StageContext()),
    }


def load_engines() -> dict[str, Any]:
    from bigcode_dedup import vectorised

    if importlib.util.find_spec("numba") is None:
        return {"numpy": vectorised}
    from bigcode_dedup import compiled

    return {"numba": compiled, "numpy": vectorised}


def seconds(step: Callable[[pa.Table], pa.Table], table: pa.Table) -> float:
    started = time.process_time()
    step(table)
    return time.process_time() - started


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the kernels of near-duplicates and copies.")
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    table = read_corpus(options.megabytes * 10**6)
    size = sum(map(len, table["content"].to_pylist())) / 1e6
    rows = []
    for name, engine in load_engines().items():
        for step, run in steps(engine).items():
            first = seconds(run, table.slice(0, 1))
            taken = statistics.median(seconds(run, table) for _ in range(options.runs))
            rows.append(
                {
                    "step": step,
                    "engine": name,
                    "speed": round(size / taken),
                    "target": TARGETS.get((step, name)),
                    "first": round(first * 1000),
                }
            )
    if options.json:
        corpus = {"files": table.num_rows, "megabytes": round(size, 1)}
        print(json.dumps({"unit": "MB/s a core", "corpus": corpus, "steps": rows}, indent=2))
        return 0
    print(f"{table.num_rows:,} files, {size:.1f} MB, medians of {options.runs}")
    print(f"{'step':<10}{'engine':<8}{'MB/s a core':>12}{'target':>9}{'first call, ms':>16}")
    for row in rows:
        print(
            f"{row['step']:<10}{row['engine']:<8}{row['speed']:>12}{row['target'] or '':>9}{row['first']:>16}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
