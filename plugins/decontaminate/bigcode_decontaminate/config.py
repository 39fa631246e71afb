"""Settings of `decontaminate.suites`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bigcode.api import Config, Runtime, Share


class Suite(Config):
    """A suite that ships with the plugin (`suite`), or a file with its SHA-256."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$")]
    """What the column names the suite."""
    suite: Literal["", "humaneval"] = ""
    path: Annotated[str, Runtime] = ""
    """A file, plain or with gzip where its name ends in `.gz`."""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Of the file's bytes as they lie; the identity of the suite."""
    format: Literal["humaneval-jsonl", "jsonl", "lines"] = "humaneval-jsonl"
    """`humaneval-jsonl`: task_id, prompt, canonical_solution; `jsonl`: the fields named here; `lines`: one a line."""
    id_field: str = "task_id"
    """A missing field is the number of the record."""
    prompt_field: str = "prompt"
    solution_field: str = "canonical_solution"

    @model_validator(mode="after")
    def _has_one_source(self) -> Suite:
        if bool(self.suite) == bool(self.sha256):
            raise ValueError(
                "a suite is either one that ships with the plugin (`suite`) or a file with its `sha256`"
            )
        return self


class SuitesConfig(Config):
    suites: tuple[Suite, ...] = (Suite(name="humaneval", suite="humaneval"),)
    tokens: Annotated[int, Field(ge=4, le=64)] = 10
    """Length of a shingle."""
    min_tokens: Annotated[int, Field(ge=4)] = 30
    """Prompts and solutions that are shorter are too common to be found alone."""
    near: Share = 0.5
    """Share of the shingles of a prompt or a solution from which on a file holds it; 1 is a copy but for white space
    and case."""
    renamed: Share = 0.8
    """The same for a solution in which all names that people choose are one. With `near` and `renamed` at 1, copies
    alone are found."""
    renamed_min_tokens: Annotated[int, Field(ge=4)] = 40
    window: Annotated[float, Field(ge=1)] = 3.0
    """All that counts lies within so many times the length of the text."""

    @model_validator(mode="after")
    def _is_long_enough(self) -> SuitesConfig:
        if min(self.min_tokens, self.renamed_min_tokens) < self.tokens:
            raise ValueError("`minTokens` and `renamedMinTokens` are at least `tokens`")
        return self
