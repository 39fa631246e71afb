"""The training loop of `loop.py` with the loss of tags, and with a look at the development part now and then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from bigcode_train.training.loop import Report, Trainer
from bigcode_train.training.ranks import sum_over_ranks
from bigcode_train.watch.watching import Answer, StepResult


class Enough(Exception):
    """The development part has not got better for so long that training stops."""


class Judge(Protocol):
    """Says how good the model is, on all ranks the same: higher is better, compared from the first number on."""

    def __call__(self) -> tuple[float, ...]: ...


@dataclass
class Development:
    """How the development part went: the best score, its step, how many looks went by since, and all scores.

    It takes the place of a watcher, so that a checkpoint holds what it says.
    """

    best: tuple[float, ...] | None = None
    step: int = 0
    seen: int = 0
    since: int = 0
    scores: tuple[tuple[int, tuple[float, ...]], ...] = ()

    def note(self, step: int, score: tuple[float, ...]) -> bool:
        """Take a score in; whether it is the best one so far."""
        self.seen, self.scores = step, (*self.scores, (step, score))
        better = self.best is None or score > self.best
        self.since = 0 if better else self.since + 1
        if better:
            self.best, self.step = score, step
        return better

    def wants_layers(self, step: int) -> bool:
        return False

    def before_step(self, step: int, model: Any) -> None:
        pass

    def after_step(self, result: StepResult, model: Any, optimizer: Any) -> Answer:
        return None

    def state(self) -> Mapping[str, Any]:
        return {
            "best": self.best,
            "step": self.step,
            "seen": self.seen,
            "since": self.since,
            "scores": self.scores,
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        self.best = None if state["best"] is None else tuple(state["best"])
        self.step, self.seen, self.since = state["step"], state["seen"], state["since"]
        self.scores = tuple((step, tuple(score)) for step, score in state["scores"])


class TagTrainer(Trainer):
    """Trains a token classifier along a course of windows. Checkpoints hold the best weights beside the last ones, so
    that a run that goes on stops at the same step with the same weights."""

    def __init__(self, spread: Any, course: Any, run: Any, checkpoints: Any) -> None:
        self.development = Development()
        super().__init__(spread, course, run, checkpoints, (self.development,))
        self.judge: Judge | None = None
        """Without one, training goes to the end and keeps the last weights."""
        self._best = {name: weight.detach().clone() for name, weight in self._named}

    def train(self, report: Report) -> None:
        """Go on to the last step, or until the development part says that it is enough, and take the best weights."""
        try:
            super().train(report)
            self._look(self.step)
        except Enough:
            self._finish(report)
        if self.judge is not None:
            with torch.no_grad():
                for name, weight in self._named:
                    weight.copy_(self._best[name])
            self.spread.publish()

    def _advance(self, rows: Tensor) -> tuple[StepResult, bool]:
        if self.step and self.step % self.run.config.evaluate_every == 0:
            self._look(self.step)
        return super()._advance(rows)

    def _look(self, step: int) -> None:
        """Judge the weights after `step` steps, unless that is done.

        Raises:
            Enough: they have not got better for `patience` looks.
        """
        if self.judge is None:
            return
        patience = self.run.config.patience
        if self.development.seen != step:
            self.spread.network.eval()
            with torch.inference_mode():
                score = self.judge()
            self.spread.network.train()
            if self.development.note(step, score):
                for name, weight in self._named:
                    self._best[name].copy_(weight.detach())
        if patience and self.development.since >= patience:
            raise Enough

    def _compute(self, rows: Tensor) -> tuple[float, bool]:
        run, layout = self.run, self.run.layout
        whole = self.course.weight(self.step + 1) or 1.0  # type: ignore[attr-defined]
        total = torch.zeros((), dtype=torch.float64, device=run.device)
        parts: Sequence[Tensor] = rows.split(run.config.micro_batch or len(rows))
        for number, part in enumerate(parts, 1):
            ids, mask, tags = part.to(run.device, non_blocking=True).unbind(1)
            loss, _ = self.spread.network(ids, mask, tags)
            total += loss.detach().double() / whole
            # Gradients are averaged over ranks, and the loss is the mean over the tokens of them all.
            self.spread.backward(loss * (layout.parts / whole), last=number == len(parts))
        told = torch.stack((total, total.new_tensor(self._stop)))
        loss_of_all, stop = sum_over_ranks(told, layout.world).tolist()
        return loss_of_all, stop > 0

    def _tensors(self) -> dict[str, Tensor]:
        return {**super()._tensors(), **{f"best/{name}": value for name, value in self._best.items()}}
