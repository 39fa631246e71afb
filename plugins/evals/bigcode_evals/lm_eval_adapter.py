"""Tasks of EleutherAI's lm-eval harness, run in the environment where it is installed.

The harness is no dependency: a user installs it. Nothing is fetched, remote code is not run, and tasks that would run
what the model writes are refused, as the harness runs it without a sandbox.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from statistics import NormalDist
from typing import Any

from bigcode.api import Fact, Problem, ProcessContext, fail
from bigcode.api.canonical import canonical
from bigcode_evals.config import LmEvalConfig
from bigcode_evals.folders import lay_out
from bigcode_evals.harness import digests, harness_facts

NAME, BEHAVIOUR = "evals.lm-eval", 1
NO_HARNESS = "E814"
"""What a user is told where the harness is not installed, or cannot read a task without fetching something."""
_PROGRAM = Path(__file__).with_name("lm_eval_program.py")
_PACKAGES = ("torch", "transformers", "tokenizers", "datasets", "numpy")
_HINT = "Install it in an environment of its own (`pip install lm-eval[hf]`) and name its Python in `interpreter`."
_NOT = re.compile(r"[^A-Za-z0-9_.-]+")


class LmEval:
    """A process with the input `model` and the output `results`: results.json.

    The results hold the harness's aggregates by task, and no document.
    """

    def __init__(self, config: LmEvalConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        """Run the tasks.

        Raises:
            Problem: E814 when the harness is not there or cannot load a task offline, E702 when the folder of tasks
                is another one, E806 when a task runs what the model writes, E508 when the harness ends otherwise.
        """
        config = self.config
        if config.task_folder and digest_of_folder(Path(config.task_folder)) != config.task_digest:
            raise fail(
                "E702", "the folder of tasks is missing or has another digest", hint="Mend `taskFolder`."
            )
        seed = (int(ctx.params.get("seed", 0)) * 1_000_003 + config.seed) % 2**31
        said = self._launch(ctx, seed)
        aggregates = {
            name: {key: value for key, value in sorted(row.items()) if _is_number(value)}
            for name, row in sorted(said["results"].items())
        }
        settings = {name: _digest_of_settings(value) for name, value in sorted(said["configs"].items())}
        results = {
            "configs": settings,
            "harness": said["version"],
            "items": said["n-samples"],
            "results": aggregates,
            "versions": said["versions"],
        }
        path = ctx.scratch / "results.json"
        path.write_bytes(canonical(results))
        ctx.save("results", path)
        read = digests(ctx, "model")
        packages = {"lm-eval": said["version"], **said["packages"]}
        for task, row in aggregates.items():
            for fact in self._facts(task, row, said, settings.get(task, ""), read):
                ctx.fact(fact)
            known = [settings.get(task, ""), str(said["versions"].get(task, ""))]
            for fact in harness_facts(f"lm-eval.{task}", BEHAVIOUR, config, known, seed, packages):
                ctx.fact(fact)

    def _launch(self, ctx: ProcessContext, seed: int) -> Mapping[str, Any]:
        config = self.config
        job, answer = ctx.scratch / "lm_eval_job.json", ctx.scratch / "lm_eval_answer.json"
        answer.unlink(missing_ok=True)
        said = {
            "model": str(lay_out(ctx)),
            "tasks": list(config.tasks),
            "few_shot": config.few_shot,
            "items": config.items,
            "bootstrap": config.bootstrap,
            "task_folder": config.task_folder,
            "batch": config.batch,
            "device": config.device,
            "threads": config.threads,
            "seed": seed,
            "packages": _PACKAGES,
        }
        job.write_text(json.dumps(said))
        command = [config.interpreter or sys.executable, "-I", str(_PROGRAM), str(job), str(answer)]
        environment = dict(os.environ) | {
            "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "HF_ALLOW_CODE_EVAL": "0",
        }  # fmt: skip
        if config.cache:
            environment["HF_HOME"] = config.cache
        with (ctx.scratch / "lm_eval.log").open("w") as log:
            try:
                subprocess.run(
                    command, stdout=log, stderr=log, env=environment, timeout=config.timeout, cwd=ctx.scratch,
                    stdin=subprocess.DEVNULL, check=False,
                )  # fmt: skip
            except OSError:
                raise fail(NO_HARNESS, "the interpreter of lm-eval cannot be started", hint=_HINT) from None
            except subprocess.TimeoutExpired:
                raise fail(
                    "E508", "lm-eval took longer than `timeout`", hint="Raise it, or ask for fewer items."
                ) from None
        try:
            found: dict[str, Any] = json.loads(answer.read_text())
        except (OSError, ValueError):
            raise fail("E508", "lm-eval ended without a result", hint=f"Its log is {log.name}.") from None
        if "error" in found:
            raise _refusal(found, log.name)
        return found

    def _facts(
        self,
        task: str,
        row: Mapping[str, float],
        said: Mapping[str, Any],
        settings: str,
        read: tuple[str, ...],
    ) -> Sequence[Fact]:
        suite = f"lm-eval.{task}"
        group, version = f"{{suite={suite}}}", str(said["versions"].get(task, ""))
        facts = [
            Fact(f"lm_eval.task.version{group}", version, "text", label="Version of the task"),
            Fact(f"lm_eval.task.sha256{group}", settings, "text", label="Digest of the task's settings"),
        ]
        if (items := said["n-samples"].get(task)) is not None:
            facts.append(
                Fact(
                    f"lm_eval.items{group}",
                    int(items["effective"]),
                    "task",
                    label="Items",
                    inputs=read,
                )
            )
        z = NormalDist().inv_cdf((1 + self.config.confidence) / 2)
        for key, value in sorted(row.items()):
            name, _, chosen = key.partition(",")
            if name.endswith("_stderr") or name == "sample_len":
                continue
            error = row.get(f"{name}_stderr,{chosen}")
            # An error of nothing is no certainty: all answers were alike.
            half = z * error if error else None
            member = f"filter={chosen},suite={suite}" if chosen not in ("", "none") else f"suite={suite}"
            facts.append(
                Fact(
                    f"lm_eval.{_NOT.sub('_at_' if '@' in name else '_', name)}{{{member}}}",
                    value,
                    "bit/B" if name == "bits_per_byte" else "1",
                    kind="measured" if half is None else "estimated",
                    label=name.replace("_", " ") if not any(c.isdigit() for c in name) else "Score",
                    method="as lm-eval aggregates it; interval from its standard error, normal",
                    interval=None if half is None else (value - half, value + half),
                    inputs=read,
                )
            )
        return facts


def digest_of_folder(folder: Path) -> str:
    """SHA-256 over the names and contents of all files below a folder; empty where there is none."""
    if not folder.is_dir():
        return ""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    listed = [[str(p.relative_to(folder)), sha256(p.read_bytes()).hexdigest()] for p in files]
    return sha256(canonical(listed)).hexdigest()


def _digest_of_settings(value: Mapping[str, Any]) -> str:
    """Of what the harness says of a task, but for what it says of the model and of places on this machine."""
    left_out = ("metadata", "dataset_kwargs")
    kept = {k: v for k, v in value.items() if k not in left_out}
    return sha256(
        json.dumps(kept, sort_keys=True, default=lambda item: type(item).__name__).encode()
    ).hexdigest()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refusal(found: Mapping[str, Any], log: str) -> Problem:
    match found["error"]:
        case "absent":
            return fail(NO_HARNESS, "lm-eval is not installed", hint=_HINT)
        case "import":
            return fail(NO_HARNESS, f"lm-eval lacks the module `{found.get('module')}`", hint=_HINT)
        case "unsafe":
            return fail(
                "E806", "lm-eval would run what the model writes, without a sandbox",
                hint="Use `codeevals.programs` for such tasks.",
            )  # fmt: skip
        case "offline" | "ConnectionError":
            return fail(
                NO_HARNESS, "lm-eval cannot load a task's data without the network",
                hint="Fetch it before, and name the folder in `cache`.",
            )  # fmt: skip
        case kind:
            return fail("E508", f"lm-eval ended with {kind}", hint=f"Its log is {log}.")
