"""One mirror per run: a queue, and a thread that writes to MLflow once there is something to write.

MLflow takes seconds to import and seconds to set up a new store, and any of its calls may fail; none of that
concerns the run. A failure is a warning, after three the mirror gives up.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING

from bigcode.api import NodeView, RunView

if TYPE_CHECKING:
    from bigcode_mlflow.writer import Writer

Event = Callable[["Writer"], None]

DRAIN_SECONDS = 60.0
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
    """Takes nodes from the run's thread and writes them in one of its own, in the same order."""

    def __init__(self, run: RunView) -> None:
        self.run = run
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._reused = 0

    def add_node(self, node: NodeView) -> None:
        if node.reused:
            self._reused += 1
        else:
            self._put(lambda writer: writer.log_node(node))

    def add_failure(self, node: NodeView, error: str) -> None:
        self._put(lambda writer: writer.log_failure(node, error))

    def close(self, ok: bool, within: float) -> None:
        """End the mirrored runs, if any work was done at all."""
        if self._thread is None:
            return
        reused = self._reused
        self._events.put(lambda writer: writer.end(ok, reused))
        self._events.put(None)
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
        writer: Writer | None = None
        failures = 0
        while (event := self._events.get()) is not None:
            if failures >= _GIVE_UP_AFTER:
                continue
            try:
                writer = writer or open_writer(self.run)
                event(writer)
            except Exception as error:
                failures += 1 if writer else _GIVE_UP_AFTER
                _log.warning("the MLflow mirror failed, the run goes on: %s", describe(error))


def open_writer(run: RunView) -> Writer:
    """Import MLflow, quietly and without its telemetry, and open the store."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from bigcode_mlflow.writer import Writer

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return Writer(run)


def describe(error: Exception) -> str:
    """An error in a line, without what an address may hold of credentials."""
    text = re.sub(r"://\S*@", "://***@", f"{type(error).__name__}: {error}")
    return " ".join(text.split())[:300]
