"""Jobs of Slurm through its own commands: submit, look, cancel."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bigcode.api.diagnostics import fail

ENDED = frozenset(
    ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
    + ("BOOT_FAIL", "DEADLINE", "PREEMPTED", "REVOKED")
)
"""States that a job does not leave by itself."""
GONE, AWAY = "GONE", "AWAY"
"""Not Slurm's: a job that it has forgotten or gave to somebody else, and a controller that does not answer."""


@dataclass(frozen=True, slots=True)
class Look:
    """What Slurm says of a job. `code` is its exit code, 128 and the signal for one that a signal ended."""

    state: str
    code: int = 1

    @property
    def ended(self) -> bool:
        return self.state in ENDED or self.state == GONE


def submit(script: Path, argument: Path, log: Path) -> str:
    """Submit a script with an argument, and return the job's number.

    Raises:
        Problem: E509 where there is no Slurm, E508 where it refuses the job.
    """
    if shutil.which("sbatch") is None:
        raise fail(
            "E509",
            "the model is launched by Slurm, and there is no `sbatch` on this machine",
            hint="Run `bigcode apply` on a login node of the cluster; `bigcode plan SPEC --slurm DIR` writes the "
            "script that it submits.",
        )
    # A per cent sign in the name of a log stands for something.
    output = str(log).replace("%", "%%")
    done = _call(
        "sbatch", "--parsable", f"--output={output}", "--open-mode=append", str(script), str(argument)
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise fail(
            "E508",
            f"Slurm refused the job: {said.removeprefix('sbatch: ').removeprefix('error: ')}",
            hint=f"Its script is {script}; `runtime.slurm` of the Model says what it asks for.",
        )
    return done.stdout.strip().partition(";")[0]


def look(number: str, log: Path) -> Look:
    """What has become of a job that writes to `log`: numbers are given again when a cluster is set up anew."""
    done = _call("scontrol", "--oneliner", "show", "job", number)
    if done.returncode:
        return Look(GONE if "Invalid job id" in done.stderr else AWAY)
    state = re.search(r" JobState=(\w+)", done.stdout)
    if state is None or f" StdOut={log} " not in f"{done.stdout.strip()} ":
        return Look(GONE)
    code = re.search(r" ExitCode=(\d+):(\d+)", done.stdout)
    exited, signal = (int(code[1]), int(code[2])) if code else (1, 0)
    return Look(state[1], exited or (128 + signal if signal else 0))


def cancel(number: str) -> None:
    """Ask Slurm to end a job: its ranks are told, and killed after the cluster's `KillWait`."""
    _call("scancel", number)


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        # Ctrl-C goes to the whole group of a terminal; these commands are to finish.
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))
