"""Settings of `pii.annotated`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api import Config
from bigcode_pii.config import Entity, Sha256


class AnnotatedConfig(Config):
    """A set that people annotated, in the form of BigCode's; the user has it, and the terms that come with it."""

    path: str = ""
    """A file in Parquet or JSON lines, or a folder of such files."""
    sha256: Sha256 | Literal[""] = ""
    """Digest of the file, or of the folder as `bigcode_pii.folders:digest_folder` gives it."""
    content: str = ""
    """Column of the text; `content` or `text` if empty."""
    labels: str = ""
    """Column of the labels; `fragments`, `pii` or `entities` if empty."""
    categories: dict[str, Entity | Literal[""]] = Field(default_factory=dict)
    """What a category of the set means, where its name does not say; an empty text leaves its labels out."""
    examples: Literal["negative", "positive", "out"] = "negative"
    """What values are that only serve as an example (categories that end in `_EXAMPLE`, `_PLACEHOLDER` and the like):
    look-alikes, findings, or nothing."""
    rows: Annotated[int, Field(ge=1)] | None = None
    """Rows to take from the front; all if absent."""
