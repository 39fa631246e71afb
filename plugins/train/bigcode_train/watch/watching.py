"""What may look at a training run from inside: the protocol between the loop and its watchers.

A watcher is called on every rank, in the same order, with the same numbers: the loss and the norms of a
`StepResult` are of the global batch. What it answers must follow from those numbers alone, so that all ranks answer
alike; the loop checks that they did. It keeps no clock and talks to no other rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

Answer = Literal["skip"] | None
"""`skip`: the gradient of this step is thrown away; weights, moments and their counters stay as they are."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step, counted from one; the loss is the mean over the tokens of the global batch, in nats a token.

    `layers` holds the gradient's norm for each group of weights (`transformer.h.0`, `transformer.wte` ...), and
    only where a watcher asked for it. `skipped` says that a watcher threw the step away.
    """

    step: int
    loss: float
    lr: float
    grad_norm: float
    layers: Mapping[str, float] = field(default_factory=dict)
    skipped: bool = False


class Batch(Protocol):
    """The rows of a step, for reports."""

    def places(self, step: int) -> Sequence[str]:
        """The documents that a step was computed from, by source, shard and row; over all ranks."""


class Watcher(Protocol):
    """Looks at each step. `wants_layers` asks for the norms by layer in `after_step`."""

    def wants_layers(self, step: int) -> bool: ...

    def before_step(self, step: int, model: PreTrainedModel) -> None:
        """Called before the forward pass; a place to set or take away hooks."""

    def after_step(
        self, result: StepResult, model: PreTrainedModel, optimizer: torch.optim.Optimizer
    ) -> Answer:
        """Called when the global loss and the gradient's norm are known and the weights not changed yet.

        Raises:
            Problem: ends the run on every rank.
        """

    def state(self) -> Mapping[str, Any]:
        """Plain JSON that goes into each checkpoint, so that a run that goes on answers as it would have."""

    def resume(self, state: Mapping[str, Any]) -> None:
        """What `state` gave when the checkpoint was written; an empty mapping for an older one."""
