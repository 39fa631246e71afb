"""CodeXGLUE: code from a description, and a description of code.

Source: Lu et al. 2021, "CodeXGLUE: A Machine Learning Benchmark Dataset for Code Understanding and Generation". The
records are those of its repository: `nl` and `code` (text-to-code, CONCODE), `code_tokens` and `docstring_tokens`
(code-to-text).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bigcode_codeevals.suites.sources import Record


@dataclass(frozen=True, slots=True)
class TextTask:
    """What the model completes up to one of `stop`, and the words to compare with."""

    id: str
    prompt: str
    reference: tuple[str, ...]
    stop: tuple[str, ...]


def text_to_code(records: Sequence[Record]) -> Iterator[TextTask]:
    for number, record in enumerate(records):
        description = " ".join(str(record["nl"]).split())
        yield TextTask(
            str(number), f"// {description}\n", tuple(str(record["code"]).split()), ("\n\n", "\n//")
        )


def code_to_text(records: Sequence[Record]) -> Iterator[TextTask]:
    """The code, and the beginning of a comment that says what it does."""
    for number, record in enumerate(records):
        code = record.get("code") or " ".join(record["code_tokens"])
        words = tuple(word.lower() for word in record["docstring_tokens"])
        mark = "#" if record.get("language", "python") in ("python", "ruby") else "//"
        yield TextTask(str(number), f"{code}\n{mark} Summary:", words, ("\n",))
