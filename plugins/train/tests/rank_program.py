"""One rank of a training job, started by torchrun: `rank_program.py JOB.json`.

Rank 0 writes `facts.json`, `warnings.json` and, as it goes, `points.jsonl` beside the job's scratch folder. With
`kill_at` rank 0 kills itself with SIGKILL when it reports that step, as a machine that loses power would.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bigcode.api import Problem
from bigcode.testing.context import JobContext
from bigcode_train.causal_lm import CausalLM
from bigcode_train.config import CausalLMConfig


@dataclass
class RankContext(JobContext):
    """Writes points at once, so that they outlive the process."""

    kill_at: int | None = None

    def point(self, series: str, step: int, values: Mapping[str, float]) -> None:
        super().point(series, step, values)
        with (self.scratch.parent / "points.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.points[-1]) + "\n")
        if step == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def main(job_file: str) -> int:
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    config = CausalLMConfig.model_validate(job["config"])
    inputs = {
        name: {entry: Path(path) for entry, path in files.items()} for name, files in job["inputs"].items()
    }
    scratch = Path(job["scratch"])
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    context = RankContext(
        config, scratch, job["params"], inputs, rank=rank, world=world, kill_at=job.get("kill_at")
    )
    try:
        CausalLM(config).run(context)
    except Problem as problem:
        print(problem, file=sys.stderr)
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
