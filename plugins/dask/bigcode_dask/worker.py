"""What a worker process of a local cluster does before its first task (a preload of the worker)."""

from __future__ import annotations

import ctypes
import signal
from typing import Any

_PR_SET_PDEATHSIG = 1


def dask_setup(worker: Any) -> None:
    """Die with the parent, and leave an interrupt from the keyboard to it.

    Dask has a thread in each worker that notices when the parent is gone; the kernel's signal also works while a
    task holds the interpreter. The parent decides what an interrupt means: work in flight is finished first.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
