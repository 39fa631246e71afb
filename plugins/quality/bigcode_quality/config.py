"""Settings of the observers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from bigcode.api import Bytes, Config
from bigcode_quality.grammars import GRAMMARS


class QualityConfig(Config):
    marker_lines: Annotated[int, Field(ge=1, le=200)] = 10
    """How many lines from the top may hold the mark of a generated file."""


class StructureConfig(Config):
    """`quality.structure` has no settings: the patterns are its behaviour version."""


class ParseConfig(Config):
    languages: tuple[str, ...] = (
        "C", "C#", "C++", "Go", "Java", "JavaScript", "PHP", "Python", "Ruby", "Rust", "TSX", "TypeScript",
    )  # fmt: skip
    """Languages whose files are parsed, by the names of the language table."""
    max_bytes: Bytes = 2**18
    """Larger files are not parsed: this bounds the time that a file can take, which no clock does."""

    @field_validator("languages")
    @classmethod
    def _has_grammar(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(languages) - GRAMMARS.keys())
        if unknown:
            raise ValueError(
                f"no grammar for {', '.join(unknown)}; there is one for {', '.join(sorted(GRAMMARS))}"
            )
        return tuple(sorted(set(languages)))
