"""Runs one untrusted program in the cell around it and answers calls to it. Nothing that it says is a verdict."""

from __future__ import annotations

import io
import os
import random
import resource
import selectors
import socket
import sys
from collections.abc import Mapping
from itertools import islice
from typing import Any

import literals

_MOST_ITEMS = 100_000


def limit(limits: Mapping[str, Any]) -> None:
    """Hard limits of this process and of those that it starts."""
    memory, seconds = limits["memory"], limits["cpu"]
    for kind, soft, hard in (
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_NPROC, limits["processes"] + 1, limits["processes"] + 1),
        (resource.RLIMIT_FSIZE, limits["file"], limits["file"]),
        (resource.RLIMIT_NOFILE, 64, 64),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
    ):
        resource.setrlimit(kind, (soft, hard))


class Program:
    """The names that a source defines, and the objects that were given out by number."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.given: list[Any] = []

    def number(self, value: Any) -> int:
        self.given.append(value)
        return len(self.given) - 1

    def answer(self, request: Mapping[str, Any]) -> Any:
        does = request["do"]
        if does == "load":
            return self._load(request["source"])
        if does == "io":
            return run_whole(request)
        target = (
            self.names[request["name"]] if request.get("name") is not None else self.given[request["handle"]]
        )
        args = literals.decode(request.get("args", []), self.given.__getitem__)
        if does == "call":
            named = literals.decode(request["named"], self.given.__getitem__)
            return target(*args, **named)
        if does == "get":
            return getattr(target, args[0])
        if does == "item":
            return target[args[0]]
        if does == "length":
            return len(target)
        if does == "list":
            return list(islice(iter(target), _MOST_ITEMS))
        raise ValueError("unknown request")

    def _load(self, source: str) -> list[str]:
        module = type(sys)("program")
        sys.modules["program"] = module
        self.names = module.__dict__
        exec(compile(source, "<program>", "exec"), self.names)
        return sorted(name for name in self.names if isinstance(name, str))


def run_whole(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """A program as a process of its own: its output for one input. `argv` names an interpreter of other languages."""
    name = "/tmp/program"
    if not os.path.exists(name):
        with open(name, "w", encoding="utf-8") as file:
            file.write(request["source"])
    given_read, given_write = os.pipe()
    out_read, out_write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(given_read, 0)
            os.dup2(out_write, 1)
            os.closerange(3, 64)
            if request["argv"]:
                os.execv(request["argv"][0], [*request["argv"], name])
            sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8", "replace")
            sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", "replace")
            sys.argv = [name]
            main = type(sys)("__main__")
            sys.modules["__main__"] = main
            code = 0
            try:
                exec(compile(request["source"], name, "exec"), main.__dict__)
            except SystemExit as left:
                code = left.code if isinstance(left.code, int) else int(left.code is not None)
            sys.stdout.flush()
            os._exit(code & 255)
        except BaseException:
            os._exit(1)
    os.close(given_read)
    os.close(out_write)
    return _exchange(child, given_write, out_read, request["stdin"].encode(), request["most"])


def _exchange(child: int, given: int, out: int, data: bytes, most: int) -> Mapping[str, Any]:
    """Give a child its input and read its output, both at once, up to `most` bytes."""
    chosen = selectors.DefaultSelector()
    os.set_blocking(given, False)
    chosen.register(out, selectors.EVENT_READ)
    chosen.register(given, selectors.EVENT_WRITE)
    parts: list[bytes] = []
    size, sent, open_ended = 0, 0, True
    while open_ended and size <= most:
        for key, _ in chosen.select():
            if key.fd == out:
                part = os.read(out, 1 << 16)
                size += len(part)
                parts.append(part)
                open_ended = bool(part)
                continue
            try:
                sent += os.write(given, data[sent : sent + (1 << 16)])
            except BlockingIOError:
                continue
            except BrokenPipeError:
                sent = len(data)
            if sent == len(data):
                chosen.unregister(given)
                os.close(given)
                given = -1
    chosen.close()
    if given >= 0:
        os.close(given)
    os.close(out)
    if size > most:
        os.kill(child, 9)
    _, status = os.waitpid(child, 0)
    return {
        "out": b"".join(parts)[:most],
        "over": size > most,
        "code": os.waitstatus_to_exitcode(status),
    }


def serve(sock: socket.socket) -> None:
    """Answer requests until the other side closes."""
    wire = literals.Wire(sock)
    random.seed(0)
    for name in ("literals", "candidate", "__main__"):
        sys.modules.pop(name, None)
    wire.send("ready")
    program = Program()
    while True:
        request = wire.receive()
        if request is None:
            os._exit(0)
        try:
            value = program.answer(request)
            reply = {"value": literals.encode(value, program.number)}
        except Exception as error:
            reply = {"raised": type(error).__name__}
        wire.send(reply)
