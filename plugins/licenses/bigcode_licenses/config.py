"""Settings of `licenses.text` and `licenses.tiers`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api import Config, Share


class LicenseConfig(Config):
    coverage: Share = 0.5
    """Share of a licence file that known licence texts must explain; below it the file counts as unknown."""
    header_lines: Annotated[int, Field(ge=1, le=500)] = 60
    """How many lines from the top of a source file may hold its notice."""


class TiersConfig(LicenseConfig):
    tier2: Literal["none", "scancode"] = "none"
    """What reads a text that the quick detector does not settle. ScanCode comes with the extra `scancode`."""
    permissive_by: Literal["blueoak", "scancode", "both", "either"] = "scancode"
    """Which list says that a licence is permissive where the Blue Oak list and ScanCode's categories differ."""
