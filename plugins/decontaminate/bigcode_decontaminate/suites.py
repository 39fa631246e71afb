"""Suites of tasks: the one that ships with the plugin, and files that a spec names by digest."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from bigcode.api import fail
from bigcode_decontaminate.config import Suite

_SHIPPED = {"humaneval": "HumanEval.jsonl.gz"}


class Task(NamedTuple):
    """`id` is unique in the suite; either text may be empty."""

    suite: str
    id: str
    prompt: str
    solution: str


def load_suite(suite: Suite) -> list[Task]:
    """The tasks of a suite, in its order.

    Raises:
        Problem: E708 where the file cannot be read as what its format says, E702 where it is not the pinned one.
    """
    if suite.suite:
        data = (resources.files("bigcode_decontaminate") / "data" / _SHIPPED[suite.suite]).read_bytes()
        return list(_tasks(suite, gzip.decompress(data)))
    try:
        data = Path(suite.path).read_bytes()
    except OSError as error:
        raise fail(
            "E708",
            f"the suite `{suite.name}` cannot be read: {error.strerror}",
            hint="Set its `path` in the overlay of this machine.",
        ) from error
    if sha256(data).hexdigest() != suite.sha256:
        raise fail(
            "E702",
            f"the suite `{suite.name}` is not the one that the spec pins",
            hint="Fetch the pinned file, or have a new `sha256` reviewed.",
        )
    try:
        return list(_tasks(suite, gzip.decompress(data) if suite.path.endswith(".gz") else data))
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise fail(
            "E708",
            f"the suite `{suite.name}` does not have the form {suite.format}",
            hint="`format` and the names of fields must fit the file.",
        ) from error


def _tasks(suite: Suite, data: bytes) -> Iterator[Task]:
    given: set[str] = set()
    for number, line in enumerate(data.decode("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        if suite.format == "lines":
            task = Task(suite.name, str(number), "", line)
        else:
            record: Any = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("a record is no object")
            named = suite.format == "jsonl"
            fields = (
                (suite.id_field, suite.prompt_field, suite.solution_field)
                if named
                else ("task_id", "prompt", "canonical_solution")
            )
            name, prompt, solution = (record.get(field, "") for field in fields)
            if not isinstance(prompt, str) or not isinstance(solution, str) or not (prompt or solution):
                raise ValueError("a record has no text")
            task = Task(suite.name, str(name) if name != "" else str(number), prompt, solution)
        if task.id in given:
            raise ValueError("two tasks have one name")
        given.add(task.id)
        yield task
