"""An executor that does one task at a time in its own process and writes down what each takes."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import resource
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pyarrow as pa

from bigcode.run.payload import unpack, unpack_answer
from bigcode_plain.config import PlainConfig


class MeteringExecutor:
    """Appends a JSON line for each task to the file that `execution.address` names.

    node, label, cpu_s, metering_s (what measuring took before it), memory (bytes that the task added to the peak of
    the process), inputs (objects, rows and bytes by input), outputs (likewise).
    """

    workers = 1

    def __init__(self, config: PlainConfig, settings: Mapping[str, Any]) -> None:
        self._log = Path(settings["address"])

    def submit(self, function: Callable[[bytes], bytes], payload: bytes, name: str) -> Future[bytes]:
        future: Future[bytes] = Future()
        entered = time.process_time()
        before, started = _reset_peak(), time.process_time()
        try:
            answer = function(payload)
        except Exception as error:
            future.set_exception(error)
            return future
        spent = time.process_time() - started
        # Long lists travel as digests of objects; what they hold is looked up after the clock has stopped.
        task, store = unpack(payload)
        said = json.loads(unpack_answer(answer, store))
        line = {
            "node": task.node,
            "label": task.label,
            "cpu_s": spent,
            "metering_s": started - entered,
            "memory": max(0, _status("VmHWM") - before),
            "inputs": {key: _sum(entries) for key, entries in task.inputs.items()},
            "outputs": {key: _sum(entries) for key, entries in said["outputs"].items()},
        }
        with self._log.open("a") as log:
            log.write(json.dumps(line) + "\n")
        future.set_result(answer)
        return future

    def close(self) -> None:
        """Nothing was started."""


def _sum(entries: list[list[Any]]) -> list[int]:
    return [len(entries), sum(entry[2] for entry in entries), sum(entry[3] for entry in entries)]


def _reset_peak() -> int:
    """Start a new peak of resident memory, where the kernel lets a process do so; returns what is resident now.

    What earlier tasks have left to the allocators goes back first, or the next task would seem to need nothing.
    """
    gc.collect()
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0
