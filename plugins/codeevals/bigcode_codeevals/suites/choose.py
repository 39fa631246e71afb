"""From settings to the tasks of a suite, with what identifies it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from bigcode.api import fail
from bigcode_codeevals.config import ProgramsConfig, TextsConfig
from bigcode_codeevals.refusals import SUITE_UNREADABLE
from bigcode_codeevals.suites.humaneval import humaneval, infilling
from bigcode_codeevals.suites.programs import apps, io_programs, mbpp, multipl_e
from bigcode_codeevals.suites.sources import HUMANEVAL, Record, humaneval_records, read_records
from bigcode_codeevals.suites.tasks import Task
from bigcode_codeevals.suites.texts import TextTask, code_to_text, text_to_code

_FORMATS = {
    "humaneval": humaneval, "mbpp": mbpp, "apps": apps, "multipl-e": multipl_e, "io": io_programs,
}  # fmt: skip
_TEXTS = {"text-to-code": text_to_code, "code-to-text": code_to_text}


class Named(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class Suite(Generic[T]):
    """`sha256` is of the file that the tasks come from; `names` are what a decontamination may call the suite."""

    name: str
    sha256: str
    names: tuple[str, ...]
    tasks: Sequence[T]


def programs(config: ProgramsConfig) -> Suite[Task]:
    """The tasks that the settings ask for.

    Raises:
        Problem: E708 or E702 where the file is not there or another one, E307 for tests that cannot be contained.
    """
    if config.suite == "file":
        records = read_records(config.name, Path(config.path), config.sha256)
        tasks = _formed(config.name, config.format, _FORMATS[config.format], records)
        return Suite(config.name, config.sha256, (config.name,), few(tasks, config.items))
    records = humaneval_records()
    if config.suite == "humaneval":
        tasks = list(humaneval(records))
    else:
        tasks = list(infilling(records, single=config.suite == "infilling-single-line"))
    return Suite(config.suite, HUMANEVAL, ("humaneval", config.suite), few(tasks, config.items))


def texts(config: TextsConfig) -> Suite[TextTask]:
    """The same for suites that are compared by their words."""
    records = read_records(config.name, Path(config.path), config.sha256)
    tasks = _formed(config.name, config.format, _TEXTS[config.format], records)
    return Suite(config.name, config.sha256, (config.name,), few(tasks, config.items))


def few(tasks: Sequence[T], items: int) -> Sequence[T]:
    """All, or so many by the digests of their names, in their order."""
    if not items or items >= len(tasks):
        return tasks
    ranked = sorted(tasks, key=lambda task: sha256(task.id.encode()).digest())
    kept = {task.id for task in ranked[:items]}
    return [task for task in tasks if task.id in kept]


def _formed(
    name: str, form: str, read: Callable[[Sequence[Record]], Iterable[T]], records: Sequence[Record]
) -> Sequence[T]:
    try:
        tasks = list(read(records))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, SyntaxError) as error:
        raise fail(
            SUITE_UNREADABLE,
            f"the suite {name} does not have the form {form}",
            hint="`format` must fit the file.",
        ) from error
    if not tasks or len({task.id for task in tasks}) < len(tasks):
        raise fail(SUITE_UNREADABLE, f"the suite {name} has no tasks, or two of one name")
    return tasks
