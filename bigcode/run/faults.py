"""Named points at which a test can make the run fail, as an exception or as a real SIGKILL.

Set BIGCODE_FAULT=NAME, NAME:kill, or NAME:raise:N for the Nth time that the point is passed.
"""

from __future__ import annotations

import os
import signal

POINTS = (
    "apply.started",
    "object.written",
    "action.before",
    "action.committed",
    "journal.written",
    "process.started",
    "process.finished",
    "ref.before",
    "ref.moved",
    "cards.rendered",
    "drafts.staged",
)
STORE_POINTS = (
    "gc.marked",
    "gc.removed",
    "purge.recorded",
    "purge.replaced",
    "purge.buried",
    "purge.erased",
    "purge.caches",
)
"""Points of the commands that take things away."""
_passed: dict[str, int] = {}


class InjectedFault(BaseException):
    """Not an Exception: no handler of the program may swallow it."""


def point(name: str) -> None:
    """Pass a named point; does nothing unless a test asks for a fault here."""
    wanted = os.environ.get("BIGCODE_FAULT", "")
    if not wanted.startswith(name):
        return
    target, _, rest = wanted.partition(":")
    mode, _, nth = rest.partition(":")
    if target != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] != int(nth or 1):
        return
    if mode == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise InjectedFault(name)


def reset() -> None:
    """Forget how often points were passed; for tests that run several faults in one process."""
    _passed.clear()
