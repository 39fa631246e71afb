"""Executors of the core: in this process, or a pool of processes. Others come from plugins."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

from bigcode.api.components import load_object
from bigcode.api.diagnostics import fail
from bigcode.api.shapes import Executor
from bigcode.host.registry import Registry


class InlineExecutor:
    """Runs each task at once in this process."""

    workers = 1

    def submit(self, function: Callable[[bytes], bytes], payload: bytes, name: str) -> Future[bytes]:
        future: Future[bytes] = Future()
        try:
            future.set_result(function(payload))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing was started."""


class LocalPool:
    """Processes that start clean (no fork of a threaded parent) and die with the parent."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(os.getpid(),),
        )

    def submit(self, function: Callable[[bytes], bytes], payload: bytes, name: str) -> Future[bytes]:
        return self._pool.submit(function, payload)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _start_worker(parent: int) -> None:
    # Ctrl-C reaches the whole terminal group; the parent alone decides what is still finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent)


def die_with_parent(parent: int = 0) -> None:
    """Ask the kernel to end this process when its parent ends (Linux)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if parent and os.getppid() != parent:
        os._exit(1)


def make_executor(settings: Mapping[str, Any], registry: Registry, scratch: str) -> Executor:
    """The executor that the Project's `execution` names; `auto` is Dask where installed, else the local pool.

    Raises:
        Problem: E509 when the one that is named cannot be had.
    """
    name = settings["executor"]
    workers = settings["workers"] or os.cpu_count() or 1
    if name == "auto":
        name = "dask" if "dask" in registry.offers else "local"
    if name == "inline" or (name == "local" and workers == 1):
        return InlineExecutor()
    if name == "local":
        return LocalPool(workers)
    component = registry.find(name)
    if component.slot != "executor":
        raise fail(
            "E509", f"`{name}` is no executor", hint="Use auto, local, inline, or a plugin's executor."
        )
    config = registry.config_of(component)()
    try:
        made: Executor = load_object(component.factory)(
            config,
            {
                "workers": workers,
                "threads_per_worker": settings["threadsPerWorker"],
                "address": settings["address"],
                "scratch": scratch,
            },
        )
    except ImportError as error:
        raise fail(
            "E509",
            f"the executor `{name}` is not installed: {error}",
            hint="Install `bigcode[dask]`, or set `executor: local`.",
        ) from error
    return made
