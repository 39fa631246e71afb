"""Settings of the components of this plugin."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api import Bytes, Config, Runtime, Share
from bigcode_train.tokens.rendering_config import TokensConfig as TokensConfig
from bigcode_train.watch.config import WatchConfig

Positive = Annotated[int, Field(ge=1)]


class BPEConfig(Config):
    """Settings of `train.bpe`."""

    min_frequency: Positive = 2
    """How often a pair must occur in the text to be merged."""
    measured: Bytes = 8_000_000
    """Text that the bytes per token are measured on, taken evenly over the files."""


class CausalLMConfig(Config):
    """Settings of `train.causal-lm`."""

    batch: Positive = 8
    """Sequences in a step, over all ranks together."""
    context: Annotated[int, Field(ge=16)] = 512
    """Tokens in a sequence."""
    masking: Literal["document", "none"] = "document"
    """`document`: a token attends to its own document only, and positions count from the document's start.
    `none`: a token attends to all that stands before it in the sequence."""
    packing: Literal["documents", "best-fit", "starcoder"] = "documents"
    """How rows are filled: with whole documents where they fit; with the largest that fits; or with chunks cut
    wherever a row ends, as StarCoder's were."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    warmup_steps: Annotated[int, Field(ge=0)] = 50
    schedule: Literal["cosine", "constant", "wsd"] = "cosine"
    """`wsd` stays at the learning rate after the warm-up and falls in the last steps."""
    decay_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of all steps in which `wsd` falls."""
    floor: Share = 0.1
    """Share of the learning rate that the course ends at."""
    z_loss: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the square of the softmax's log-denominator, which keeps logits from growing; 1e-5 is usual."""
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
    watch: WatchConfig = WatchConfig()
    """What is done about steps that stand out, and what is looked at."""
    micro_batch: Annotated[Positive | None, Runtime] = None
    """Sequences that a rank computes at once; all of its share of the batch when absent."""
    join_timeout: Annotated[float, Field(gt=0), Runtime] = 600
    """Seconds that ranks wait for one another at the start."""
    rank_timeout: Annotated[float, Field(gt=0), Runtime] = 600
    """Seconds that ranks wait for one another in a step; more than any step or checkpoint takes."""
