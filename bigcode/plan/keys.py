"""Keys of tasks: from spec values, input digests and behaviour versions, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bigcode.api.canonical import canonical, digest, key_of
from bigcode.api.shapes import Entry
from bigcode.plan.graph import Edge, Graph, Node
from bigcode.store.actions import Action

Results = Mapping[str, Mapping[str, Action]]
"""Finished actions by node and partition."""


def inputs_of(node: Node, label: str, results: Results) -> dict[str, list[Entry]]:
    """The objects that a task reads, by input, in a fixed order; facts edges are left out."""
    return {edge.name: _entries(edge, label, results) for edge in node.inputs if edge.mode != "facts"}


def _entries(edge: Edge, label: str, results: Results) -> list[Entry]:
    source = results[edge.node]
    found: list[Entry] = []
    if edge.mode == "same":
        found = list(source[label].outputs.get(edge.output, ()))
    elif edge.mode == "range":
        name, _, bounds = label.rpartition("/")
        low, _, high = bounds.partition("-")
        for bucket in range(int(low), int(high) + 1):
            found += [e for e in source[str(bucket)].outputs.get(edge.output, ()) if e.name == name]
    else:
        for part in source:
            entries = source[part].outputs.get(edge.output, ())
            found += [e for e in entries if edge.mode == "all" or e.name == label]
    return [e for e in found if e.name.startswith(edge.select)]


def content_key(node: Node, label: str, results: Results) -> str:
    """The key of a task whose sources are finished."""
    inputs = inputs_of(node, label, results)
    keyed: dict[str, Any] = {
        edge.name: [[e.name, e.digest] for e in inputs[edge.name]]
        for edge in node.inputs
        if edge.keyed and edge.mode != "facts"
    }
    for edge in node.inputs:
        if edge.mode == "facts":
            done = results[edge.node].items()
            keyed[edge.name] = [[part, [f.as_json() for f in action.facts]] for part, action in done]
    return key_of({**_base(node, label), "inputs": keyed})


def _base(node: Node, label: str) -> dict[str, Any]:
    return {
        "component": node.component,
        "behaviour": node.behaviour,
        "identity": node.identity,
        "partition": [label, node.partition_identity.get(label)],
        "literals": dict(node.literals),
    }


def recipe_keys(graph: Graph) -> dict[str, str]:
    """A key for each node from specs alone, known before anything has run."""
    keys: dict[str, str] = {}
    for node in graph.nodes.values():
        keys[node.id] = key_of(
            {
                **_base(node, ""),
                "partitions": {label: node.partition_identity.get(label) for label in node.partitions},
                "inputs": sorted(
                    [edge.name, edge.output, edge.mode, keys[edge.node]] for edge in node.inputs
                ),
                "layout": keys[node.dynamic] if node.dynamic else "",
            }
        )
    return keys


def pin_keys(graph: Graph) -> dict[str, str]:
    """For pinned nodes: a key from their own specs and those of the pinned nodes that they read.

    Of data it holds which dataset is named, and nothing of what is in it.
    """
    keys: dict[str, str] = {}
    for node in graph.pinned:
        above = sorted([edge.name, keys.get(edge.node, edge.node)] for edge in node.inputs)
        keys[node.id] = key_of({**_base(node, ""), "pinned": above})
    return keys


class Keys:
    """Inputs and keys of the tasks of one walk, equal to `inputs_of` and `content_key`.

    What the labels of a node share is made once: the parts of a source by the names of its entries, the texts of
    whole sources, and that of the identity. A source is finished when its readers are asked about, and a walk that
    finishes it anew puts another mapping in its place.
    """

    def __init__(self, results: Results) -> None:
        self._results = results
        self._made: dict[tuple[str, ...], tuple[object, Any]] = {}

    def inputs(self, node: Node, label: str) -> dict[str, list[Entry]]:
        """As `inputs_of`."""
        return {edge.name: self._entries(edge, label) for edge in node.inputs if edge.mode != "facts"}

    def key(self, node: Node, label: str) -> str:
        """As `content_key`."""
        texts = {e.name: self._text(e, label) for e in node.inputs if e.keyed and e.mode != "facts"}
        texts |= {e.name: self._facts(e) for e in node.inputs if e.mode == "facts"}
        inputs = b",".join(canonical(name) + b":" + texts[name] for name in sorted(texts))
        head, literals = self._head(node)
        partition = canonical([label, node.partition_identity.get(label)])
        return digest(b'%b,"inputs":{%b},"literals":%b,"partition":%b}' % (head, inputs, literals, partition))

    def _head(self, node: Node) -> tuple[bytes, bytes]:
        def make() -> tuple[bytes, bytes]:
            base = _base(node, "")
            head = canonical({name: base[name] for name in ("behaviour", "component", "identity")})
            return head[:-1], canonical(base["literals"])

        made: tuple[bytes, bytes] = self._once(("head", node.id), node, make)
        return made

    def _once(self, what: tuple[str, ...], of: object, make: Callable[[], Any]) -> Any:
        held = self._made.get(what)
        if held is None or held[0] is not of:
            held = self._made[what] = (of, make())
        return held[1]

    def _entries(self, edge: Edge, label: str) -> list[Entry]:
        source = self._results[edge.node]
        if edge.mode == "all":
            what = ("all", edge.node, edge.output, edge.select)
            return list(self._once(what, source, lambda: _entries(edge, label, self._results)))
        if edge.mode in ("named", "range"):
            by_name = self._by_name(edge)
            name, _, bounds = (label, "", "") if edge.mode == "named" else label.rpartition("/")
            found = by_name.get(name, [])
            if edge.mode == "named":
                return [e for _, e in found] if label.startswith(edge.select) else []
            low, _, high = bounds.partition("-")
            parts = {str(bucket): bucket for bucket in range(int(low), int(high) + 1)}
            inside = [(parts[part], entry) for part, entry in found if part in parts]
            # By number: a reference may hold the parts of a source in another order.
            inside.sort(key=lambda pair: pair[0])
            return [e for _, e in inside if e.name.startswith(edge.select)]
        return _entries(edge, label, self._results)

    def _by_name(self, edge: Edge) -> dict[str, list[tuple[str, Entry]]]:
        source = self._results[edge.node]

        def make() -> dict[str, list[tuple[str, Entry]]]:
            found: dict[str, list[tuple[str, Entry]]] = {}
            for part, action in source.items():
                for entry in action.outputs.get(edge.output, ()):
                    found.setdefault(entry.name, []).append((part, entry))
            return found

        made: dict[str, list[tuple[str, Entry]]] = self._once(("names", edge.node, edge.output), source, make)
        return made

    def _text(self, edge: Edge, label: str) -> bytes:
        def make() -> bytes:
            return canonical([[e.name, e.digest] for e in self._entries(edge, label)])

        if edge.mode != "all":
            return make()
        what = ("text", edge.node, edge.output, edge.select)
        made: bytes = self._once(what, self._results[edge.node], make)
        return made

    def _facts(self, edge: Edge) -> bytes:
        source = self._results[edge.node]

        def make() -> bytes:
            return canonical([[part, [f.as_json() for f in a.facts]] for part, a in source.items()])

        made: bytes = self._once(("facts", edge.node), source, make)
        return made


def labels_of(node: Node, results: Results, read: Callable[[str], bytes]) -> Sequence[str]:
    """The partitions of a node; for a dynamic one the layout that an earlier node wrote."""
    if not node.dynamic:
        return node.partitions
    entry = next(iter(results[node.dynamic].values())).outputs["layout"][0]
    labels: list[str] = json.loads(read(entry.digest))
    return labels
