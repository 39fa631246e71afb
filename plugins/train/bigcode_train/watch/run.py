"""What watches a run: one watcher of the loop that throws steps away, looks inside and tells what it saw.

Every rank has one, and all answer alike. The first rank alone looks at activations, ranks the documents of a spike,
and writes points (`layers`, `ranges`, `spikes`, `skipped`), files and facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bigcode.api import Fact, ProcessContext
from bigcode_train.watch.config import WatchConfig
from bigcode_train.watch.guards import Guard, Spike, SpikeScore
from bigcode_train.watch.layers import LOGITS, Ranges
from bigcode_train.watch.spikes import Examiner, SpikeFiles, name_documents
from bigcode_train.watch.watching import Answer, StepResult

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

    from bigcode_train.network.network import Network
    from bigcode_train.training.stages import Course, Rows, Stage

OUTPUT = "spikes"
"""The output that holds the report of spikes."""
_SCORED = {"loss": "the loss", "grad_norm": "the gradient's norm"}


def open_watch(
    ctx: ProcessContext,
    config: WatchConfig,
    network: Network,
    course: Course,
    open_rows: Callable[[Stage], Rows],
    vocabulary: Tokenizer,
    end: int,
) -> Watch:
    """The watcher of a run. `network` is what computes, `open_rows` makes the rows of a stage a second time."""
    examiner = (
        Examiner(network, course, open_rows, vocabulary, end, config.excerpt) if ctx.rank == 0 else None
    )
    return Watch(ctx, config, examiner)


class Watch:
    """A `watching.Watcher`. `examiner` is None on all ranks but the first."""

    def __init__(self, ctx: ProcessContext, config: WatchConfig, examiner: Examiner | None) -> None:
        self.ctx, self.config, self.examiner = ctx, config, examiner
        self.guard = Guard(config)
        self.scores = {name: SpikeScore() for name in _SCORED}
        self.files = SpikeFiles(ctx.scratch / OUTPUT)
        self._ranges = Ranges()
        self._largest = {"activations": 0.0, LOGITS: 0.0}
        self._last = 0

    def wants_layers(self, step: int) -> bool:
        return step == 1 or step % self.config.every == 0

    def before_step(self, step: int, model: PreTrainedModel) -> None:
        if self.examiner is not None and self.wants_layers(step):
            self._ranges.attach(model)

    def after_step(
        self, result: StepResult, model: PreTrainedModel, optimizer: torch.optim.Optimizer
    ) -> Answer:
        self._last = result.step
        spike = self.guard.see(result)
        self.scores["loss"].add(result.loss)
        self.scores["grad_norm"].add(result.grad_norm)
        if self.examiner is not None:
            self._tell(result, spike, self.examiner)
        return self.guard.answer(spike)

    def state(self) -> Mapping[str, Any]:
        return {
            "guard": self.guard.state(),
            "scores": {name: score.state() for name, score in self.scores.items()},
            "largest": dict(self._largest),
            "last": self._last,
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        self.guard.resume(state.get("guard", {}))
        for name, score in self.scores.items():
            score.resume(state.get("scores", {}).get(name, {}))
        self._largest |= state.get("largest", {})
        self._last = state.get("last", 0)
        if self.examiner is not None:
            self.files.forget(self._last)

    def finish(self) -> None:
        """Hand the report of spikes over; on the first rank, after the last step."""
        folder = self.ctx.scratch / "spike-report"
        if self.examiner is not None and self.files.lay_out(folder):
            for path in sorted(Path(folder).iterdir()):
                self.ctx.save(OUTPUT, path)

    def facts(self) -> Iterator[Fact]:
        """What cards print of it."""
        rule = "loss or gradient norm above the running mean by more deviations than the settings allow"
        yield Fact("spikes", self.guard.spikes, "step", label="Steps that stood out", method=rule)
        for name, what in _SCORED.items():
            yield Fact(
                f"spike.score{{of={name}}}",
                self.scores[name].value,
                "1",
                label=f"Spike score of {what}",
                method="share of steps seven deviations or more from the mean of up to a thousand steps before",
            )
        where = "steps that were looked at, rows of the first rank"
        words = {"activations": "Greatest activation of a layer", LOGITS: "Greatest logit"}
        for name, greatest in self._largest.items():
            if greatest:
                yield Fact(f"largest{{of={name}}}", greatest, "1", label=words[name], method=where)

    def _tell(self, result: StepResult, spike: Spike | None, examiner: Examiner) -> None:
        if result.layers:
            self.ctx.point("layers", result.step, dict(result.layers))
        if ranges := self._ranges.take():
            self.ctx.point("ranges", result.step, ranges)
            for name, value in ranges.items():
                if name.endswith(".max"):
                    kind = LOGITS if name == f"{LOGITS}.max" else "activations"
                    self._largest[kind] = max(self._largest[kind], value)
        if spike is not None:
            ranked = self.guard.spikes <= self.config.reported
            rows = examiner.rank(result.step) if ranked else examiner.name(result.step)
            self.files.write(spike, rows)
            self.ctx.point("spikes", result.step, {**spike.point(), "documents": name_documents(rows)})
            if spike.skipped:
                self.ctx.point("skipped", result.step, {"count": float(self.guard.skipped)})
