"""Turns what the loop tells into points, progress and facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from bigcode.api import Diagnostic, Fact, ProcessContext
from bigcode_train.network.model import count_parameters, estimate_flops
from bigcode_train.tokens.token_files import TokenFiles
from bigcode_train.training.loop import Report, Trainer
from bigcode_train.training.stopwatch import Stopwatch
from bigcode_train.watch.watching import StepResult


class Account:
    """What a run says about itself; silent on all ranks but the first, which alone has a `watch`."""

    def __init__(self, ctx: ProcessContext, trainer: Trainer, watch: Stopwatch | None) -> None:
        self.ctx, self.trainer, self.watch = ctx, trainer, watch
        self._first_step = trainer.step
        self._ready = watch.now if watch else 0.0

    def report(self, also: Callable[[int], None] = lambda step: None) -> Report:
        """What the loop is given; `also` is told each step, on every rank."""

        def stepped(step: int) -> None:
            also(step)
            self.tick(step)

        return Report(stepped, self.log, self.warn)

    def log(self, result: StepResult) -> None:
        if self.watch is None:
            return
        seconds, _ = self.watch.mark()
        values = {
            "loss": result.loss,
            "lr": result.lr,
            "grad_norm": result.grad_norm,
            "tokens": float(self.trainer.course.tokens(result.step)),
            "seconds": seconds,
        }
        self.ctx.point("train", result.step, values)

    def tick(self, step: int) -> None:
        if self.watch is None:
            return
        self.ctx.progress(step, self.trainer.course.steps)
        if digest := self.trainer.course.digest(step):
            self.ctx.point("order", step, {"digest": digest})

    def warn(self, message: str) -> None:
        self.ctx.warn(Diagnostic("E804", message, severity="warning"))

    def facts(self, sources: Sequence[TokenFiles]) -> Iterator[Fact]:
        """What cards print about this run. Times cover all attempts; the rate covers the last one."""
        assert self.watch is not None
        seconds, device_seconds = self.watch.mark()
        trainer, run, course = self.trainer, self.trainer.run, self.trainer.course
        seen = course.tokens(course.steps)
        batch = run.config.batch
        flops = sum(
            estimate_flops(trainer.model, stage.context) * stage.steps * batch * stage.context
            for stage in course.stages
        )
        here = seen - course.tokens(self._first_step)
        rate = here / (self.watch.now - self._ready) if here else None
        name = "bfloat16" if run.dtype == torch.bfloat16 else "float32"
        yield Fact("parameters", count_parameters(trainer.model), "parameter", label="Parameters")
        yield Fact("steps", course.steps, "step", label="Optimizer steps")
        yield Fact("steps.skipped", trainer.skipped, "step", label="Steps thrown away")
        yield Fact("tokens.seen", seen, "token", label="Tokens trained on")
        for (source, language), tokens in sorted(course.count_tokens().items()):
            where = ",".join(
                f"{name}={value}" for name, value in (("language", language), ("source", source)) if value
            )
            yield Fact(
                f"tokens.seen{{{where}}}",
                tokens,
                "token",
                label="Tokens trained on, by source and language",
                method="by the shares of the mixture",
            )
        yield Fact("documents.seen", course.count_documents(), "document", label="Documents trained on")
        held = sum(files.header["tokens"] for files in sources)
        yield Fact("epochs", seen / held, "1", label="Passes over the tokens")
        yield Fact("loss.first", trainer.losses.first, "nat/token", label="First training loss")
        yield Fact(
            "loss.final",
            trainer.losses.final,
            "nat/token",
            label="Final training loss",
            method="mean of the last logged losses",
        )
        yield Fact(
            "flops",
            flops,
            "FLOP",
            kind="estimated",
            label="Operations of training",
            method="forward and backward matrix products and causal attention, counted from the model's shapes",
        )
        yield from time_facts(seconds, device_seconds)
        yield Fact(
            "throughput", rate, "token/s", label="Training rate", method="last attempt, without its start"
        )
        yield Fact("world", run.layout.world, "device", label="Training processes")
        yield Fact("precision", name, "text", label="Arithmetic of matrix products")


def time_facts(seconds: float, device_seconds: float) -> Iterator[Fact]:
    """What all attempts at a training took together."""
    yield Fact("wall", seconds, "s", label="Wall time of training", method="all attempts")
    yield Fact(
        "device.hours",
        device_seconds / 3600,
        "device*h",
        label="Device hours of training",
        method="wall time of each attempt times its processes",
    )
