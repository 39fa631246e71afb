"""Launchers: how a process node is started, and how it is ended with its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol


class Launcher(Protocol):
    """Starts `python -m bigcode.run.job JOB` in some way and waits for it."""

    def command(self, job: Path, runtime: Mapping[str, Any]) -> list[str]: ...


class SubprocessLauncher:
    """One process."""

    def command(self, job: Path, runtime: Mapping[str, Any]) -> list[str]:
        return [sys.executable, "-m", "bigcode.run.job", str(job)]


class TorchrunLauncher:
    """Ranks on this machine; the rendezvous takes a free port of the loopback interface."""

    def command(self, job: Path, runtime: Mapping[str, Any]) -> list[str]:
        processes = int(runtime.get("processes", 1))
        return [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nnodes=1",
            f"--nproc-per-node={processes}",
            "--rdzv-backend=c10d",
            "--rdzv-endpoint=127.0.0.1:0",
            "--local-addr=127.0.0.1",
            f"--rdzv-id={job.parent.name[:12]}",
            "--max-restarts=0",
            "-m",
            "bigcode.run.job",
            str(job),
        ]


LAUNCHERS: dict[str, type[Launcher]] = {"subprocess": SubprocessLauncher, "torchrun": TorchrunLauncher}


def launch(launcher: Launcher, job: Path, runtime: Mapping[str, Any], tick: Callable[[], None]) -> int:
    """Run a job to its end and return its exit code; its output goes to `log.txt` beside it.

    `tick` is called a few times a second, for progress. An exception in this process ends the job.
    """
    threads = runtime.get("threads")
    environment = {
        **os.environ,
        "GLOO_SOCKET_IFNAME": "lo",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(threads or max(1, (os.cpu_count() or 1) // int(runtime.get("processes", 1)))),
    }
    with (job.parent / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            launcher.command(job, runtime),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
            preexec_fn=_follow_parent,
        )
        try:
            return _wait(process, tick)
        except BaseException:
            end_group(process.pid)
            process.wait()
            raise


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None]) -> int:
    while True:
        try:
            return process.wait(timeout=0.25)
        except subprocess.TimeoutExpired:
            tick()


def end_group(leader: int) -> None:
    """End a process and its children: SIGTERM, then SIGKILL after two seconds."""
    for signal_, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 0.0)):
        try:
            os.killpg(leader, signal_)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if os.waitpid(leader, os.WNOHANG)[0]:
                break
            threading.Event().wait(0.05)


def _follow_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
