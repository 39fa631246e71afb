"""Settings of the token classifier."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bigcode.api import Config, Runtime, Share

Positive = Annotated[int, Field(ge=1)]


class PseudoConfig(Config):
    """Text without labels that a first model labels for the next one."""

    rounds: Annotated[int, Field(ge=0)] = 0
    """How often a model is trained anew with what the one before found."""
    threshold: Share = 0.9
    """Mean probability of a span from which on it counts as a label."""
    thresholds: dict[str, Share] = Field(default_factory=dict)
    """The same by entity, for those that go by another one."""
    files: Positive = 1000
    """Files of the datasets that are looked at; none of them carries labels of its own."""


class TokenClassifierConfig(Config):
    """Settings of `train.token-classifier`."""

    entities: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "EMAIL", "IP_ADDRESS", "KEY", "PASSWORD", "USERNAME", "NAME",
    )  # fmt: skip
    """Kinds of finding. What labels of other kinds say is no finding."""
    window: Annotated[int, Field(ge=8)] = 512
    """Tokens that the model reads at once, its special tokens among them."""
    overlap: Annotated[int, Field(ge=0)] = 64
    """Tokens that a window shares with the next one; each token is trained and judged where it has most context."""
    tokenizer: Literal["model", "base"] = "model"
    """Whose tokenizer: that of the model, or that in the folder of its base."""
    development: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the labelled files that decides when to stop, and which weights stay."""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the labelled files that the facts are measured on."""
    empty: Annotated[float, Field(ge=0)] = 3.0
    """Windows without a label that are trained on, for each one with a label."""
    balance: Share = 0.0
    """Weight of a kind of tag: its frequency to the power of minus this, over the mean. Nought weighs all alike."""
    focal: Annotated[float, Field(ge=0)] = 0.0
    """Exponent of the focal loss, by which tags that are sure already count less; nought is cross-entropy.
    Source: Lin et al. 2017, "Focal loss for dense object detection"."""
    threshold: Share = 0.5
    """Mean probability of a span below which it is no finding, in the development and the test part."""
    evaluate_every: Positive = 50
    """Steps between two looks at the development part."""
    patience: Annotated[int, Field(ge=0)] = 5
    """Looks without a better score after which training stops; nought trains to the end."""
    pseudo: PseudoConfig = PseudoConfig()
    batch: Positive = 16
    """Windows in a step, over all ranks together."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    warmup_steps: Annotated[int, Field(ge=0)] = 50
    schedule: Literal["cosine", "constant", "wsd"] = "cosine"
    decay_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of all steps in which `wsd` falls."""
    floor: Share = 0.1
    """Share of the learning rate that the course ends at."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    betas: tuple[Share, Share] = (0.9, 0.98)
    clip: Annotated[float, Field(gt=0)] = 1.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of the products; weights and optimizer are always fp32."""
    log_every: Positive = 10
    micro_batch: Annotated[Positive | None, Runtime] = None
    """Windows that a rank computes at once; all of its share of the batch when absent."""
    join_timeout: Annotated[float, Field(gt=0), Runtime] = 600
    rank_timeout: Annotated[float, Field(gt=0), Runtime] = 600

    @model_validator(mode="after")
    def _check(self) -> TokenClassifierConfig:
        if self.development + self.test >= 1:
            raise ValueError("`development` and `test` leave nothing to train on")
        if self.overlap >= self.window:
            raise ValueError("`overlap` must be smaller than the window")
        if unknown := sorted(set(self.pseudo.thresholds) - set(self.entities)):
            raise ValueError(f"`{unknown[0]}` has a threshold and is not one of the entities")
        return self
