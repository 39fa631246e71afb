"""Settings of the evaluations. The defaults suit a model of a few million parameters on one core."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from bigcode.api import Bytes, Config, Runtime, Seconds, Share


class BitsPerByteConfig(Config):
    max_bytes: Annotated[Bytes, Field(gt=0)] = 128 * 1024
    """Held-out text that is scored, taken evenly by project."""
    context: Annotated[int, Field(ge=0)] = 0
    """Tokens that the model sees at once; zero for as many as it can."""
    ngram: Annotated[int, Field(ge=1, le=8)] = 5
    """Order of the byte n-gram baseline: how many bytes it counts together."""
    train_bytes: Annotated[Bytes, Field(gt=0)] = 32 * 1024 * 1024
    """Training text that the n-gram baseline counts."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    bootstrap: Annotated[int, Field(ge=100)] = 2000
    """Draws of an interval."""
    seed: int = 0
    """Of the draws of intervals."""
    threads: Annotated[int, Field(ge=0), Runtime] = 0
    """Threads of the model; zero for as many as the library takes by itself."""


class ContinuationConfig(Config):
    items: Annotated[int, Field(gt=0)] = 200
    """Lines of held-out files whose true text is to be found among others."""
    prefix_lines: Annotated[int, Field(gt=0)] = 16
    """Lines that the model sees before the one that it ranks."""
    choices: Annotated[int, Field(ge=2)] = 4
    """Lines to choose from, the true one among them."""
    context: Annotated[int, Field(ge=0)] = 0
    """Tokens that the model sees at once; zero for as many as it can."""
    seed: int = 0
    threads: Annotated[int, Field(ge=0), Runtime] = 0
    """Threads of the model; zero for as many as the library takes by itself."""


class Canaries(Config):
    """A file of planted secrets, one JSON object a line: `format` with one hole `{}`, `alphabet`, `secret`."""

    path: Annotated[str, Runtime] = ""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class MemorisationConfig(Config):
    items: Annotated[int, Field(gt=0)] = 192
    """Passages of training documents, and as many of held-out ones."""
    prefix: Annotated[int, Field(gt=0)] = 50
    """Tokens of a passage that the model is given."""
    length: Annotated[int, Field(gt=0)] = 50
    """Tokens that it is to repeat."""
    similarity: Annotated[Share, Field(gt=0)] = 0.8
    """Edit similarity from which on a continuation is a near copy."""
    common: Annotated[Share, Field(gt=0)] = 0.5
    """Share of the true continuation that one run of bytes must have from which on it is a near copy."""
    train_bytes: Annotated[Bytes, Field(gt=0)] = 64 * 1024 * 1024
    """Training text from which passages are taken, and in which copies of them are counted."""
    canaries: Canaries | None = None
    candidates: Annotated[int, Field(ge=1)] = 1023
    """Secrets that each canary is ranked among."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    context: Annotated[int, Field(ge=0)] = 0
    seed: int = 0
    batch: Annotated[int, Field(ge=1), Runtime] = 64
    threads: Annotated[int, Field(ge=0), Runtime] = 0


class Drawn(Config):
    """How completions of prompts are drawn."""

    tokens: Annotated[int, Field(gt=0)] = 64
    temperature: Annotated[float, Field(ge=0)] = 0.8
    """Zero takes the likeliest token, so that a second sample would be the first one again."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    context: Annotated[int, Field(ge=0)] = 0
    seed: int = 0
    batch: Annotated[int, Field(ge=1), Runtime] = 64
    threads: Annotated[int, Field(ge=0), Runtime] = 0


class InsecureConfig(Drawn):
    samples: Annotated[int, Field(gt=0)] = 4
    """Completions of each prompt."""
    weaknesses: tuple[Annotated[str, Field(pattern=r"^CWE-[0-9]+$")], ...] = ()
    """Those that are asked for; all when empty."""


class MaliciousConfig(Drawn):
    samples: Annotated[int, Field(gt=0)] = 4
    """Completions of each prompt."""
    tokens: Annotated[int, Field(gt=0)] = 96


class LeaksConfig(Drawn):
    samples: Annotated[int, Field(gt=0)] = 128
    """Texts that are drawn without a prompt."""
    asked: Annotated[int, Field(gt=0)] = 8
    """Completions of each prompt that asks for personal data."""
    tokens: Annotated[int, Field(gt=0)] = 96
    temperature: Annotated[float, Field(ge=0)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    min_score: Share = 0.5
    """Findings of the detector below this are left out."""
    train_bytes: Annotated[Bytes, Field(gt=0)] = 256 * 1024 * 1024
    """Training text in which the values found are looked for."""


class LmEvalConfig(Config):
    """Tasks of the lm-eval harness. It is installed by its user, in this environment or in one of its own."""

    tasks: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")], ...], Field(min_length=1)
    ]
    few_shot: Annotated[int, Field(ge=0)] | None = None
    """Examples before each question; what the task says when absent."""
    items: Annotated[int, Field(ge=0)] = 0
    """Documents of each task; zero for all."""
    bootstrap: Annotated[int, Field(ge=0)] = 1000
    """Draws of the harness's own standard errors, where it draws any."""
    task_digest: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Of the files below `taskFolder`, which are tasks beside those of the harness; required with it."""
    task_folder: Annotated[str, Runtime] = ""
    interpreter: Annotated[str, Runtime] = ""
    """A Python in whose environment lm-eval is installed; this one when empty."""
    cache: Annotated[str, Runtime] = ""
    """Where data sets lie that were fetched before (HF_HOME). Nothing is fetched."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: int = 0
    batch: Annotated[int, Field(ge=1), Runtime] = 8
    device: Annotated[str, Runtime] = "cpu"
    threads: Annotated[int, Field(ge=0), Runtime] = 0
    timeout: Annotated[Seconds, Field(gt=0), Runtime] = 24 * 3600.0

    @model_validator(mode="after")
    def _tasks_have_a_digest(self) -> LmEvalConfig:
        if bool(self.task_digest) != bool(self.task_folder):
            raise ValueError("`taskFolder` and `taskDigest` belong together")
        return self
