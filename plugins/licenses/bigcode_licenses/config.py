"""Settings of `licenses.text`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bigcode.api import Config, Share


class LicenseConfig(Config):
    coverage: Share = 0.5
    """Share of a licence file that known licence texts must explain; below it the file counts as unknown."""
    header_lines: Annotated[int, Field(ge=1, le=500)] = 60
    """How many lines from the top of a source file may hold its notice."""
