"""One rank of a training job, started by torchrun: `rank_program.py JOB.json`.

Rank 0 writes `facts.json`, `warnings.json` and, as it goes, `points.jsonl` beside the job's scratch folder; a rank
that is refused writes `problem-RANK.txt`. A `fault` names a rank, a step and a signal that the rank sends to itself
when it has computed that step, as a machine that loses power would (KILL) or one that is taken away (TERM), or HANG;
with `absent` the rank of that number never joins the others. `full` is a step from which on no file can grow beyond
some bytes.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bigcode.api import Problem
from bigcode.testing.context import JobContext
from bigcode_train.config import CausalLMConfig
from bigcode_train.training.causal_lm import CausalLM
from bigcode_train.watch.watching import StepResult


@dataclass
class RankContext(JobContext):
    """Writes points at once, so that they outlive the process."""

    def point(self, series: str, step: int, values: Mapping[str, float]) -> None:
        super().point(series, step, values)
        with (self.scratch.parent / "points.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.points[-1]) + "\n")


@dataclass
class Fault:
    """A watcher that harms its own rank."""

    rank: int
    job: Mapping[str, Any]
    norms: dict[int, dict[str, float]] = field(default_factory=dict)

    def wants_layers(self, step: int) -> bool:
        return False

    def before_step(self, step: int, model: Any) -> None:
        full = self.job.get("full")
        if full and step in (full["from"], full["to"]):
            size = full["bytes"] if step == full["from"] else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def after_step(self, result: StepResult, model: Any, optimizer: Any) -> str | None:
        fault = self.job.get("fault")
        if fault and (fault["rank"], fault["step"]) == (self.rank, result.step):
            if fault["signal"] == "HANG":
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                time.sleep(3600)
            os.kill(os.getpid(), getattr(signal, f"SIG{fault['signal']}"))
        return "skip" if result.step in self.job.get("skip", ()) else None

    def state(self) -> Mapping[str, Any]:
        return {}

    def resume(self, state: Mapping[str, Any]) -> None:
        pass


def main(job_file: str) -> int:
    # As the project's own launcher does: a rank does not outlive what started it.
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    config = CausalLMConfig.model_validate(job["config"])
    inputs = {
        name: {entry: Path(path) for entry, path in files.items()} for name, files in job["inputs"].items()
    }
    scratch = Path(job["scratch"])
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if rank == job.get("absent"):
        time.sleep(3600)
    context = RankContext(config, scratch, job["params"], inputs, rank=rank, world=world)
    try:
        CausalLM(config, [Fault(rank, job)]).run(context)
    except Problem as problem:
        (scratch.parent / f"problem-{rank}.txt").write_text(str(problem), encoding="utf-8")
        return 1
    if rank == 0:
        facts = {fact.id: fact.value for fact in context.recorded}
        (scratch.parent / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
        warnings = [str(warning) for warning in context.warnings]
        (scratch.parent / "warnings.json").write_text(json.dumps(warnings), encoding="utf-8")
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1])
    sys.stdout.flush()
    sys.stderr.flush()
    # gloo's threads may abort the interpreter while it shuts down; the work is done and flushed.
    os._exit(code)
