"""The training loop: equal global batches for any number of ranks, and exact resume."""

from __future__ import annotations

import math
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from bigcode.api import Problem, fail
from bigcode_train.config import CausalLMConfig
from bigcode_train.network.attention import mark_documents
from bigcode_train.network.model import group_parameters
from bigcode_train.network.sharding import Layout, Sharded, Whole, gradient_norms, scale_gradients
from bigcode_train.order.permutation import make_key
from bigcode_train.training.checkpoint import Checkpoints, Found, read_tensors
from bigcode_train.training.ranks import sum_over_ranks
from bigcode_train.training.stages import Course
from bigcode_train.watch.watching import StepResult, Watcher

STOPPED = "E810"
"""The code of a run that was asked to stop, and did so after it wrote a checkpoint."""
_NAMED = 20
LAST = 10
"""How many logged losses the final loss is the mean of."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a training run is, beside its model and data. `end` is the token that closes a document."""

    config: CausalLMConfig
    seed: int
    rank: int
    layout: Layout
    device: torch.device
    dtype: torch.dtype
    end: int
    checkpoint_every: int


@dataclass
class Losses:
    """The first logged loss and the last ones."""

    first: float = math.nan
    last: deque[float] = field(default_factory=lambda: deque(maxlen=LAST))

    def add(self, loss: float) -> None:
        if math.isnan(self.first):
            self.first = loss
        self.last.append(loss)

    @property
    def final(self) -> float:
        return sum(self.last) / len(self.last)


@dataclass(frozen=True, slots=True)
class Report:
    """Whom the loop tells what, on every rank: each step, logged steps, and what a person should know."""

    stepped: Callable[[int], None]
    logged: Callable[[StepResult], None]
    warned: Callable[[str], None]


class Trainer:
    """Trains a model that is spread over ranks, along a course."""

    def __init__(
        self,
        spread: Whole | Sharded,
        course: Course,
        run: Run,
        checkpoints: Checkpoints,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        self.spread, self.course, self.run = spread, course, run
        self.checkpoints, self.watchers = checkpoints, tuple(watchers)
        self.model = spread.model
        self.step = self.skipped = 0
        self.losses = Losses()
        self._stop = 0
        self._named = list(self.model.named_parameters())
        config = run.config
        self.optimizer = torch.optim.AdamW(
            group_parameters(self.model, config.weight_decay),
            lr=config.learning_rate,
            betas=config.betas,
            fused=True,
        )

    def resume(self, found: Found) -> None:
        """Take over weights, optimizer and place. Everything else follows from the step.

        Raises:
            Altered: the checkpoint holds other tensors.
        """
        for _, weight in self._named:
            self.optimizer.state[weight] = {
                "step": torch.zeros((), device=weight.device),
                "exp_avg": torch.zeros_like(weight),
                "exp_avg_sq": torch.zeros_like(weight),
            }
        read_tensors(found.path, self._tensors(), self.run.layout.world)
        self.spread.publish()
        self.step, self.skipped = found.step, found.state["skipped"]
        self.losses = Losses(found.state["first"], deque(found.state["last"], LAST))
        for watcher, state in zip(self.watchers, found.state["watchers"], strict=False):
            watcher.resume(state)

    def train(self, report: Report) -> None:
        """Go on to the last step.

        Raises:
            Problem: on every rank: E803 when the loss or the gradient is not a number; a watcher's own; E810 when a
                signal asked the run to stop and its checkpoint is written.
        """
        config, steps = self.run.config, self.course.steps
        self.spread.network.train()
        alone = self.run.layout.world == 1
        with _stopping(self._ask_to_stop, alone), _Ahead(self.course, self.run.layout) as rows:
            while self.step < steps:
                result, stop = self._advance(rows.take(self.step + 1))
                self.step = result.step
                if self.step == 1 or self.step % config.log_every == 0 or self.step == steps:
                    self.losses.add(result.loss)
                    report.logged(result)
                if stop or self.step % self.run.checkpoint_every == 0 or self.step == steps:
                    self._save(report)
                report.stepped(self.step)
                if stop and self.step < steps:
                    self._finish(report)
                    # The first rank commits; none says that it is done before.
                    sum_over_ranks(torch.zeros(1, device=self.run.device), self.run.layout.world)
                    raise self._stopped()
        self._finish(report)

    def _advance(self, rows: Tensor) -> tuple[StepResult, bool]:
        run, config = self.run, self.run.config
        step = self.step + 1
        for watcher in self.watchers:
            watcher.before_step(step, self.spread.network.model)
        lr = self.course.rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        # Dropout, where a model has any, is drawn anew in each step: there is no generator state to keep.
        torch.manual_seed(int.from_bytes(make_key(run.seed, step, run.layout.part)[:7], "little"))
        self.optimizer.zero_grad(set_to_none=True)
        loss, stop = self._compute(rows)
        norm, layers = gradient_norms(self._named)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise self._diverged(step)
        wanted = any(watcher.wants_layers(step) for watcher in self.watchers)
        result = StepResult(step, loss, lr, norm, layers if wanted else {})
        answers = [w.after_step(result, self.model, self.optimizer) for w in self.watchers]
        if "skip" in answers:
            self.skipped += 1
            return replace(result, skipped=True), stop
        if norm > config.clip:
            scale_gradients((weight for _, weight in self._named), config.clip / (norm + 1e-6))
        self.optimizer.step()
        self.spread.publish()
        return result, stop

    def _compute(self, rows: Tensor) -> tuple[float, bool]:
        """Gradients of a step, its loss over all ranks, and whether a rank was asked to stop."""
        run, layout = self.run, self.run.layout
        total = torch.zeros((), dtype=torch.float64, device=run.device)
        parts = rows.split(run.config.micro_batch or len(rows))
        for number, part in enumerate(parts, 1):
            inputs = part[:, :-1].contiguous()
            view = mark_documents(inputs, run.end, whole=run.config.masking == "none")
            given = (x.to(run.device, non_blocking=True) for x in (inputs, part[:, 1:].contiguous(), *view))
            entropy, loss = self.spread.network(*given)
            share = len(part) / len(rows)
            total += entropy.double() * share
            self.spread.backward(loss * share if share != 1 else loss, last=number == len(parts))
        told = torch.stack((total, total.new_tensor(self._stop), total.new_tensor(self.skipped)))
        loss, stop, skipped = sum_over_ranks(told, layout.world).tolist()
        if skipped != self.skipped * layout.world:
            raise RuntimeError("ranks do not agree on the steps that were skipped")
        return loss / layout.world, stop > 0

    def _tensors(self) -> dict[str, Tensor]:
        """All that a checkpoint holds, by name; the tensors themselves."""
        found: dict[str, Tensor] = {}
        for name, weight in self._named:
            found[f"model/{name}"] = weight.detach()
            for key, value in self.optimizer.state.get(weight, {}).items():
                found[f"optimizer/{name}/{key}"] = value
        return found

    def _save(self, report: Report) -> None:
        state: dict[str, Any] = {
            "first": self.losses.first,
            "last": list(self.losses.last),
            "skipped": self.skipped,
            "watchers": [dict(watcher.state()) for watcher in self.watchers],
        }
        self._tell(report, self.checkpoints.write(self.step, self._tensors(), state))

    def _finish(self, report: Report) -> None:
        self._tell(report, self.checkpoints.finish())

    def _tell(self, report: Report, failure: str) -> None:
        if failure:
            report.warned(f"{failure}; training went on, {describe(self.checkpoints.latest())}")

    def _ask_to_stop(self) -> None:
        self._stop = 1

    def _stopped(self) -> Problem:
        return fail(
            STOPPED,
            f"training was asked to stop and did so after step {self.step} of {self.course.steps}; "
            f"{describe(self.checkpoints.latest())}",
            hint="`bigcode apply` goes on from there.",
        )

    def _diverged(self, step: int) -> Problem:
        places = list(self.course.places(step))
        more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
        return fail(
            "E803",
            f"the loss or its gradient is not a number at step {step}; "
            f"the batch holds {', '.join(places[:_NAMED])}{more}",
            hint="Documents are named by shard and row. A lower learning rate or a longer warm-up may help.",
        )


def describe(step: int) -> str:
    return f"the last checkpoint is of step {step}" if step else "there is no checkpoint"


class _Ahead:
    """Makes this rank's rows of the next step while the present one is computed."""

    def __init__(self, course: Course, layout: Layout) -> None:
        self.course, self.layout = course, layout
        self._waiting: dict[int, Future[Tensor]] = {}

    def __enter__(self) -> _Ahead:
        self._pool = ThreadPoolExecutor(1, "rows")
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def take(self, step: int) -> Tensor:
        """Rows of `step`, int64 [rows, context + 1]."""
        here = self._waiting.pop(step, None) or self._pool.submit(self._make, step)
        rows = here.result()
        if step < self.course.steps:
            self._waiting[step + 1] = self._pool.submit(self._make, step + 1)
        return rows

    def _make(self, step: int) -> Tensor:
        return torch.from_numpy(self.course.rows(step, self.layout.part, self.layout.parts))


@contextmanager
def _stopping(ask: Callable[[], None], alone: bool) -> Iterator[None]:
    """While it lasts, SIGTERM asks and does not kill. Only the main thread may set that up.

    A rank that fails because another is lost is sent SIGTERM by its launcher in the same moment; it must live to say
    what happened, so unless it is `alone` it goes on to hold out after a failure.
    """
    try:
        before = signal.signal(signal.SIGTERM, lambda *_: ask())
    except ValueError:
        yield
        return
    failed = True
    try:
        yield
        failed = False
    finally:
        if alone or not failed:
            signal.signal(signal.SIGTERM, before)
