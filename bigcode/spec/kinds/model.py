"""Model: an architecture trained on a mixture of datasets, or a base carried on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from bigcode.api.resource import Model, Ref, RefTo, Runtime, Share, Spec, Tokens, Uses
from bigcode.spec.slots import Slot


class LocalCheckpoint(Model):
    """A checkpoint folder that was not built here, with the licence that its authors declare."""

    path: str
    license: str
    sha256: str
    source: str = ""


class Source(Model):
    dataset: Annotated[Ref, RefTo("Dataset")]
    weight: Annotated[float, Field(gt=0)] = 1.0


class Objective(Model):
    fim_rate: Share = 0.0
    spm_rate: Share = 0.5


class Budget(Model):
    tokens: Tokens


class Parallelism(Model):
    """How training is spread; never part of a key."""

    launcher: Literal["torchrun", "subprocess", "slurm"] = "torchrun"
    processes: Annotated[int, Field(ge=1)] = 1
    nodes: Annotated[int, Field(ge=1)] = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=1)] | None = None
    checkpoint_every: Annotated[int, Field(ge=1)] = 50


class ModelSpec(Spec):
    task: Literal["causal-lm", "pii-token-classifier"] = "causal-lm"
    base: Annotated[Ref | None, RefTo("Model")] = None
    checkpoint: LocalCheckpoint | None = None
    tokenizer: Annotated[Ref, RefTo("Tokenizer")]
    data: Annotated[tuple[Source, ...], Field(min_length=1)]
    tokens: Annotated[Uses, Slot("tokens")]
    """The component that turns documents into token shards."""
    trainer: Annotated[Uses, Slot("trainer")]
    architecture: dict[str, Any]
    """A transformers configuration: `model_type` and its fields."""
    objective: Objective = Objective()
    budget: Budget
    seed: int = 0
    freshness: Literal["pinned", "follow"] = "pinned"
    runtime: Annotated[Parallelism, Runtime] = Parallelism()
