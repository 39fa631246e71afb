"""A task of a suite of programs, whatever its format."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bigcode_codeevals.sandbox.pool import Job

TOP_LEVEL = (
    "\nclass ",
    "\ndef ",
    "\n#",
    "\n@",
    "\nif ",
    "\nprint(",
    "\nassert ",
    '\n"""',
    "\nimport ",
    "\nfrom ",
)
"""Where a function that is being completed has ended, in Python."""


@dataclass(frozen=True, slots=True)
class Task:
    """`prompt` is what the model completes, up to one of `stop`; with a `suffix` it fills in between the two.

    The program is `head`, the completion and `tail`. `reference` is a completion that is known to be right, where
    the suite has one. The other fields are those of a `Job`.
    """

    id: str
    prompt: str
    stop: tuple[str, ...] = TOP_LEVEL
    suffix: str | None = None
    head: str = ""
    tail: str = ""
    reference: str | None = None
    kind: Literal["tests", "calls", "io"] = "tests"
    entry: str = ""
    before: str = ""
    tests: str = ""
    check: str = ""
    cases: Sequence[Mapping[str, Any]] = ()

    def job(self, key: str, completion: str, argv: tuple[str, ...] = ()) -> Job:
        """What the sandbox is asked about a completion."""
        source = self.head + completion + self.tail
        return Job(
            key, source, self.kind, self.entry, self.before, self.tests, self.check, self.cases, argv
        )  # fmt: skip


def alone(text: str) -> str:
    """A prompt as a program of its own, so that tests can use what it defines; nothing where it is not one yet."""
    for candidate in (text, f"{text.rstrip()}\n    pass\n"):
        try:
            ast.parse(candidate)
        except (SyntaxError, ValueError):
            continue
        return candidate
    return ""
