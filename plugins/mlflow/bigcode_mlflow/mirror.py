"""One mirror per run: a queue, and a thread that writes to MLflow once there is something to write.

MLflow takes seconds to import and seconds to set up a new store, and any of its calls may fail; none of that
concerns the run. A failure is a warning.
"""

from __future__ import annotations

import logging
import math
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

from bigcode.api import NodeView, RunView

if TYPE_CHECKING:
    from bigcode_mlflow.registry import Released
    from bigcode_mlflow.writer import Writer

Event = Callable[["Writer"], None]

DRAIN_SECONDS = 60.0
FOLD_SECONDS = 10.0
REST_SECONDS = 30.0
_GIVE_UP_AFTER = 3
_log = logging.getLogger("bigcode_mlflow")
_open: dict[str, Mirror] = {}


def start(run: RunView) -> None:
    """Get ready; nothing is imported or made yet."""
    _open[run.id] = Mirror(run)


def find(run: RunView) -> Mirror:
    """The mirror of a run."""
    return _open.setdefault(run.id, Mirror(run))


def finish(run: RunView, ok: bool, within: float = DRAIN_SECONDS) -> None:
    """Wait until all is written, but not longer than `within` seconds."""
    mirror = _open.pop(run.id, None)
    if mirror is not None:
        mirror.close(ok, within)


class Mirror:
    """Takes nodes from the run's thread and writes them in one of its own, in the same order.

    What could not be written is tried again before the run ends. After three failures in a row nothing is tried for
    a while, so that a server that is gone costs little and one that comes back is found again.
    """

    def __init__(self, run: RunView) -> None:
        self.run = run
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._reused: dict[str, list[NodeView]] = {}
        self._folded: dict[str, float] = {}
        self._late: list[Event] = []
        self._told: set[str] = set()
        self._writer: Writer | None = None
        self._failures = 0
        self._rest = 0.0

    def add_node(self, node: NodeView) -> None:
        """A node whose result was there already is shown where another one of its resource did some work."""
        if node.reused:
            self._reused.setdefault(node.resource, []).append(node)
            return
        known = [fact for other in self._reused.get(node.resource, ()) for fact in other.facts]
        self._put(lambda writer: writer.log_node(node, known))

    def add_progress(self, node: NodeView) -> None:
        """What the journal of a node that still works holds so far; at most every ten seconds."""
        now = time.monotonic()
        if node.journal is not None and now - self._folded.get(node.id, -math.inf) >= FOLD_SECONDS:
            self._folded[node.id] = now
            self._put(_Passing(lambda writer: writer.fold(node)))

    def add_failure(self, node: NodeView, error: str) -> None:
        self._put(lambda writer: writer.log_failure(node, error))

    def add_release(self, release: Released) -> None:
        self._put(lambda writer: writer.log_release(release))

    def close(self, ok: bool, within: float) -> None:
        """End the mirrored runs, if any work was done at all."""
        if self._thread is None:
            return
        reused = sum(map(len, self._reused.values()))
        self._events.put(_Last(lambda writer: writer.end(ok, reused)))
        self._thread.join(within)
        if self._thread.is_alive():
            _log.warning("the MLflow mirror is not done after %.0f s; the rest of it is left out", within)

    def _put(self, event: Event) -> None:
        if self._thread is None:
            # A daemon: a tracking server that hangs must not keep the program from ending.
            self._thread = threading.Thread(target=self._write, name="bigcode-mlflow", daemon=True)
            self._thread.start()
        self._events.put(event)

    def _write(self) -> None:
        while not isinstance(event := self._events.get(), _Last):
            if not self._try(event) and not isinstance(event, _Passing):
                self._late.append(event)
        self._rest, self._failures = 0.0, 0
        self._late.append(event)
        for late in self._late:
            self._try(late)
            if self._failures >= _GIVE_UP_AFTER:
                break

    def _try(self, event: Event) -> bool:
        """Whether an event was written; one is not even tried while the mirror rests."""
        if time.monotonic() < self._rest:
            return False
        try:
            self._writer = self._writer or open_writer(self.run)
            event(self._writer)
        except Exception as error:
            self._failures += 1 if self._writer else _GIVE_UP_AFTER
            if self._failures >= _GIVE_UP_AFTER:
                self._rest = time.monotonic() + REST_SECONDS
            told = describe(error)
            if told not in self._told:
                self._told.add(told)
                _log.warning("the MLflow mirror failed, the run goes on: %s", told)
            return False
        self._failures = 0
        return True


@dataclass(frozen=True, slots=True)
class _Passing:
    """An event that a later one makes good, should it fail."""

    event: Event

    def __call__(self, writer: Writer) -> None:
        self.event(writer)


class _Last(_Passing):
    """The event after which there is none."""


def open_writer(run: RunView) -> Writer:
    """Import MLflow, quietly and without its telemetry, and open the store."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    # Standard output belongs to the command.
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    # Its own retries take minutes; the mirror has its own.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
    from bigcode_mlflow.writer import Writer

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return Writer(run)


def describe(error: Exception) -> str:
    """An error in a line, without what an address may hold of credentials."""
    text = re.sub(r"://\S*@", "://***@", f"{type(error).__name__}: {error}")
    return " ".join(text.split())[:300]
