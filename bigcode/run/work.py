"""What a walk over the graph knows: nodes at work, tasks in flight, results; and whom it tells."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bigcode.api.diagnostics import Diagnostic
from bigcode.api.shapes import Entry
from bigcode.plan.graph import Graph, Node
from bigcode.run.payload import Packer
from bigcode.store.actions import Action


class Observer(Protocol):
    """Is told what happens, in the order in which it happens."""

    def warned(self, warning: Diagnostic) -> None: ...
    def node_started(self, node: Node, tasks: int) -> None: ...
    def task_finished(self, node: Node, label: str, warnings: list[Diagnostic]) -> None: ...
    def node_progress(self, node: Node, done: int, total: int) -> None: ...
    def node_failed(self, node: Node, problems: list[Diagnostic]) -> None: ...
    def node_finished(self, node: Node, ran: int, reused: int, seconds: float, held: bool) -> None: ...


@dataclass
class Run:
    """The state of one walk: results by node and partition (without inputs), and how many tasks of a node are open."""

    graph: Graph
    results: dict[str, dict[str, Action]] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    ran: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)

    @property
    def finished(self) -> int:
        """How many nodes have all their results."""
        return len(self.results) - len(self.open)


@dataclass
class Work:
    """A node at work: its partitions in order, their keys, and those that are still to be handed over."""

    node: Node
    labels: Sequence[str]
    keys: Mapping[str, str]
    todo: deque[str]
    packer: Packer
    started: float = 0.0


@dataclass(frozen=True, slots=True)
class Flight:
    """A task in the executor's hands."""

    work: Work
    label: str
    inputs: Mapping[str, Sequence[Entry]]
    at_once: bool
    """It ran while it was handed over, in this process."""


def slim(action: Action) -> Action:
    """What a walk needs of a result: its inputs stay in the store alone, since a node of a thousand partitions may
    name a million."""
    return replace(action, inputs={})
