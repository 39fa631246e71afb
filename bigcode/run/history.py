"""The runs of a store: what a run writes into its journal beside its commits, and what is read from journals later.

A journal is a log for people. It alone holds times; they enter no key, fact or card.
"""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bigcode.api.diagnostics import Diagnostic, fail
from bigcode.run.journal import Journal
from bigcode.store.store import Store

if TYPE_CHECKING:
    from bigcode.plan.graph import Node
    from bigcode.run.engine import Observer


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Chronicle:
    """An observer that keeps a run's story in its journal and passes everything on.

    Nothing is written before there is work: a run that finds nothing to do leaves no journal.
    """

    def __init__(
        self, journal: Journal, inner: Observer, workspace: str, *, clock: Callable[[], str] = now
    ) -> None:
        self._journal, self._inner, self._workspace, self._clock = journal, inner, workspace, clock
        self._begun = False

    def warned(self, warning: Diagnostic) -> None:
        if self._begun:
            self._journal.write("warned", code=warning.code, message=warning.message)
        self._inner.warned(warning)

    def node_started(self, node: Node, tasks: int) -> None:
        self._begin()
        self._inner.node_started(node, tasks)

    def task_finished(self, node: Node, label: str, warnings: list[Diagnostic]) -> None:
        self._inner.task_finished(node, label, warnings)

    def node_progress(self, node: Node, done: int, total: int) -> None:
        self._inner.node_progress(node, done, total)

    def node_failed(self, node: Node, problems: list[Diagnostic]) -> None:
        self._begin()
        for problem in problems:
            self._journal.write("failed", node=node.id, code=problem.code, message=problem.message)
        self._inner.node_failed(node, problems)

    def node_finished(self, node: Node, ran: int, reused: int, seconds: float, held: bool) -> None:
        if ran:
            self._begin()
            self._journal.write("node", node=node.id, ran=ran, reused=reused, seconds=round(seconds, 3))
        self._inner.node_finished(node, ran, reused, seconds, held)

    def end(self, ok: bool) -> None:
        """Say how the run ended; a run that was killed has no such line."""
        if self._begun:
            self._journal.write("end", ok=ok, at=self._clock())

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            command = " ".join(["bigcode", *sys.argv[1:]])
            self._journal.write(
                "run", at=self._clock(), who=_user(), workspace=self._workspace, command=command
            )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as its journal tells it. `started` and `ended` are UTC, empty where the journal does not say;
    `state` is done, failed, or broken off."""

    id: str
    started: str
    ended: str
    who: str
    workspace: str
    command: str
    tasks: int
    seconds: Mapping[str, float] = field(default_factory=dict)
    ran: Mapping[str, int] = field(default_factory=dict)
    moved: tuple[tuple[str, int], ...] = ()
    failures: tuple[Mapping[str, str], ...] = ()
    state: str = "done"

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "started": self.started,
            "ended": self.ended,
            "who": self.who,
            "workspace": self.workspace,
            "command": self.command,
            "tasks": self.tasks,
            "seconds": dict(self.seconds),
            "moved": [list(pair) for pair in self.moved],
            "failures": [dict(f) for f in self.failures],
            "state": self.state,
        }


def runs(store: Store) -> list[Run]:
    """All runs that did something, the oldest first."""
    base = store.base / "runs"
    folders = sorted(p for p in base.iterdir() if p.is_dir()) if base.is_dir() else []
    return [_read(folder) for folder in folders if (folder / "journal.jsonl").exists()]


def find_run(store: Store, name: str) -> Run:
    """The run whose id starts so; `last` is the newest.

    Raises:
        Problem: E004 when there is none, or several.
    """
    known = runs(store)
    number = f"{int(name):06d}" if name.isdigit() and len(name) < 6 else name
    found = known[-1:] if name == "last" else [run for run in known if run.id.startswith(number)]
    if len(found) != 1:
        hint = "`bigcode history` lists them." if known else "`bigcode apply` makes the first one."
        raise fail("E004", f"{len(found) or 'no'} runs have the id `{name}`", hint=hint)
    return found[0]


def events_of(store: Store, run: Run) -> list[dict[str, Any]]:
    """The lines of a run's journal; one that a crash tore is left out."""
    return list(_events(store.base / "runs" / run.id / "journal.jsonl"))


def _events(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _read(folder: Path) -> Run:
    path = folder / "journal.jsonl"
    events = list(_events(path))
    said: dict[str, Any] = next((e for e in events if e["event"] == "run"), {})
    end: dict[str, Any] = next((e for e in reversed(events) if e["event"] == "end"), {})
    failures = tuple({k: e[k] for k in ("node", "code", "message")} for e in events if e["event"] == "failed")
    seconds: dict[str, float] = {}
    ran: dict[str, int] = {}
    for event in (e for e in events if e["event"] == "node"):
        seconds[event["node"]] = seconds.get(event["node"], 0.0) + event["seconds"]
        ran[event["node"]] = ran.get(event["node"], 0) + event["ran"]
    state = "failed" if failures or end.get("ok") is False else "broken off" if said and not end else "done"
    return Run(
        folder.name,
        said.get("at", ""),
        end.get("at", "") or _written(path),
        said.get("who", ""),
        said.get("workspace", ""),
        said.get("command", ""),
        sum(e["event"] == "task" for e in events),
        seconds,
        ran,
        tuple((e["address"], e["generation"]) for e in events if e["event"] == "ref"),
        failures,
        state,
    )


def _written(path: Path) -> str:
    """When the last line was written, where the journal itself does not say."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_by_node(known: list[Run]) -> dict[str, tuple[float, int]]:
    """For each node the median of seconds a task, and over how many runs it was taken."""
    samples: dict[str, list[float]] = {}
    for run in known:
        for node, seconds in run.seconds.items():
            if run.ran.get(node):
                samples.setdefault(node, []).append(seconds / run.ran[node])
    return {node: (median(values), len(values)) for node, values in samples.items()}
