"""Settings of what watches a training run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bigcode.api import Config, Runtime

Positive = Annotated[int, Field(ge=1)]


class WatchConfig(Config):
    """What is thrown away, looked at and told of a training run. What the model becomes depends on `skip`, `sigmas`
    and `window` alone."""

    skip: bool = True
    """Throw a step away whose loss or gradient stands out; without it such steps are told and used."""
    sigmas: Annotated[float, Field(gt=0)] = 6.0
    """Standard deviations above the mean of the last steps from which a loss or a norm stands out."""
    window: Annotated[int, Field(ge=4)] = 128
    """Steps that the mean is taken of; nothing stands out before half of them were made."""
    every: Annotated[Positive, Runtime] = 50
    """Steps between two looks at the gradient by layer, at activations and at logits."""
    reported: Annotated[int, Field(ge=0), Runtime] = 20
    """Spikes whose documents are ranked by their loss; those after them are named alone."""
    excerpt: Annotated[int, Field(ge=0), Runtime] = 0
    """Characters of the worst rows that the report of spikes shows, as the model read them; none by default. The
    report stays in the store."""
