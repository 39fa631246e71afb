"""An executor over dask.distributed.

Dask schedules and carries no data: payloads and answers are a few hundred bytes. A task that raises is not tried
again. One whose worker died is run by another worker, since it writes nothing that a second run would not write
alike; one that took several workers with it fails.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Future, InvalidStateError
from hashlib import sha256
from itertools import count
from queue import SimpleQueue
from typing import Any

import dask
from distributed import Client, KilledWorker, LocalCluster
from distributed import Future as DaskFuture

from bigcode.api import fail
from bigcode_dask.config import DaskConfig

# A worker whose task holds the interpreter for long sends no heartbeat; that is no reason to give it up.
_TEN_YEARS = 315_360_000.0
_DEATHS = 2
"""How many workers may die over a task of a local cluster; at an address the scheduler's own setting holds."""
_LOOK = 1.0
"""Seconds between looks at the workers."""


class DaskExecutor:
    """Implements `bigcode.api.shapes.Executor`.

    `settings` holds `workers`, `threads_per_worker` and `scratch` for a local cluster, or `address` of a scheduler
    that runs already, whose workers must be able to import `bigcode` and to reach the store.
    """

    workers: int

    def __init__(self, config: DaskConfig, settings: Mapping[str, Any]) -> None:
        """Start or reach the cluster.

        Raises:
            Problem: E509 when there is no scheduler at the address, or no worker in time.
        """
        self._cluster: LocalCluster | None = None
        self._pending: dict[Future[bytes], DaskFuture[bytes]] = {}
        self._lost: SimpleQueue[tuple[DaskFuture[bytes], Future[bytes], str]] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._numbers = count()
        address = settings.get("address") or ""
        try:
            if not address:
                self._cluster = _start(config, settings)
            self._client = Client(
                address or self._cluster, timeout=config.connect_within, set_as_default=False
            )
            wanted = 1 if address else int(settings.get("workers") or 1)
            self._client.wait_for_workers(wanted, config.connect_within)
        except (OSError, TimeoutError, ValueError) as error:
            if hasattr(self, "_client"):
                self._client.close()
            if self._cluster is not None:
                self._cluster.close()
            what = f"the cluster at {address}" if address else "the local cluster"
            raise fail(
                "E509",
                f"{what} cannot be reached, or has no worker ({type(error).__name__})",
                hint="Check the address and start workers, or leave the address out for a local cluster.",
            ) from error
        self.workers = max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))
        self._place = address or "the local cluster"
        self._patience = float(dask.config.get("bigcode.alone-for", config.alone_for))
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._watch_workers, name="bigcode-dask", daemon=True)
        self._watch.start()

    def submit(self, function: Callable[[bytes], bytes], payload: bytes, name: str) -> Future[bytes]:
        """Call `function(payload)` on a worker; the dashboard groups tasks by `name`."""
        if self._closed:
            raise RuntimeError("the executor is closed")
        bridge: Future[bytes] = Future()
        key = key_of(name, payload, next(self._numbers))
        task = self._client.submit(function, payload, key=key, retries=0, pure=False)
        with self._lock:
            self._pending[bridge] = task
        bridge.add_done_callback(self._forget)
        self._listen(task, bridge, name)
        return bridge

    def _listen(self, task: DaskFuture[bytes], bridge: Future[bytes], name: str) -> None:
        task.add_done_callback(lambda done: self._hand_over(done, bridge, name))

    def close(self) -> None:
        """Cancel what is not finished, leave the scheduler, and stop the cluster if it was started here."""
        self._closed = True
        self._stop.set()
        self._watch.join()
        with self._lock:
            pending = list(self._pending)
        for bridge in pending:
            bridge.cancel()
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None

    def _watch_workers(self) -> None:
        """Listen again for answers that were lost. Give up all tasks when no worker is left, which Dask alone would
        wait for without end."""
        alone = 0.0
        while not self._stop.wait(_LOOK):
            for _ in range(self._lost.qsize()):
                self._listen(*self._lost.get())
            try:
                left = len(self._client.nthreads())
            except Exception:
                # The scheduler is gone; Dask tells the tasks, or will.
                continue
            alone = 0.0 if left else alone + _LOOK
            if alone >= self._patience:
                with self._lock:
                    pending = list(self._pending)
                for bridge in pending:
                    _give_up(bridge, f"no worker is left at {self._place}")

    def _hand_over(self, task: DaskFuture[bytes], bridge: Future[bytes], name: str) -> None:
        try:
            if task.status == "finished":
                bridge.set_result(task.result())
            elif task.status == "error":
                error = task.exception()
                died = BrokenExecutor(f"several workers died while they ran a task of {name}")
                bridge.set_exception(died if isinstance(error, KilledWorker) else error)
            elif task.status == "lost" and not self._closed:
                # The worker that held the answer died; another one is at the task now.
                self._lost.put((task, bridge, name))
            elif self._closed:
                bridge.set_exception(CancelledError())
            else:
                _give_up(bridge, f"the scheduler at {self._place} went away")
        except InvalidStateError:
            return
        except Exception as error:
            if not bridge.done():
                bridge.set_exception(error)

    def _forget(self, bridge: Future[bytes]) -> None:
        """Let the scheduler drop the answer; cancel the task when nobody waits for it any more."""
        with self._lock:
            task = self._pending.pop(bridge)
        if bridge.cancelled():
            task.cancel()
        else:
            task.release()


def key_of(name: str, payload: bytes, number: int) -> str:
    """The task's key: its name, a digest of the payload and a number that no other task of the run has.

    Dask groups keys by what precedes the first dash with a digit behind it, hence no other dash. Without the
    number, a task submitted again would be answered with what the first attempt left behind.
    """
    return f"{name.replace('-', '_')}-{number}-{sha256(payload).hexdigest()[:12]}"


def _start(config: DaskConfig, settings: Mapping[str, Any]) -> LocalCluster:
    """A cluster of processes on the loopback interface that says nothing unless it breaks."""
    return LocalCluster(
        n_workers=int(settings.get("workers") or 1),
        threads_per_worker=int(settings.get("threads_per_worker") or 1),
        processes=True,
        host="127.0.0.1",
        # The scheduler opens a port for HTTP in any case; a free one, lest two runs meet at the usual one.
        dashboard_address=config.dashboard or "127.0.0.1:0",
        silence_logs=logging.CRITICAL,
        scheduler_kwargs={
            "allowed_failures": _DEATHS,
            "worker_ttl": _TEN_YEARS,
            "dashboard": bool(config.dashboard),
        },
        memory_limit=0,
        local_directory=str(settings["scratch"]) if settings.get("scratch") else None,
        preload=["bigcode_dask.worker"],
    )


def _give_up(bridge: Future[bytes], what: str) -> None:
    with contextlib.suppress(InvalidStateError):
        bridge.set_exception(
            fail("E509", what, hint="Finished work is kept: start workers, and run the command again.")
        )
