"""Model: an architecture trained on a mixture of datasets, or a base carried on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from bigcode.api.resource import Model, Prose, Ref, RefTo, Runtime, Share, Spec, Tokens, Uses
from bigcode.spec.slots import Slot


class LocalCheckpoint(Model):
    """A checkpoint folder that was not built here, with the licence that its authors declare."""

    path: str
    license: str
    sha256: str
    source: str = ""


class Source(Model):
    """A dataset of the mixture. Shares are of tokens: each source's weight over the sum of all."""

    dataset: Annotated[Ref, RefTo("Dataset")]
    weight: Annotated[float, Field(gt=0)] = 1.0
    languages: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Weight of a language beside its share of the source; those not named have one, and zero leaves out."""
    tokens: Annotated[Uses | None, Slot("tokens")] = None
    """What turns this source into token shards, where that is not the model's `tokens`."""


class Stage(Model):
    """A stretch of training with a mixture and a length of context of its own."""

    tokens: Tokens
    context: Annotated[int, Field(ge=16)] | None = None
    weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Weights of the sources in this stage by the names of their datasets; those not named keep their own."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None


class Objective(Model):
    fim_rate: Share = 0.0
    spm_rate: Share = 0.5
    level: Literal["token", "character"] = "token"
    """Where a document is cut: between tokens, or between characters with only the cut words encoded anew."""


class Budget(Model):
    tokens: Tokens


class Slurm(Model):
    """What a Slurm script asks for."""

    partition: str = ""
    account: str = ""
    time: str = ""
    """Limit in Slurm's own notation, such as `2-00:00:00`."""
    options: dict[str, str] = {}
    """Other options of `sbatch` by name, without dashes."""


class Parallelism(Model):
    """How training is spread; never part of a key."""

    launcher: Literal["torchrun", "subprocess", "slurm"] = "torchrun"
    processes: Annotated[int, Field(ge=1)] = 1
    nodes: Annotated[int, Field(ge=1)] = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=1)] | None = None
    checkpoint_every: Annotated[int, Field(ge=1)] = 50
    checkpoints_kept: Annotated[int, Field(ge=1)] = 2
    sharding: Literal["none", "fsdp", "hsdp"] = "none"
    """Weights, gradients and optimizer whole on each rank, spread over all ranks, or over groups that are replicas."""
    replicas: Annotated[int, Field(ge=1)] = 1
    """Groups of ranks under `hsdp`."""
    tensor: Annotated[int, Field(ge=1)] = 1
    """Ranks that share each matrix, where the model allows it."""
    recompute: bool = False
    """Activations are computed again in the backward pass instead of being kept."""
    compile: bool = False
    slurm: Slurm | None = None


class ComputePlan(Model):
    """What a plan assumes of the machines, and what was published of a run: for estimates and for checks of one
    number against another; nothing is built from it."""

    device: str
    """A name of the table of accelerators, such as `A100 80GB`."""
    devices: Annotated[int, Field(ge=1)] = 1
    utilisation: Annotated[float, Field(gt=0, le=1)]
    """Share of the device's peak that training reaches, by the operations that `formula` counts."""
    formula: Literal["6ND", "causal", "full"] = "causal"
    """Operations that count: six for each parameter and token, or those of the matrix products and of attention
    over the half (`causal`) or the whole (`full`) of the context."""
    data_tokens: Tokens | None = None
    """Tokens of the data that the budget is drawn from, one pass over all of it."""
    gpu_hours: Annotated[float, Field(gt=0)] | None = None
    """Device hours that a run is said to have taken."""
    days: Annotated[float, Field(gt=0)] | None = None
    tolerance: Share = 0.05
    """Difference up to which two numbers that should agree do."""
    emissions: Annotated[Ref | None, RefTo("EmissionsPolicy")] = None
    """How energy becomes emissions in the estimate; that of the model's release, or the only one here, if absent."""
    source: str = ""


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
    stages: tuple[Stage, ...] = ()
    """Stretches whose tokens add up to the budget; one with the whole budget when absent."""
    labels: Annotated[Uses | None, Slot("labels")] = None
    """The labelled set that a token classifier is trained on."""
    seed: int = 0
    freshness: Literal["pinned", "follow"] = "pinned"
    runtime: Annotated[Parallelism, Runtime] = Parallelism()
    plan: Annotated[ComputePlan | None, Prose] = None
