"""Settings of the components."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from bigcode.api import Config


class MinHashConfig(Config):
    """How `dedup.minhash` sketches files and which sketches it compares."""

    permutations: Annotated[int, Field(ge=16, le=1024)] = 256
    """Length of a signature."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """Jaccard similarity of shingles from which on two files are near-duplicates; bands are chosen for it."""
    bands: Annotated[int, Field(ge=1)] | None = None
    rows: Annotated[int, Field(ge=1)] | None = None
    """Bands of so many rows; both or neither. Left out, they are chosen so that four of five pairs right at the
    threshold meet: 32 bands of 8 rows for 256 permutations and 0.7."""
    ngram: Annotated[int, Field(ge=1, le=32)] = 5
    """Words in a shingle."""
    min_tokens: Annotated[int, Field(ge=1)] = 10
    """Files of fewer words get no signature: they are alike by chance, and exact copies share a blob anyway."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    """Seed of the permutations."""

    @model_validator(mode="after")
    def check_bands(self) -> Self:
        if (self.bands is None) != (self.rows is None):
            raise ValueError("give both bands and rows, or neither")
        if self.bands is not None and self.rows is not None and self.bands * self.rows > self.permutations:
            raise ValueError("bands times rows must not exceed permutations")
        if self.min_tokens < self.ngram:
            raise ValueError("minTokens must be at least ngram, or a file would have no shingle")
        return self


class WinnowConfig(Config):
    """How `dedup.winnow` takes the prints of a file."""

    ngram: Annotated[int, Field(ge=4, le=256)] = 16
    """Tokens in a gram, the least that two files can be said to share."""
    window: Annotated[int, Field(ge=1, le=1024)] = 49
    """Grams in a window: one print stands for each, so a file has about 2 prints for each `window + 1` tokens."""
    min_tokens: Annotated[int, Field(ge=1)] = 64
    """Files of fewer tokens have neither prints nor a normalised form: they are alike by chance."""

    @model_validator(mode="after")
    def check_guarantee(self) -> Self:
        if self.min_tokens < self.ngram + self.window - 1:
            raise ValueError("minTokens must be at least ngram + window - 1, or a file could have no print")
        return self
