"""Settings of the PII components."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api import Config

Entity = Literal["EMAIL", "IP_ADDRESS", "KEY"]


class PatternsConfig(Config):
    """What `pii.patterns` looks for."""

    entities: Annotated[tuple[Entity, ...], Field(min_length=1)] = ("EMAIL", "IP_ADDRESS", "KEY")
    """Kinds of finding; the columns of the others stay empty."""
