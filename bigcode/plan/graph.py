"""The graph of a workspace: nodes, the edges between their partitions, and an order to walk them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Shape = Literal["collect", "observe", "map", "shingle", "link", "reduce", "core", "process", "card"]
Mode = Literal["same", "all", "named", "range", "facts"]


@dataclass(frozen=True, slots=True)
class Edge:
    """Where an input comes from.

    `same`: the source's partition of the same label. `all`: all of its partitions. `named`: of all partitions
    the entries that are named like the own label. `range`: for the label `NAME/LOW-HIGH`, the entries `NAME` of
    the source's partitions LOW to HIGH. `facts`: the facts of the node. `select` keeps entries whose name
    starts so. An edge that is not `keyed` is read by digests that a keyed input names, so it adds nothing.
    """

    name: str
    node: str
    output: str = ""
    mode: Mode = "same"
    select: str = ""
    keyed: bool = True


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a resource. `identity` enters the key; `params` and `runtime` say how it is run.

    `partitions` are fixed labels, or come from the output `layout` of the node named in `dynamic`.
    `literals` are digests of objects that stand in the store before the run, such as a sealed opt-out list.
    """

    id: str
    resource: str
    shape: Shape
    component: str
    behaviour: int
    factory: str
    identity: Any
    inputs: tuple[Edge, ...] = ()
    partitions: tuple[str, ...] = ("",)
    dynamic: str = ""
    partition_identity: Mapping[str, Any] = field(default_factory=dict)
    literals: Mapping[str, str] = field(default_factory=dict)
    config_class: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    runtime: Mapping[str, Any] = field(default_factory=dict)
    grain: str = ""
    launch: str = ""
    recorded: bool = False
    pinned: bool = False

    @property
    def step(self) -> str:
        return self.id.partition("#")[2]


@dataclass(frozen=True)
class Graph:
    """Nodes by id in an order in which every source stands before its readers."""

    nodes: Mapping[str, Node]

    @cached_property
    def _by_resource(self) -> Mapping[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            found.setdefault(node.resource, []).append(node)
        return found

    @cached_property
    def pinned(self) -> Sequence[Node]:
        """Nodes whose results stay when their data moves on."""
        return [node for node in self.nodes.values() if node.pinned]

    def of(self, resource: str) -> list[Node]:
        return list(self._by_resource.get(resource, ()))

    def resources(self) -> list[str]:
        return list(self._by_resource)

    def closure(self, wanted: Iterable[str]) -> Graph:
        """The nodes of these resources and everything that they read."""
        keep: set[str] = set()
        stack = [node.id for address in dict.fromkeys(wanted) for node in self.of(address)]
        while stack:
            name = stack.pop()
            if name not in keep:
                keep.add(name)
                stack += sources(self.nodes[name])
        return Graph({name: node for name, node in self.nodes.items() if name in keep})


def sources(node: Node) -> list[str]:
    found = [edge.node for edge in node.inputs]
    return [*found, node.dynamic] if node.dynamic else found


def order(nodes: Sequence[Node]) -> Graph:
    """Sort nodes by the longest way to them, ties by their place in the input (Kahn's algorithm, by levels).

    Raises:
        ValueError: for a circle, which the references of a workspace cannot make.
    """
    by_id = {node.id: node for node in nodes}
    above = {name: set(sources(node)) for name, node in by_id.items()}
    readers: dict[str, list[str]] = {}
    for name, names in above.items():
        for source in names:
            readers.setdefault(source, []).append(name)
    missing = {name: len(names) for name, names in above.items()}
    level = [name for name, count in missing.items() if not count]
    place = {name: index for index, name in enumerate(by_id)}
    out: dict[str, Node] = {}
    while level:
        ready: list[str] = []
        for name in level:
            out[name] = by_id[name]
            for reader in readers.get(name, ()):
                missing[reader] -= 1
                if not missing[reader]:
                    ready.append(reader)
        level = sorted(ready, key=place.__getitem__)
    if len(out) < len(by_id):
        circle = ", ".join(name for name in by_id if name not in out)
        raise ValueError(f"the graph has a circle through {circle}")
    return Graph(out)
