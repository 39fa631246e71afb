"""Settings of `quality.text`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bigcode.api import Config


class QualityConfig(Config):
    marker_lines: Annotated[int, Field(ge=1, le=200)] = 10
    """How many lines from the top may hold the mark of a generated file."""
