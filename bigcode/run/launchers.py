"""Launchers: how a process node is started, and how it is ended with its parent."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bigcode.api.diagnostics import fail
from bigcode.plan.slurm import sbatch_script
from bigcode.run import slurm

TICK_S = 0.25
SLOWEST_S = 10.0
"""Seconds between two looks at a job, at most; a young one is looked at more often."""
PATIENCE_S = 60.0
"""Seconds in which a job that is cancelled ends, a controller that is away comes back, and a result that is written on
another machine is seen here."""
JOB = ("-m", "bigcode.run.job")


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended: its exit code, and that in words, such as `with code 1`."""

    code: int
    said: str


class Launcher(Protocol):
    """Starts `python -m bigcode.run.job JOB` in some way and waits for it; its output goes to `log.txt` beside JOB."""

    def finds(self, job: Path) -> bool:
        """Whether the job is at work already, or ended well while nobody waited for it: `run` takes it over, unless
        `slurm.json` beside it is taken away."""
        ...

    def run(self, name: str, job: Path, runtime: Mapping[str, Any], tick: Callable[[], None]) -> End:
        """Run a job to its end. `tick` is called a few times a second, for progress.

        An exception in this process ends the job.

        Raises:
            Problem: E508 or E509 when it cannot be started.
        """
        ...


class SubprocessLauncher:
    """One process."""

    def finds(self, job: Path) -> bool:
        return False

    def command(self, job: Path, runtime: Mapping[str, Any]) -> list[str]:
        return [sys.executable, *JOB, str(job)]

    def run(self, name: str, job: Path, runtime: Mapping[str, Any], tick: Callable[[], None]) -> End:
        threads = runtime.get("threads")
        environment = {
            **os.environ,
            "GLOO_SOCKET_IFNAME": "lo",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": str(
                threads or max(1, (os.cpu_count() or 1) // int(runtime.get("processes", 1)))
            ),
        }
        with (job.parent / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                self.command(job, runtime),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
                preexec_fn=_follow_parent,
            )
            try:
                code = _wait(process, tick)
            except BaseException:
                end_group(process.pid)
                process.wait()
                raise
        return End(code, f"by signal {-code}" if code < 0 else f"with code {code}")


class TorchrunLauncher(SubprocessLauncher):
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
            *JOB,
            str(job),
        ]


class SlurmLauncher:
    """Ranks on the nodes of a cluster, whose file system holds the store. Nothing is said of network interfaces: the
    job has the environment of the one who submits it.

    The job does not end with this process, unless an exception does: when it is killed, the next run goes on waiting.
    """

    def finds(self, job: Path) -> bool:
        number, log = _number(job), _log(job)
        if not number:
            return False
        seen = _look_patiently(number, log, lambda seen: seen.state not in (slurm.AWAY, "COMPLETING"))
        if seen.state == slurm.AWAY:
            raise fail(
                "E509",
                f"Slurm does not answer, and its job {number} may still be at work",
                hint="Run the command again when `scontrol ping` says that the controller is up.",
            )
        return not seen.ended or (
            seen.state in ("COMPLETED", slurm.GONE) and (job.parent / "result.json").exists()
        )

    def run(self, name: str, job: Path, runtime: Mapping[str, Any], tick: Callable[[], None]) -> End:
        number = _number(job)
        try:
            if not number:
                script = job.with_name("job.sbatch")
                script.write_text(slurm_script(name, runtime))
                number = slurm.submit(script, job, _log(job))
                _place(job).write_text(json.dumps({"job": number}))
            return self._wait(number, job, tick)
        except BaseException:
            if number:
                slurm.cancel(number)
                _look_patiently(number, _log(job), lambda seen: seen.ended)
            raise

    def _wait(self, number: str, job: Path, tick: Callable[[], None]) -> End:
        started = looked = time.monotonic()
        while True:
            seen = slurm.look(number, _log(job))
            if seen.ended:
                break
            if seen.state == "PENDING":
                # What an earlier attempt left, which saved and queued itself again.
                (job.parent / "problem.json").unlink(missing_ok=True)
            looked = time.monotonic()
            while time.monotonic() - looked < min(SLOWEST_S, max(TICK_S, (looked - started) / 20)):
                threading.Event().wait(TICK_S)
                tick()
        result = job.parent / "result.json"
        code = 0 if seen.state in ("COMPLETED", slurm.GONE) else seen.code or 1
        deadline = time.monotonic() + PATIENCE_S
        while not code and not result.exists() and seen.state == "COMPLETED" and time.monotonic() < deadline:
            threading.Event().wait(TICK_S)
        if seen.state == slurm.GONE:
            return End(code, f"unseen (Slurm has forgotten its job {number})")
        return End(code, f"as {seen.state} with code {code}, as job {number} of Slurm,")


LAUNCHERS: dict[str, type[Launcher]] = {
    "subprocess": SubprocessLauncher,
    "torchrun": TorchrunLauncher,
    "slurm": SlurmLauncher,
}


def slurm_script(name: str, runtime: Mapping[str, Any]) -> str:
    """The script that is submitted for a Model; its argument is the job file.

    Raises:
        ValueError: for an option that would break the script.
    """
    return sbatch_script(name, runtime, JOB, python=sys.executable)


def _place(job: Path) -> Path:
    return job.with_name("slurm.json")


def _log(job: Path) -> Path:
    return job.with_name("log.txt")


def _number(job: Path) -> str:
    try:
        return str(json.loads(_place(job).read_text())["job"])
    except (OSError, ValueError, KeyError):
        return ""


def _look_patiently(number: str, log: Path, enough: Callable[[slurm.Look], bool]) -> slurm.Look:
    deadline = time.monotonic() + PATIENCE_S
    while not enough(seen := slurm.look(number, log)) and time.monotonic() < deadline:
        threading.Event().wait(TICK_S)
    return seen


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None]) -> int:
    while True:
        try:
            return process.wait(timeout=TICK_S)
        except subprocess.TimeoutExpired:
            tick()


def end_group(leader: int) -> None:
    """End a process and its children: SIGTERM, in which a training saves, then SIGKILL."""
    for signal_, patience in ((signal.SIGTERM, PATIENCE_S), (signal.SIGKILL, 0.0)):
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
