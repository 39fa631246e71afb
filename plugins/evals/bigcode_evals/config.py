"""Settings of the evaluations. The defaults suit a model of a few million parameters on one core."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bigcode.api import Bytes, Config, Runtime


class BitsPerByteConfig(Config):
    max_bytes: Annotated[Bytes, Field(gt=0)] = 128 * 1024
    """Held-out text that is scored, taken evenly by project."""
    context: Annotated[int, Field(ge=0)] = 0
    """Tokens that the model sees at once; zero for as many as it can."""
    ngram: Annotated[int, Field(ge=1, le=8)] = 5
    """Order of the byte n-gram baseline: how many bytes it counts together."""
    train_bytes: Annotated[Bytes, Field(gt=0)] = 32 * 1024 * 1024
    """Training text that the n-gram baseline counts."""
    threads: Annotated[int, Field(ge=0), Runtime] = 0
    """Threads of the model; zero for as many as the library takes by itself."""


class ContinuationConfig(Config):
    items: Annotated[int, Field(gt=0)] = 200
    """Lines of held-out files whose true text is to be found among others."""
    prefix_lines: Annotated[int, Field(gt=0)] = 16
    """Lines that the model sees before the one that it ranks."""
    choices: Annotated[int, Field(ge=2)] = 4
    """Lines to choose from, the true one among them."""
    context: Annotated[int, Field(ge=0)] = 0
    """Tokens that the model sees at once; zero for as many as it can."""
    seed: int = 0
    threads: Annotated[int, Field(ge=0), Runtime] = 0
    """Threads of the model; zero for as many as the library takes by itself."""
