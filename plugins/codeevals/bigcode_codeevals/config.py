"""Settings of the suites. What a result depends on is identity; where files lie and what runs at once is Runtime."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bigcode.api import Bytes, Config, Runtime, Seconds

_NAME = r"^[a-z0-9][a-z0-9.+-]*$"
_DIGEST = r"^([0-9a-f]{64})?$"


class Sampling(Config):
    """How completions are drawn."""

    samples: Annotated[int, Field(ge=1)] = 1
    """Completions of each task."""
    temperature: Annotated[float, Field(ge=0)] = 0.2
    """Zero takes the likeliest token, so that a second sample would be the first one again."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    max_new_tokens: Annotated[int, Field(ge=1)] = 384
    stop: tuple[str, ...] = ()
    """Beside those of the suite."""
    batch: Annotated[int, Field(ge=1), Runtime] = 16
    """Completions that are drawn together."""
    device: Annotated[str, Runtime] = ""
    """Where the model runs; empty for a GPU where there is one, else the CPU."""
    threads: Annotated[int, Field(ge=0), Runtime] = 0
    """Threads of the model; zero for as many as the library takes by itself."""

    @model_validator(mode="after")
    def _draws(self) -> Sampling:
        if self.temperature == 0 and self.samples > 1:
            raise ValueError("temperature 0 draws one and the same completion; `samples` is 1 then")
        return self


class ProgramLimits(Config):
    """What a program may use. `memory` and `cpu` count for each of its processes."""

    memory: Annotated[Bytes, Field(ge=64 * 2**20)] = 512 * 2**20
    processes: Annotated[int, Field(ge=2, le=256)] = 4
    """Of one program, itself among them; threads count too."""
    cpu: Annotated[Seconds, Field(ge=1)] = 5.0
    """Processor time, in whole seconds; it does not depend on what else the machine does."""
    wall: Annotated[Seconds, Field(ge=1)] = 15.0
    disk: Annotated[Bytes, Field(ge=2**20)] = 16 * 2**20
    output: Annotated[Bytes, Field(ge=1024)] = 4 * 2**20


class Counted(Config):
    """What the suites have in common."""

    items: Annotated[int, Field(ge=0)] = 0
    """Tasks that are asked; zero for all. Fewer are taken by the digests of their names."""
    seed: int = 0
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    bootstrap: Annotated[int, Field(ge=100)] = 2000
    """Draws of the interval over tasks."""
    sampling: Sampling = Sampling()
    prefix: str = ""
    """Text before each prompt, for example that of a repository and a file name."""


class ProgramsConfig(Counted):
    """A suite whose completions are run."""

    suite: Literal["humaneval", "infilling-single-line", "infilling-multi-line", "file"] = "humaneval"
    name: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9.+-]*)?$")] = ""
    """What a file's suite is called."""
    path: Annotated[str, Runtime] = ""
    """JSON lines or one JSON list, with gzip where the name ends in `.gz`."""
    sha256: Annotated[str, Field(pattern=_DIGEST)] = ""
    """Of the file's bytes as they lie."""
    format: Literal["humaneval", "mbpp", "apps", "multipl-e", "io"] = "humaneval"
    argv: tuple[str, ...] = ()
    """The interpreter of `io` programs in another language, for example `[/usr/bin/bash]`."""
    k: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (1,)
    limits: ProgramLimits = ProgramLimits()
    workers: Annotated[int, Field(ge=0), Runtime] = 0
    """Programs at a time; zero for two a processor."""

    @model_validator(mode="after")
    def _can_be_counted(self) -> ProgramsConfig:
        if max(self.k) > self.sampling.samples:
            raise ValueError(
                f"pass@{max(self.k)} has no unbiased estimate from {self.sampling.samples} samples"
            )
        if (self.suite == "file") != bool(self.sha256) or (self.suite == "file") != bool(self.name):
            raise ValueError("`name` and `sha256` belong to a suite in a file, and to no other")
        if self.argv and self.format != "io":
            raise ValueError("`argv` is for programs that read and write: format io")
        return self


class TextsConfig(Counted):
    """A suite whose completions are compared with a text."""

    name: Annotated[str, Field(pattern=_NAME)]
    path: Annotated[str, Runtime] = ""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    format: Literal["text-to-code", "code-to-text"]
