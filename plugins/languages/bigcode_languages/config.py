"""Settings of the two observers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bigcode.api import Config

Folder = Annotated[str, Field(pattern=r"^[^/]+$")]


class LinguistConfig(Config):
    """`languages.linguist` has no settings: the table and the rules are its behaviour version."""


class PathsConfig(Config):
    vendored: tuple[Folder, ...] = (
        "_vendor", "_vendored", "3rdparty", "extern", "node_modules", "third-party", "third_party", "thirdparty",
        "vendor", "vendored",
    )  # fmt: skip
    """Names of folders that hold copies of other projects, beside those that the library knows."""
    test: tuple[Folder, ...] = ("__tests__", "spec", "test", "testing", "tests")
    """Names of folders whose whole content counts as tests."""
