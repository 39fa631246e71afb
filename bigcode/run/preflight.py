"""Before the work: how much an apply would write and how long it would take, by what the store remembers.

An estimate has a basis or is not made. Bytes come from the outputs of the same partition before, else from its
node's; seconds from the median of earlier runs.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bigcode.api.diagnostics import Diagnostic, Problem, fail, raise_errors
from bigcode.plan.graph import Graph
from bigcode.plan.survey import Survey
from bigcode.run.history import runs, seconds_by_node
from bigcode.run.planning import survey_session
from bigcode.run.retire import refuse_work
from bigcode.run.session import Session
from bigcode.store.store import Store

DAMAGE = ("E503", "E504")
"""Objects that do not match their digest or are gone."""
TIGHT = 0.8
"""From this share of the free space on, a warning is given."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is to come. `unknown` are nodes that never ran here; `free` is None where the store has no disk."""

    tasks: int
    bytes: int
    seconds: float
    timed: int
    """Tasks that the seconds are for."""
    runs: int
    """Earlier runs that they come from, at most."""
    unknown: tuple[str, ...]
    free: int | None

    def line(self) -> str:
        """The estimate with its basis, for a person; empty where nothing is known."""
        if not self.timed:
            return ""
        some = "" if self.timed == self.tasks else f" for {self.timed:,} of {self.tasks:,} tasks"
        basis = f"median of {self.runs} earlier run{'s' if self.runs > 1 else ''}"
        rest = f"; new: {', '.join(self.unknown[:3])}" if self.unknown else ""
        more = f" and {len(self.unknown) - 3} more" if len(self.unknown) > 3 else ""
        return (
            f"About {_time(self.seconds)} of work{some}, {_size(self.bytes)} to write ({basis}{rest}{more})."
        )


def estimate(
    session: Session, graph: Graph, found: Survey, *, free_bytes: Callable[[Path], int] | None = None
) -> Estimate:
    """Look at what is pending.

    Args:
        free_bytes: free space at a path; that of the disk unless given.
    """
    store = session.store
    known = seconds_by_node(runs(store))
    total, seconds, timed, most = 0, 0.0, 0, 0
    unknown: dict[str, None] = {}
    steps = [s for s in found.changes if s.node in graph.nodes and graph.nodes[s.node].shape != "card"]
    sizes = _sizes(store, graph, {s.node for s in steps})
    for step in steps:
        of_node = sizes.get(step.node, {})
        size = of_node.get(step.label, median(of_node.values()) if of_node else None)
        if step.node in known:
            seconds += known[step.node][0]
            most = max(most, known[step.node][1])
            timed += 1
        if size is None:
            unknown.setdefault(step.node)
        total += int(size or 0)
    return Estimate(len(steps), total, seconds, timed, most, tuple(unknown), _free(store, free_bytes))


def check(
    session: Session, graph: Graph, found: Survey, *, free_bytes: Callable[[Path], int] | None = None
) -> tuple[Estimate, list[Diagnostic]]:
    """The estimate, and a warning where the disk would be nearly full.

    Raises:
        Problem: E515 when what earlier runs wrote does not fit.
    """
    made = estimate(session, graph, found, free_bytes=free_bytes)
    if made.free is None or made.bytes < TIGHT * made.free:
        return made, []
    hint = "`bigcode gc` frees what nothing needs; execution.store names another place."
    told = f"about {_size(made.bytes)} are to be written, and {_size(made.free)} are free at {session.store.base}"
    if made.bytes > made.free:
        raise fail("E515", told, hint=hint)
    return made, [Diagnostic("E515", told, None, hint, severity="warning")]


def look_ahead(
    session: Session, graph: Graph, targets: tuple[str, ...] = (), retrain: Iterable[str] = ()
) -> tuple[Estimate | None, list[Diagnostic]]:
    """What `apply` asks before it starts: whether the work may be done, fits, and how long it takes.

    Nothing is said of a store with damaged objects, which the walk itself makes good.

    Raises:
        Problem: E514 for work on what is retired or withdrawn, E515 for what does not fit.
    """
    try:
        found = survey_session(session, targets, retrain)[1]
    except Problem as problem:
        if all(d.code in DAMAGE for d in problem.diagnostics):
            return None, []
        raise
    raise_errors(refuse_work(session.workspace, graph, found))
    return check(session, graph, found)


def _sizes(store: Store, graph: Graph, nodes: set[str]) -> dict[str, dict[str, int]]:
    """Bytes that the last state of each node has, by partition."""
    out: dict[str, dict[str, int]] = {}
    for address in sorted({graph.nodes[n].resource for n in nodes}):
        value = store.refs.read(address).value or {}
        for node, keys in value.get("nodes", {}).items():
            if node not in nodes:
                continue
            for label, key in keys.items():
                action = store.actions.read(key)
                if action is not None:
                    out.setdefault(node, {})[label] = sum(entry.bytes for entry in action.entries())
    return out


def _free(store: Store, free_bytes: Callable[[Path], int] | None) -> int | None:
    """Free bytes where the store lies; the folder may not be there yet."""
    if not store.files.local:
        return None
    path = store.base
    while not path.exists():
        path = path.parent
    return free_bytes(path) if free_bytes else shutil.disk_usage(path).free


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
