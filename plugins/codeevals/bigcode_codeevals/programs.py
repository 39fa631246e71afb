"""The evaluator whose completions are run: pass@k of a suite of programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bigcode.api import Fact, ProcessContext
from bigcode.api.canonical import canonical
from bigcode_codeevals.config import ProgramsConfig
from bigcode_codeevals.contamination import standing, tell
from bigcode_codeevals.facts import harness_facts, harness_of, sampling_facts
from bigcode_codeevals.generate import Generator, Request, lay_out
from bigcode_codeevals.measures import interval_of_mean, pass_at_k
from bigcode_codeevals.sandbox.limits import Limits
from bigcode_codeevals.sandbox.pool import Job, Sandbox
from bigcode_codeevals.suites.choose import Suite, programs
from bigcode_codeevals.suites.tasks import Task

COMPONENT = "codeevals.programs"
REASONS = ("wrong", "raised", "load", "exited", "cpu", "wall", "reply")


class Programs:
    """A process with the input `model`, and the output `results`: results.json, which names tasks and no text.

    Optional: the parameter `decontamination` and the facts of the input `verdicts` (see `contamination`).
    """

    def __init__(self, config: ProgramsConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        """Draw completions, run them, count.

        The sandbox is started first: where there is none, nothing is drawn.

        Raises:
            Problem: E806 without a sandbox, E807 when it breaks, E702, E708 or E307 for the suite, E805 for the model.
        """
        config = self.config
        suite = programs(config)
        seed = config.seed + int(ctx.params.get("seed", 0))
        with Sandbox(limits_of(config), config.workers) as sandbox:
            generator = Generator(lay_out(ctx), config.sampling, seed)
            jobs = completed(suite.tasks, generator, config, ctx)
            counts: dict[str, Counter[str]] = {task.id: Counter() for task in suite.tasks}
            for verdict in sandbox.judge(jobs):
                task_id = verdict.key.rpartition("/")[0]
                counts[task_id][verdict.reason or "passed"] += 1
            contained = sandbox.version
        results = {
            "component": COMPONENT,
            "suite": suite.name,
            "sha256": suite.sha256,
            "seed": seed,
            "tasks": {task: dict(sorted(found.items())) for task, found in counts.items()},
        }
        path = ctx.scratch / "results.json"
        path.write_bytes(canonical(results))
        ctx.save("results", path)
        read = tuple(entry.digest for entry in ctx.entries("model"))
        harness = harness_of(COMPONENT, suite.sha256, config, {"bubblewrap": contained})
        for fact in (
            *score_facts(suite, counts, config, read),
            *tell(ctx, standing(ctx, suite.names, suite.sha256), suite.name),
            *sampling_facts(suite.name, config.sampling, stops(suite)),
            *limit_facts(suite.name, config),
            *harness_facts(suite.name, suite.sha256, harness, {"bubblewrap": contained}),
        ):
            ctx.fact(fact)


def limits_of(config: ProgramsConfig) -> Limits:
    limits = config.limits
    return Limits(
        memory=limits.memory,
        processes=limits.processes,
        cpu=max(1, round(limits.cpu)),
        wall=limits.wall,
        disk=limits.disk,
        file=limits.disk,
        output=limits.output,
    )


def completed(
    tasks: Sequence[Task], generator: Generator, config: ProgramsConfig, ctx: ProcessContext
) -> Iterator[Job]:
    """A job for each completion, as they are drawn."""
    by_key = {f"{task.id}/{n}": task for task in tasks for n in range(config.sampling.samples)}
    requests = [
        Request(key, config.prefix + task.prompt, task.suffix, task.stop) for key, task in by_key.items()
    ]
    for completion in generator.complete(requests, ctx.progress):
        yield by_key[completion.key].job(completion.key, completion.text, config.argv)


def stops(suite: Suite[Task]) -> Sequence[str]:
    return sorted({stop for task in suite.tasks for stop in task.stop})


def score_facts(
    suite: Suite[Task], counts: Mapping[str, Mapping[str, int]], config: ProgramsConfig, read: tuple[str, ...]
) -> Sequence[Fact]:
    n = config.sampling.samples
    group = f"{{suite={suite.name}}}"
    total: Counter[str] = Counter()
    for found in counts.values():
        total.update(found)
    facts = [
        Fact(f"tasks{group}", len(counts), "task", label="Tasks", inputs=read),
        Fact(f"samples{group}", n * len(counts), label="Programs that were run", inputs=read),
        Fact(f"samples.passed{group}", total["passed"], label="Programs that passed", inputs=read),
    ]
    for reason in REASONS:
        facts.append(
            Fact(
                f"samples.failed.{reason}{group}",
                total[reason],
                label=f"Programs that failed: {reason}",
                inputs=read,
            )
        )
    for k in sorted(set(config.k)):
        values = [pass_at_k(n, found.get("passed", 0), k) for found in counts.values()]
        facts.append(
            Fact(
                f"pass_at_{k}{group}",
                sum(values) / len(values),
                label="pass@k",
                method="unbiased over the samples of a task, mean over tasks; percentile bootstrap over tasks",
                interval=interval_of_mean(values, config.confidence, config.bootstrap, config.seed),
                inputs=read,
            )
        )
    return facts


def limit_facts(suite: str, config: ProgramsConfig) -> Sequence[Fact]:
    group = f"{{suite={suite}}}"
    limits: Mapping[str, Any] = {
        "cpu": (config.limits.cpu, "s", "Processor time of a program"),
        "wall": (config.limits.wall, "s", "Time of a program by the clock"),
        "memory": (config.limits.memory, "B", "Memory of a program"),
        "processes": (config.limits.processes, "1", "Processes of a program"),
    }
    return [
        Fact(f"limit.{name}{group}", value, unit, label=label)
        for name, (value, unit, label) in limits.items()
    ]
