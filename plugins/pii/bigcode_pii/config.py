"""Settings of the PII components."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from bigcode.api import Config, Share

PatternEntity = Literal["EMAIL", "IP_ADDRESS", "KEY"]
Entity = Literal["EMAIL", "IP_ADDRESS", "KEY", "PASSWORD", "USERNAME", "NAME"]
ENTITIES: tuple[Entity, ...] = get_args(Entity)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PatternsConfig(Config):
    """What `pii.patterns` looks for."""

    entities: Annotated[tuple[PatternEntity, ...], Field(min_length=1)] = ("EMAIL", "IP_ADDRESS", "KEY")
    """Kinds of finding; the columns of the others stay empty."""


class GatedConfig(Config):
    """What `pii.gated` looks for."""

    entities: Annotated[tuple[Entity, ...], Field(min_length=1)] = ENTITIES
    """Kinds of finding; the columns of the others stay empty."""
    copyright_names: bool = False
    """Whether people who are named in copyright lines count as NAME. Licences ask for these lines to be kept."""


class VerifiedConfig(GatedConfig):
    """A detector by rules, whose findings a trained classifier then confirms or takes back."""

    threshold: Share = 0.1
    """Probability below which a finding is taken back: low, since a secret that stays costs more than a false hit."""
    verify: tuple[Entity, ...] = ("KEY", "PASSWORD")
    """Kinds of finding that the classifier judges; the others pass as the rules found them."""
    weights: str = ""
    """File with other weights, made by `training/train.py`; those of the package if empty."""
    sha256: Sha256 | Literal[""] = ""
    """Digest of that file; it is read only if it has this digest."""


class NerConfig(Config):
    """A checkpoint for token classification in the form that `transformers` saves, brought by the user."""

    path: str = ""
    """Folder with config.json, weights in safetensors and a fast tokenizer. Nothing is ever downloaded."""
    sha256: Sha256 | Literal[""] = ""
    """Digest of the folder, as `bigcode_pii.folders:digest_folder` gives it; no other content is loaded."""
    entities: Annotated[tuple[Entity, ...], Field(min_length=1)] = ENTITIES
    """Kinds of finding that are kept; others that the model knows of are left out."""
    labels: dict[str, Entity] = Field(default_factory=dict)
    """Which label of the model, without B-, I- and the like, means what; beside names that are equal already."""
    window: Annotated[int, Field(ge=8, le=8192)] = 512
    """Tokens that the model reads at once, its special tokens among them."""
    overlap: Annotated[int, Field(ge=0, le=4096)] = 64
    """Tokens that a window shares with the next one; each token is judged where it has most context."""
    batch: Annotated[int, Field(ge=1)] = 8
    """Windows in one call of the model."""
    threshold: Share = 0.5
    """Mean probability of a span below which it is left out."""


class PlantedConfig(Config):
    """Invented values that are put into files of the snapshot."""

    carriers: Annotated[int, Field(ge=1)] = 600
    """Files asked for."""
    positives: Annotated[int, Field(ge=0)] = 4
    """Values put into each file that a detector must find."""
    negatives: Annotated[int, Field(ge=0)] = 5
    """Values put into each file that only look like one."""
    seed: int = 7


class PublishedConfig(Config):
    """Lines that others labelled, read from a local file or folder; they are never copied into a repository."""

    path: str = ""
    """A JSON-lines file (content, labels) or a folder (see `format`)."""
    sha256: Sha256 | Literal[""] = ""
    """Digest of the file, or of the folder as `bigcode_pii.folders:digest_folder` gives it."""
    format: Literal["jsonl", "credsweeper"] = "jsonl"
    """`credsweeper`: a checkout of that project's `tests` folder, with `samples` and `data/output.json`."""
