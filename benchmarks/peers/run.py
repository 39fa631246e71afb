"""Run the peers: `python benchmarks/peers/run.py [--peers NAME ...] [--corpus FOLDER] [--workers N] [--repeat N]`.

Each peer lives in an environment of its own, made once from `requirements/<peer>.txt`; `--install` stops there. What a
run kept goes to `<into>/<peer>/decisions.parquet` for `quality.py`, and its measures to `result.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import meter  # noqa: E402
from common import file_id, passes, read_rows  # noqa: E402
from corpus import CACHE  # noqa: E402


@dataclass(frozen=True, slots=True)
class Peer:
    """`python` is the version that it needs, where that differs from this one."""

    script: str
    does: str
    python: str = ""


PEERS = {
    "datatrove": Peer("datatrove_minhash.py", "read, filter, exact and near deduplication, write"),
    "datasketch": Peer("datasketch_minhash.py", "affine32 signatures, one process"),
    "rensa": Peer("rensa_minhash.py", "R-MinHash signatures, one process"),
    "text-dedup": Peer("textdedup_minhash.py", "read, filter, near deduplication, write"),
    "text-dedup-checked": Peer(
        "textdedup_minhash.py", "read, filter, near deduplication with its check, write", "3.12"
    ),
}


def python_of(name: str) -> Path:
    """The interpreter of a peer's environment, which is made if it is not there or its pins have changed.

    Raises:
        LookupError: when this machine has no Python of the version that the peer needs.
    """
    pins = HERE / "requirements" / f"{name}.txt"
    folder = CACHE / "venvs" / name
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    if stamp.exists() and stamp.read_bytes() == pins.read_bytes():
        return python
    base = _interpreter(PEERS[name].python)
    print(f"{name}: installing into {folder}", file=sys.stderr)
    subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "-qq", "--no-deps", "-r", pins], check=True)
    stamp.write_bytes(pins.read_bytes())
    return python


def _interpreter(version: str) -> str:
    if not version:
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    found = [shutil.which(f"python{version}"), *sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))]
    for candidate in found:
        # A shim of a version manager may be there without the version.
        if (
            candidate
            and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return candidate
    raise LookupError(f"it needs Python {version}, which is not on this machine")


def run_peer(name: str, corpus: Path, into: Path, workers: int) -> dict[str, Any]:
    """Run a peer once; returns its measures and writes its decisions.

    Raises:
        LookupError: when its environment cannot be made.
        RuntimeError: when it fails.
    """
    python, out = python_of(name), into / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    # Threads of a numeric library beside two worker processes would be more than the two workers that are compared.
    settings = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HOME": str(out / "huggingface"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    # Next to `requirements/` no name of a peer's package may lie, or it would hide the package.
    command = [python, HERE / PEERS[name].script, corpus, out, str(workers)]
    measured = meter.run(command, env={**os.environ, **settings}, log=out / "log.txt")
    inner = out / "inner.json"
    counts = write_decisions(corpus, out)
    return {
        "peer": name,
        "does": PEERS[name].does,
        "workers": workers,
        **measured.as_json(),
        **counts,
        **(json.loads(inner.read_text()) if inner.exists() else {}),
    }


def write_decisions(corpus: Path, out: Path) -> dict[str, int]:
    """`decisions.parquet`: id and `kept`, `filtered` or `removed`, from the ids in `kept/`; returns the counts."""
    kept = set(pq.read_table(out / "kept", columns=["id"])["id"].to_pylist())
    ids, decisions, size = [], [], 0
    for row in read_rows(corpus):
        name = file_id(row)
        ids.append(name)
        decisions.append("kept" if name in kept else "removed" if passes(row["content"]) else "filtered")
        size += len(row["content"].encode())
    pq.write_table(pa.table({"id": ids, "decision": decisions}), out / "decisions.parquet")
    return {"files": len(ids), "bytes": size} | {
        d: decisions.count(d) for d in ("kept", "filtered", "removed")
    }


def median_of(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The runs as one: medians of what was measured, all else as in the last."""
    merged = dict(runs[-1])
    for key in ("cpu_s", "wall_s", "peak_mb", "peak_anonymous_mb", "signing_cpu_s"):
        if key in merged:
            merged[key] = statistics.median(run[key] for run in runs)
    return {**merged, "runs": len(runs)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the peers over a corpus.")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--corpus", type=Path, default=CACHE / "corpus" / "XS")
    parser.add_argument("--into", type=Path, default=CACHE / "runs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--install", action="store_true", help="make the environments, and run nothing")
    options = parser.parse_args()
    failed = False
    for name in options.peers:
        try:
            if options.install:
                python_of(name)
                continue
            into = options.into / options.corpus.name
            runs = [run_peer(name, options.corpus, into, options.workers) for _ in range(options.repeat)]
        except (LookupError, RuntimeError, subprocess.CalledProcessError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
            continue
        result = {"corpus": options.corpus.name, **median_of(runs)}
        (into / name / "result.json").write_text(json.dumps(result, indent=1) + "\n")
        print(json.dumps(result))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
