"""The program of a process node: `python -m bigcode.run.job JOB.json`, on each rank."""

from __future__ import annotations

import json
import os
import shutil
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from bigcode.api.components import load_object
from bigcode.api.diagnostics import Diagnostic, Problem
from bigcode.api.facts import Fact
from bigcode.api.shapes import Entry
from bigcode.run.meter import metering


class JobContext:
    """What a process component is given (see `bigcode.api.shapes.ProcessContext`)."""

    def __init__(self, job: Mapping[str, Any], folder: Path) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.config = load_object(job["config_class"]).model_validate(job["config"])
        self.params: Mapping[str, Any] = job["params"]
        self.rng = Random(int(job["key"][:16], 16))
        self.scratch = folder / "scratch"
        self.scratch.mkdir(exist_ok=True)
        self.out = folder / "out"
        self.recorded: list[Fact] = []
        self.warnings: list[Diagnostic] = []
        self._inputs = {n: [Entry(*e[:4]) for e in entries] for n, entries in job["inputs"].items()}
        self._paths = {e[1]: e[4] for entries in job["inputs"].values() for e in entries}
        self._facts = {n: [Fact.from_json(f) for f in facts] for n, facts in job["facts"].items()}
        self._folder = folder

    def entries(self, name: str) -> Sequence[Entry]:
        return self._inputs.get(name, [])

    def path(self, entry: Entry) -> Path:
        return Path(self._paths[entry.digest])

    def facts(self, name: str) -> Sequence[Fact]:
        """Facts of the input `name` and of those that are numbered below it (`stages`, `stages.0` ...)."""
        return [
            f
            for key, facts in sorted(self._facts.items())
            if key == name or key.startswith(f"{name}.")
            for f in facts
        ]

    def fact(self, fact: Fact) -> None:
        if self.rank == 0:
            self.recorded.append(fact)

    def warn(self, diagnostic: Diagnostic) -> None:
        if self.rank == 0:
            self.warnings.append(diagnostic)

    def progress(self, done: int, total: int) -> None:
        if self.rank == 0:
            write_json(self._folder / "progress.json", [done, total])

    def save(self, output: str, path: Path, name: str = "") -> None:
        if self.rank:
            return
        target = self.out / output
        target.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            destination = target / (name or path.name)
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, destination)

    def point(self, series: str, step: int, values: Mapping[str, float]) -> None:
        if self.rank == 0:
            with (self._folder / "journal.jsonl").open("a") as stream:
                stream.write(json.dumps({"series": series, "step": step, **values}) + "\n")


def write_json(path: Path, value: Any) -> None:
    """Replace a file so that a reader sees the old or the new one."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value))
    partial.replace(path)


def main(path: str) -> int:
    """Run the job; rank 0 leaves `result.json`, any rank that fails leaves `problem.json`."""
    from bigcode.run.executors import die_with_parent

    die_with_parent()
    folder = Path(path).parent
    job = json.loads(Path(path).read_text())
    ctx = JobContext(job, folder)
    # What is computed again to the same bytes has no room for what a clock or a counter says.
    metered = metering(folder, job["node"].partition("#")[2], ctx) if job.get("recorded") else nullcontext()
    try:
        with metered:
            load_object(job["factory"])(ctx.config).run(ctx)
    except Problem as problem:
        _leave_problem(folder, list(problem.diagnostics))
        return 1
    except Exception as error:
        message = f"{job['node']}: {type(error).__name__}: {error}".rstrip()
        _leave_problem(folder, [Diagnostic("E508", message, hint=f"The log is {folder / 'log.txt'}.")])
        return 1
    if ctx.rank == 0:
        write_json(
            folder / "result.json",
            {
                "facts": [f.as_json() for f in ctx.recorded],
                "warnings": [w.as_json() for w in ctx.warnings],
                "files": {
                    n: _digests(ctx.out / n)
                    for n in (sorted(os.listdir(ctx.out)) if ctx.out.exists() else ())
                },
            },
        )
    return 0


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): sha256(p.read_bytes()).hexdigest() for p in files}


def _leave_problem(folder: Path, diagnostics: list[Diagnostic]) -> None:
    traceback.print_exc()
    if not (folder / "problem.json").exists():
        write_json(folder / "problem.json", [d.as_json() for d in diagnostics])


if __name__ == "__main__":
    code = main(sys.argv[1])
    sys.stdout.flush()
    sys.stderr.flush()
    # gloo's threads can abort the interpreter while it shuts down; the result is on disk already.
    os._exit(code)
