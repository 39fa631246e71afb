"""Settings of the clusterers."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from bigcode.api import Config


class MinHashConfig(Config):
    """How `dedup.minhash` sketches files and which sketches it compares."""

    permutations: Annotated[int, Field(ge=16, le=1024)] = 256
    """Length of a signature."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """Jaccard similarity of shingles above which two files should meet in a band."""
    bands: Annotated[int, Field(ge=1)] | None = None
    rows: Annotated[int, Field(ge=1)] | None = None
    """Bands of so many rows; both or neither. Left out, they are those that lose least at the threshold: 25 of
    10 rows for 256 permutations and 0.7, which leaves 6 permutations to the estimate of similarity alone."""
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
