"""Keys of tasks: from spec values, input digests and behaviour versions, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bigcode.api.canonical import key_of
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
    keyed = {
        edge.name: [[e.name, e.digest] for e in inputs[edge.name]]
        for edge in node.inputs
        if edge.keyed and edge.mode != "facts"
    }
    for edge in node.inputs:
        if edge.mode == "facts":
            keyed[edge.name] = [
                [part, [f.as_json() for f in action.facts]] for part, action in results[edge.node].items()
            ]  # type: ignore[misc]
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
    for node in graph.nodes.values():
        if node.pinned:
            above = sorted([edge.name, keys.get(edge.node, edge.node)] for edge in node.inputs)
            keys[node.id] = key_of({**_base(node, ""), "pinned": above})
    return keys


def labels_of(node: Node, results: Results, read: Callable[[str], bytes]) -> Sequence[str]:
    """The partitions of a node; for a dynamic one the layout that an earlier node wrote."""
    if not node.dynamic:
        return node.partitions
    entry = next(iter(results[node.dynamic].values())).outputs["layout"][0]
    labels: list[str] = json.loads(read(entry.digest))
    return labels
