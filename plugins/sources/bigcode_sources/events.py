"""Archives of public events: read line by line, and folded by key without holding more than a bounded part."""

from __future__ import annotations

import heapq
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from bigcode.api import Diagnostic, FetchContext, Problem, Unit, fail
from bigcode_sources.config_events import EventsConfig
from bigcode_sources.intake import NEWEST
from bigcode_sources.lines import read_lines
from bigcode_sources.pinned import find_pinned, open_pinned

V = TypeVar("V")

LINE_BYTES = 2**24
"""A longer line is no event."""
HELD = 100_000
"""Keys in memory before they are written to the scratch folder."""
_FAILURES = {"E701": "gone", "E703": "unreachable", "E705": "too-large", "E708": "broken"}


def window_of(config: EventsConfig) -> dict[str, str]:
    """Place by sha256 of all archives, sorted by digest: neither order nor place is part of a window.

    Raises:
        Problem: E708 when a local archive cannot be read.
    """
    places = find_pinned(config.archives, config.root)
    return dict(sorted((sha256, place) for place, sha256 in places.items()))


def read_window(config: EventsConfig, unit: Unit, ctx: FetchContext) -> Iterator[dict[str, Any]]:
    """The events of all archives. Lines that are no event are counted, as is what follows damage in an archive.

    Raises:
        Problem: E702 when an archive does not have its digest, another code when it cannot be had.
    """
    window = window_of(config)
    if list(window) != unit.identity["archives"]:
        raise fail("E702", f"{unit.name}: an archive without a pin changed while the run went on")
    for number, (sha256, place) in enumerate(window.items()):
        ctx.progress(number, len(window))
        with open_pinned(place, sha256, config.root, ctx) as file:
            try:
                yield from _events(file, ctx)
            except (OSError, EOFError, zlib.error) as error:
                ctx.omit("broken-archive")
                message = (
                    f"{place}: the archive breaks off ({type(error).__name__}); what came before is taken"
                )
                ctx.warn(Diagnostic("E705", message, severity="warning"))


def report_failure(problem: Problem, ctx: FetchContext) -> None:
    """Say that the window cannot be had; an altered archive ends the run.

    Raises:
        Problem: the same, for E702.
    """
    found = problem.diagnostics[0]
    if found.code not in _FAILURES:
        raise problem
    ctx.warn(Diagnostic(found.code, found.message, hint=found.hint, severity="warning"))
    ctx.failed(_FAILURES[found.code])


def seconds_of(text: Any) -> int:
    """Seconds since the epoch of a time as events give it; zero where it says nothing."""
    if isinstance(text, int) and not isinstance(text, bool):
        return max(0, min(text, NEWEST))
    try:
        told = datetime.fromisoformat(text)
        return max(0, int((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()))
    except (TypeError, ValueError, OverflowError):
        return 0


def split_name(name: Any) -> tuple[str, str] | None:
    """Owner and repository of `owner/repository`."""
    if not isinstance(name, str) or not name.isprintable():
        return None
    owner, _, repository = name.partition("/")
    return (owner, repository) if owner and repository else None


def is_id(value: Any) -> bool:
    """Whether a value is a number that tells things apart, or counts them."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@dataclass(slots=True)
class Fold(Generic[V]):
    """Values by key, joined by a function that is associative and commutative. Beyond `held` keys, what is there
    is written to `folder` as a sorted run, and runs are joined at the end. Values are JSON."""

    join: Callable[[V, V], V]
    folder: Path
    held: int = HELD
    _here: dict[str, V] = field(default_factory=dict)
    _runs: list[Path] = field(default_factory=list)

    def add(self, key: str, value: V) -> None:
        """Join a value to what the key holds."""
        before = self._here.get(key)
        self._here[key] = value if before is None else self.join(before, value)
        if len(self._here) >= self.held:
            self._spill()

    def items(self) -> Iterator[tuple[str, V]]:
        """All keys with their values, sorted."""
        streams = [self._read(run) for run in self._runs]
        merged = heapq.merge(*streams, iter(sorted(self._here.items())), key=itemgetter(0))
        for key, group in itertools.groupby(merged, key=itemgetter(0)):
            values = (value for _, value in group)
            value = next(values)
            for other in values:
                value = self.join(value, other)
            yield key, value

    def _spill(self) -> None:
        run = self.folder / f"run-{len(self._runs)}.jsonl"
        with open(run, "w", encoding="utf-8") as file:
            for item in sorted(self._here.items()):
                file.write(json.dumps(item) + "\n")
        self._runs.append(run)
        self._here = {}

    @staticmethod
    def _read(run: Path) -> Iterator[tuple[str, V]]:
        with open(run, encoding="utf-8") as file:
            for line in file:
                key, value = json.loads(line)
                yield key, value


def _events(file: IO[bytes], ctx: FetchContext) -> Iterator[dict[str, Any]]:
    for line in read_lines(file, LINE_BYTES):
        # Some hours hold runs of NUL within a line, with an event on either side.
        for part in (line or b"null").split(b"\0"):
            if not part.strip():
                continue
            try:
                event = json.loads(part)
            except (ValueError, RecursionError):
                event = None
            if isinstance(event, dict):
                yield event
            else:
                ctx.omit("broken-line")
