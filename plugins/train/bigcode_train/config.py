"""Settings of the components of this plugin."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api import Bytes, Config, Runtime, Share

Positive = Annotated[int, Field(ge=1)]


class BPEConfig(Config):
    """Settings of `train.bpe`."""

    min_frequency: Positive = 2
    """How often a pair must occur in the text to be merged."""
    measured: Bytes = 8_000_000
    """Text that the bytes per token are measured on, taken evenly over the files."""


class TokensConfig(Config):
    """Settings of `train.tokens`: there are none."""


class CausalLMConfig(Config):
    """Settings of `train.causal-lm`."""

    batch: Positive = 8
    """Sequences in a step, over all ranks together."""
    context: Annotated[int, Field(ge=16)] = 512
    """Tokens in a sequence."""
    masking: Literal["document", "none"] = "document"
    """`document`: a token attends to its own document only, and positions count from the document's start.
    `none`: a token attends to all that stands before it in the sequence."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    warmup_steps: Annotated[int, Field(ge=0)] = 50
    schedule: Literal["cosine", "constant"] = "cosine"
    floor: Share = 0.1
    """Share of the learning rate that the cosine ends at."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Applies to matrices; norms and biases are left alone."""
    betas: tuple[Share, Share] = (0.9, 0.95)
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of the products; weights and optimizer are always fp32. `auto` takes bf16 where the device
    multiplies in it, and fp32 elsewhere."""
    log_every: Positive = 10
    """Steps between two points of the journal."""
    micro_batch: Annotated[Positive | None, Runtime] = None
    """Sequences that a rank computes at once; all of its share of the batch when absent."""
