"""Starts sandboxes inside the outer one and pairs each program with a judge. Standard library only.

Started as `supervisor.py SETTINGS` with JSON. Jobs arrive as frames on descriptor 0, verdicts leave on descriptor 1.
Each worker keeps a judge, a process that forks cells, and one cell that waits for the next program. A cell is used
once.
"""

from __future__ import annotations

import json
import os
import py_compile
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from literals import BadReply, Wire  # noqa: E402

_GUEST = "/tmp/guest"
_STARTED = 30.0


class Pipes:
    """Two pipes as what `Wire` asks of a socket."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self.incoming, self.outgoing = incoming, outgoing

    def recv(self, most: int, /) -> bytes:
        return os.read(self.incoming, most)

    def sendall(self, data: bytes, /) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.outgoing, view) :]


class Broken(Exception):
    """A sandbox did not start or went away by itself."""


class Uids:
    """A user of its own for each sandbox, or 0 where users cannot be changed."""

    def __init__(self, first: int, count: int) -> None:
        self.first, self.count, self.given = first, count, 0
        self.lock = threading.Lock()

    def next(self) -> int:
        if not self.first:
            return 0
        with self.lock:
            self.given += 1
            return self.first + self.given % self.count


class Guest:
    """A guest script that outlives its jobs; `sock` is this side of its socket."""

    def __init__(self, command: Sequence[str], *args: str) -> None:
        mine, theirs = socket.socketpair()
        self.said = os.memfd_create("said")
        self.process = subprocess.Popen(
            [*command, str(theirs.fileno()), *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.said,
            pass_fds=[theirs.fileno()],
            env={"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "HOME": "/tmp", "PATH": "/usr/bin:/bin"},
        )
        theirs.close()
        self.sock = mine
        ready, _, _ = select.select([mine], [], [], _STARTED)
        if not ready or Wire(mine).receive() != "ready":
            self.end()
            os.lseek(self.said, 0, os.SEEK_SET)
            words = os.read(self.said, 4096).decode("utf-8", "replace").strip().splitlines()
            raise Broken(words[-1] if words else "a guest did not start")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.sock.close()


class Cell:
    """A sandbox for one program; `program` is the socket on which it will answer."""

    def __init__(self, cells: Guest, uid: int) -> None:
        self.program, theirs = socket.socketpair()
        self.status, write = os.pipe()
        self.told = b""
        try:
            socket.send_fds(cells.sock, [b"c"], [theirs.fileno(), write])
            Wire(cells.sock).send(uid)
        finally:
            theirs.close()
            os.close(write)

    def tell(self, patience: float) -> Mapping[str, Any] | None:
        """What the cell says next, or None within `patience` seconds."""
        until = time.monotonic() + patience
        while b"\n" not in self.told:
            ready, _, _ = select.select([self.status], [], [], max(0.0, until - time.monotonic()))
            part = os.read(self.status, 4096) if ready else b""
            if not part:
                return None
            self.told += part
        line, _, self.told = self.told.partition(b"\n")
        said: Mapping[str, Any] = json.loads(line)
        return said

    def end(self, patience: float = 0.0) -> Mapping[str, Any] | None:
        """How it ended by itself within `patience` seconds, or None; nothing of it is left afterwards."""
        self.program.close()
        first = self.tell(_STARTED)
        if first is None or "broken" in first:
            os.close(self.status)
            raise Broken(first["broken"] if first else "a cell did not start")
        said = self.tell(patience)
        if said is None:
            try:
                os.kill(first["pid"], signal.SIGKILL)
            except ProcessLookupError:
                pass
            if self.tell(_STARTED) is None:
                raise Broken("a cell cannot be ended")
        os.close(self.status)
        return said


class Worker(threading.Thread):
    """Judges one job after another. What breaks is started anew, and its job tried once more."""

    def __init__(
        self, settings: Mapping[str, Any], uids: Uids, jobs: queue.Queue[Any], answer: Callable[[Any], None]
    ) -> None:
        super().__init__(daemon=True)
        self.settings, self.uids, self.jobs, self.answer = settings, uids, jobs, answer
        self.judge: Guest | None = None
        self.cells: Guest | None = None
        self.waiting: Cell | None = None

    def run(self) -> None:
        while True:
            job = self.jobs.get()
            said: Mapping[str, Any] = {}
            for _ in range(2):
                try:
                    said = self.do(job)
                except (Broken, OSError, BadReply) as error:
                    said = {"verdict": "infra", "reason": f"{error or type(error).__name__}"}
                    self.reset()
                if said["verdict"] != "infra":
                    break
            self.answer({**said, "key": job["key"]})

    def reset(self) -> None:
        for guest in (self.judge, self.cells):
            if guest:
                guest.end()
        self.judge = self.cells = self.waiting = None

    def cell(self) -> Cell:
        assert self.cells is not None
        return Cell(self.cells, self.uids.next())

    def do(self, job: Mapping[str, Any]) -> Mapping[str, Any]:
        """The verdict on a job. The cell of the next one starts meanwhile.

        Raises:
            Broken, OSError, BadReply: there is no verdict.
        """
        if self.judge is None or self.cells is None or self.waiting is None:
            uid = self.uids.next()
            prefix = [part.replace("UID", str(uid)) for part in self.settings["user"]] if uid else []
            self.judge = Guest([*prefix, *self.settings["judge"]])
            self.cells = Guest(self.settings["cells"], json.dumps(self.settings["limits"]))
            self.waiting = self.cell()
        cell, control = self.waiting, self.judge.sock
        started = time.monotonic()
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                socket.send_fds(control, [b"j"], [cell.program.fileno(), theirs.fileno()])
                Wire(control).send(job)
            cell.program.close()
            self.waiting = self.cell()
            said = self.verdict(ours, job["wall"])
        end = cell.end(patience=1.0 if said["reason"] == "exited" else 0.0)
        if said["reason"] == "exited" and end and end["cpu"] >= self.settings["limits"]["cpu"]:
            said = {"verdict": "timeout", "reason": "cpu"}
        return {**said, "seconds": round(time.monotonic() - started, 4)}

    def verdict(self, sock: socket.socket, wall: float) -> Mapping[str, Any]:
        started = time.monotonic()
        ready, _, _ = select.select([sock], [], [], wall + 5)
        said: Mapping[str, Any] | None = Wire(sock, 4096).receive() if ready else None
        if said is None:
            if time.monotonic() - started >= wall:
                return {"verdict": "timeout", "reason": "wall"}
            raise Broken("the judge ended without a verdict")
        return said


def compile_guests() -> None:
    """The judge runs in a sandbox that sees these files alone."""
    os.makedirs(_GUEST)
    for name in ("literals", "tester"):
        py_compile.compile(
            os.path.join(HERE, f"{name}.py"),
            f"{_GUEST}/{name}.pyc",
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        os.chmod(f"{_GUEST}/{name}.pyc", 0o644)
    os.chmod(_GUEST, 0o755)


def main() -> None:
    settings = json.loads(sys.argv[1])
    os.umask(0o022)
    compile_guests()
    channel = Wire(Pipes(os.dup(0), os.dup(1)))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    jobs: queue.Queue[Any] = queue.Queue()
    lock = threading.Lock()

    def answer(message: Mapping[str, Any]) -> None:
        with lock:
            channel.send(message)

    uids = Uids(settings["uid"], settings["uids"])
    for _ in range(settings["workers"]):
        Worker(settings, uids, jobs, answer).start()
    while True:
        job = channel.receive()
        if job is None:
            os._exit(0)
        jobs.put(job)


main()
