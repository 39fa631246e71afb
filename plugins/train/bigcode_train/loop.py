"""The training loop: equal global batches for any number of ranks, and exact resume."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from transformers import PreTrainedModel

from bigcode.api import Problem, fail
from bigcode_train.checkpoint import Checkpoint, write_checkpoint
from bigcode_train.config import CausalLMConfig
from bigcode_train.model import group_parameters
from bigcode_train.order import make_key
from bigcode_train.packing import Sequences, find_positions
from bigcode_train.ranks import sum_over_ranks

_MODEL, _OPTIMIZER = "model.safetensors", "optimizer.safetensors"
_NAMED = 20
LAST = 10
"""How many logged losses the final loss is the mean of."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a training run is, beside its model and data. `recipe` names all that decides its result."""

    config: CausalLMConfig
    steps: int
    seed: int
    rank: int
    world: int
    device: torch.device
    dtype: torch.dtype
    recipe: str
    checkpoints: Path
    checkpoint_every: int


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step, counted from one; the loss is the mean over the global batch, in nats a token."""

    step: int
    loss: float
    lr: float
    grad_norm: float


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


class Trainer:
    """Trains `model` on `sequences`. Step `s` takes the rows from `(s - 1) * batch` to `s * batch` of the list, of
    which each rank computes an equal part."""

    def __init__(self, model: PreTrainedModel, sequences: Sequences, run: Run) -> None:
        self.model, self.sequences, self.run = model, sequences, run
        self.step = 0
        self.losses = Losses()
        config = run.config
        self.optimizer = torch.optim.AdamW(
            group_parameters(model, config.weight_decay),
            lr=config.learning_rate,
            betas=config.betas,
            fused=True,
        )

    def resume(self, checkpoint: Checkpoint) -> None:
        """Take over weights, optimizer and place. Everything else follows from the step."""
        weights = checkpoint.groups[_MODEL]
        tied = {name: weights[target] for name, target in self.model.all_tied_weights_keys.items()}
        self.model.load_state_dict({**weights, **tied})
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in checkpoint.groups[_OPTIMIZER].items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = tensor
        self.optimizer.load_state_dict(
            {"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]}
        )
        self.step = checkpoint.step
        self.losses = Losses(checkpoint.state["first"], deque(checkpoint.state["last"], LAST))

    def train(self, logged: Callable[[StepResult], None], stepped: Callable[[int], None]) -> None:
        """Go on to the last step. `logged` and `stepped` are called on every rank.

        Raises:
            Problem: E803 when the loss or the gradient is not a number, on every rank.
        """
        run, config = self.run, self.run.config
        network = self._spread()
        self.model.train()
        while self.step < run.steps:
            result = self._advance(network)
            self.step = result.step
            if self.step == 1 or self.step % config.log_every == 0 or self.step == run.steps:
                self.losses.add(result.loss)
                logged(result)
            if run.rank == 0 and (self.step % run.checkpoint_every == 0 or self.step == run.steps):
                write_checkpoint(run.checkpoints, self._checkpoint())
            stepped(self.step)

    def _spread(self) -> torch.nn.Module:
        if self.run.world == 1:
            return self.model
        return DistributedDataParallel(self.model, forward_sync_buffers=False, gradient_as_bucket_view=True)

    def _advance(self, network: torch.nn.Module) -> StepResult:
        run, config = self.run, self.run.config
        step = self.step + 1
        lr = rate_at(step, run.steps, config)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        # Dropout, where a model has any, is drawn anew in each step: there is no generator state to keep.
        torch.manual_seed(int.from_bytes(make_key(run.seed, step, run.rank)[:7], "little"))
        self.optimizer.zero_grad(set_to_none=True)
        loss = torch.zeros((), dtype=torch.float64, device=run.device)
        parts = list(self._local_rows(step))
        share = config.batch // run.world
        for number, rows in enumerate(parts, 1):
            last = number == len(parts)
            with nullcontext() if last or run.world == 1 else network.no_sync():
                part = self._loss(network, rows) * (len(rows) / share)
                part.backward()
            loss += part.detach()
        loss = sum_over_ranks(loss, run.world) / run.world
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        if not (math.isfinite(loss.item()) and math.isfinite(norm.item())):
            raise self._diverged(step)
        self.optimizer.step()
        return StepResult(step, loss.item(), lr, norm.item())

    def _local_rows(self, step: int) -> Iterator[torch.Tensor]:
        """This rank's rows of a step in parts that are computed at once: int64 [rows, context + 1]."""
        run = self.run
        share = run.config.batch // run.world
        first = (step - 1) * run.config.batch + run.rank * share
        rows = torch.from_numpy(self.sequences.rows(first, first + share))
        yield from rows.split(run.config.micro_batch or share)

    def _loss(self, network: torch.nn.Module, rows: torch.Tensor) -> torch.Tensor:
        run = self.run
        inputs, targets = rows[:, :-1].to(run.device), rows[:, 1:].to(run.device)
        view = (
            view_of(rows[:, :-1], self.sequences.files.header["end"])
            if run.config.masking == "document"
            else {}
        )
        with torch.autocast(run.device.type, run.dtype, enabled=run.dtype != torch.float32):
            # With a cache the library would drop the mask without a word, in training as well.
            logits = network(inputs, use_cache=False, **{k: v.to(run.device) for k, v in view.items()}).logits
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())

    def _checkpoint(self) -> Checkpoint:
        tied = set(self.model.all_tied_weights_keys)
        weights = {name: tensor for name, tensor in self.model.state_dict().items() if name not in tied}
        moments = {
            f"{index}.{name}": tensor
            for index, state in self.optimizer.state_dict()["state"].items()
            for name, tensor in state.items()
        }
        state: dict[str, Any] = {"first": self.losses.first, "last": list(self.losses.last)}
        return Checkpoint(self.step, self.run.recipe, {_MODEL: weights, _OPTIMIZER: moments}, state)

    def _diverged(self, step: int) -> Problem:
        batch = self.run.config.batch
        documents = self.sequences.documents((step - 1) * batch, step * batch)
        places = [self.sequences.files.place(int(document)) for document in documents]
        more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
        return fail(
            "E803",
            f"the loss or its gradient is not a number at step {step}; "
            f"the batch holds {', '.join(places[:_NAMED])}{more}",
            hint="Documents are named by shard and row. A lower learning rate or a longer warm-up may help.",
        )


def rate_at(step: int, steps: int, config: CausalLMConfig) -> float:
    """The learning rate of a step, counted from one: a straight rise, then the cosine down to its floor."""
    warmup = min(config.warmup_steps, steps - 1)
    if step <= warmup:
        return config.learning_rate * step / warmup
    if config.schedule == "constant":
        return config.learning_rate
    done = (step - warmup) / (steps - warmup)
    return config.learning_rate * (config.floor + (1 - config.floor) * 0.5 * (1 + math.cos(math.pi * done)))


def view_of(inputs: torch.Tensor, end: int) -> dict[str, torch.Tensor]:
    """What keeps the documents of a row apart: `attention_mask`, bool [rows, 1, width, width], true where a token
    attends, and `position_ids`, int64 [rows, width]."""
    segments, positions = (torch.from_numpy(array) for array in find_positions(inputs.numpy(), end))
    width = inputs.shape[1]
    same = segments[:, None, :, None] == segments[:, None, None, :]
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    return {"attention_mask": same & causal, "position_ids": positions}
