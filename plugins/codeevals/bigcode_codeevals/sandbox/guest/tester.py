"""Judges programs that run elsewhere: tests are run here, and what they call is asked for over a socket.

Started as `tester.pyc FD` in a sandbox of its own. Each job comes with two descriptors: the program's socket and one
for the verdict. A fork of this process runs the tests of one program and then ends, so that no job sees another.
Nothing of a program is ever executed here, and only literals come from it.
"""

from __future__ import annotations

import builtins
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from typing import Any

sys.path.insert(0, "/guest")
# What tests of the common suites import; loaded once, before the forks.
import collections  # noqa: F401
import math
import random

import literals
from literals import BadReply, Wire


class Gone(Exception):
    """The program ended without an answer."""


class Broken(Exception):
    """The tests themselves are no program."""


class Refused(Exception):
    """The program could not be loaded."""


class Remote:
    """Something that the program holds: a function, an object, an iterator.

    It equals nothing but itself: whether a value is right is never asked of the program.
    """

    __slots__ = ("_link", "_where")

    def __init__(self, link: Link, **where: Any) -> None:
        self._link = link
        self._where = where

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._link.ask("call", self._where, args, named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._link.ask("get", self._where, (name,))

    def __getitem__(self, key: Any) -> Any:
        return self._link.ask("item", self._where, (key,))

    def __len__(self) -> Any:
        return self._link.ask("length", self._where)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        items = self._link.ask("list", self._where)
        if not isinstance(items, list):
            raise BadReply("no list")
        return iter(items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and self._where == other._where

    def __hash__(self) -> int:
        return hash(tuple(self._where.items()))


class Link:
    """Questions to a program, and its answers."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def ask(
        self,
        does: str,
        where: Mapping[str, Any],
        args: tuple[Any, ...] = (),
        named: Mapping[str, Any] | None = None,
    ) -> Any:
        request = {"do": does, **where, "args": literals.encode(list(args), self._number)}
        if does == "call":
            request["named"] = literals.encode(named or {}, self._number)
        return self.request(request)

    def request(self, request: Mapping[str, Any]) -> Any:
        try:
            self.wire.send(request)
            reply = self.wire.receive()
        except TimeoutError:
            raise
        except OSError as error:
            raise Gone from error
        if reply is None:
            raise Gone
        if not isinstance(reply, dict):
            raise BadReply("no reply")
        if "raised" in reply:
            kind = getattr(builtins, str(reply["raised"]), RuntimeError)
            known = isinstance(kind, type) and issubclass(kind, Exception)
            raise _exception(kind if known else RuntimeError)
        return literals.decode(reply.get("value"), lambda number: Remote(self, handle=number))

    def _number(self, value: Any) -> int:
        if isinstance(value, Remote) and "handle" in value._where:
            return int(value._where["handle"])
        raise TypeError("only literals are given to a program")


def _exception(kind: type[Exception]) -> Exception:
    """One of a kind; some cannot be made of a text alone."""
    try:
        return kind("raised by the program")
    except TypeError:
        return RuntimeError("raised by the program")


def judge(link: Link, job: Mapping[str, Any]) -> bool:
    """Run the tests; an exception that leaves this function is a failure."""
    try:
        before = compile(job["before"], "<before>", "exec")
        tests = compile(job["tests"], "<tests>", "exec")
    except (SyntaxError, ValueError) as error:
        raise Broken from error
    if job["kind"] == "io":
        return all(_case(link, job, case) for case in job["cases"])
    try:
        names = link.request({"do": "load", "source": job["source"]})
    except (Gone, BadReply):
        raise
    except Exception as error:
        raise Refused from error
    if not isinstance(names, list):
        raise BadReply("no names")
    if job["kind"] == "calls":
        return _calls(link, job, names)
    space: dict[str, Any] = {"__name__": "tests"}
    exec(before, space)
    entry = job["entry"]
    for name in names:
        mine = name in space or hasattr(builtins, name) or name not in _names(tests)
        if name == entry or not mine:
            space[name] = Remote(link, name=name)
    if entry and entry not in names:
        return False
    exec(tests, space)
    if job["check"]:
        space[job["check"]](space[entry])
    return True


def _names(code: Any) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            found |= _names(constant)
    return found


def _calls(link: Link, job: Mapping[str, Any], names: list[str]) -> bool:
    """Calls with expected values, of a function or of a method of the class Solution."""
    entry = job["entry"]
    if entry in names:
        function = Remote(link, name=entry)
    elif "Solution" in names:
        function = getattr(Remote(link, name="Solution")(), entry)
    else:
        return False
    for case in job["cases"]:
        value = _plain(function(*case["args"]))
        expected = _plain(case["expected"])
        # The published suite holds some expected values inside a list of their own.
        if value != expected and not (
            isinstance(expected, list) and len(expected) == 1 and value == expected[0]
        ):
            return False
    return True


def _plain(value: Any) -> Any:
    """JSON has no tuples: both sides are compared as lists."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(held) for key, held in value.items()}
    return value


def _case(link: Link, job: Mapping[str, Any], case: Mapping[str, Any]) -> bool:
    reply = link.request(
        {
            "do": "io",
            "source": job["source"],
            "argv": job["argv"],
            "stdin": case["stdin"],
            "most": job["output"],
        }
    )
    if not isinstance(reply, dict) or not isinstance(reply.get("out"), bytes):
        raise BadReply("no output")
    if reply.get("over"):
        raise BadReply("too long")
    # An exit code alone proves nothing; the output is what counts.
    return reply.get("code") == 0 and same_text(reply["out"].decode("utf-8", "replace"), case["stdout"])


def same_text(given: str, expected: str) -> bool:
    """Equal but for white space at line ends and around the whole, or word by word with numbers within 1e-6."""
    mine = [line.split() for line in given.strip().splitlines()]
    theirs = [line.split() for line in expected.strip().splitlines()]
    if mine == theirs:
        return True
    if [len(line) for line in mine] != [len(line) for line in theirs]:
        return False
    pairs = ((a, b) for x, y in zip(mine, theirs, strict=True) for a, b in zip(x, y, strict=True))
    return all(a == b or _close(a, b) for a, b in pairs)


def _close(a: str, b: str) -> bool:
    try:
        return ("." in a or "." in b) and math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-6)
    except ValueError:
        return False


def run_job(job: Mapping[str, Any], program: socket.socket, verdict: socket.socket) -> None:
    """Say what became of the tests; the caller ends this process."""
    wall = job["wall"]
    signal.setitimer(signal.ITIMER_REAL, wall + 2)
    resource.setrlimit(resource.RLIMIT_CPU, (int(wall) + 2, int(wall) + 3))
    program.settimeout(wall)
    link = Link(Wire(program, job["output"], 4 * job["output"]))
    random.seed(0)
    try:
        if link.wire.receive() != "ready":
            said = ("infra", "candidate")
        else:
            said = ("passed", "") if judge(link, job) else ("failed", "wrong")
    except Broken:
        said = ("infra", "the tests are no program")
    except Gone:
        said = ("failed", "exited")
    except BadReply:
        said = ("failed", "reply")
    except Refused:
        said = ("failed", "load")
    except TimeoutError:
        said = ("timeout", "wall")
    except AssertionError:
        said = ("failed", "wrong")
    except MemoryError:
        said = ("failed", "reply")
    except BaseException:
        said = ("failed", "raised")
    Wire(verdict).send({"verdict": said[0], "reason": said[1]})


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    wire = Wire(control)
    wire.send("ready")
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        if len(descriptors) != 2:
            os._exit(0)
        job = wire.receive()
        if os.fork() == 0:
            control.close()
            program, verdict = (socket.socket(fileno=fd) for fd in descriptors)
            run_job(job, program, verdict)
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


main()
