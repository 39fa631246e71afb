"""Run a command and measure its whole process tree.

CPU seconds come from the kernel's account of every process that ends below this one, orphans too, so no short-lived
worker is missed. Memory is sampled: the sum of the proportional set sizes of all processes (a page that several share
counts once), of which `peak_anonymous_mb` leaves out pages of mapped files, which the kernel can drop. Linux alone.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

INTERVAL = 0.2
"""Seconds between two samples of memory."""
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Measure:
    """Seconds, and megabytes of 10^6 bytes."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    peak_anonymous_mb: float
    exit_code: int

    def as_json(self) -> dict[str, float]:
        return {name: round(value, 3) for name, value in asdict(self).items()}


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Measure:
    """The measure of a command; what it prints goes to `log`, or nowhere.

    The command runs below a fresh process, so that nothing else which this one started is counted.

    Raises:
        RuntimeError: when the command fails, with the end of its log.
    """
    output = log or Path(os.devnull)
    with output.open("ab") as sink:
        answer = subprocess.run(
            [sys.executable, __file__, *map(str, command)],
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sink,
            check=False,
        )
    measure = Measure(**json.loads(answer.stdout.splitlines()[-1]))
    if measure.exit_code:
        tail = log.read_bytes()[-4000:].decode(errors="replace") if log else ""
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {int(measure.exit_code)}\n{tail}")
    return measure


def _supervise(command: Sequence[str]) -> Measure:
    """Start the command, and reap it and all that it leaves behind."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    peak, done = [0.0, 0.0], threading.Event()
    sampler = threading.Thread(target=_sample, args=(peak, done), daemon=True)
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=sys.stderr)
    sampler.start()
    cpu, wall, code = 0.0, 0.0, 0
    while True:
        try:
            pid, status, used = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += used.ru_utime + used.ru_stime
        if pid == child.pid:
            wall, code = time.perf_counter() - started, os.waitstatus_to_exitcode(status)
            child.returncode = code
            # What outlives the command is no part of its work; it would keep the meter waiting for ever.
            for left in _tree(os.getpid()):
                os.kill(left, signal.SIGTERM)
    done.set()
    sampler.join()
    return Measure(cpu, wall, peak[0], peak[1], code)


def _sample(peak: list[float], done: threading.Event) -> None:
    while not done.wait(INTERVAL):
        total = anonymous = 0
        for pid in _tree(os.getpid()):
            found = _memory(pid)
            total, anonymous = total + found[0], anonymous + found[1]
        peak[0], peak[1] = max(peak[0], total * 1024 / 1e6), max(peak[1], anonymous * 1024 / 1e6)


def _tree(root: int) -> list[int]:
    """Every process below `root`, without it."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text(errors="replace")
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry))
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _memory(pid: int) -> tuple[int, int]:
    """Proportional set size and its anonymous part, in KiB; zero for a process that has ended."""
    try:
        lines = Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    values = {line.split(":")[0]: line.split() for line in lines[1:]}
    return int(values["Pss"][1]), int(values["Pss_Anon"][1])


if __name__ == "__main__":
    print(json.dumps(_supervise(sys.argv[1:]).as_json()))
