"""What the store records about a workspace: results by reference, the ledger, the series of curves."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bigcode.api.diagnostics import fail
from bigcode.api.facts import Fact, Series
from bigcode.evidence.ledger import Ledger, collect
from bigcode.plan.graph import Graph
from bigcode.plan.keys import Keys, labels_of
from bigcode.spec.workspace import Workspace
from bigcode.store.actions import Action
from bigcode.store.store import Store

Recorded = Mapping[str, Mapping[str, Action]]


def ledger_of(workspace: Workspace, graph: Graph, results: Recorded, stale: set[str]) -> Ledger:
    """The ledger, with a fact on each pinned model whether its data has moved on."""
    recorded = [
        (graph.nodes[node].resource, action)
        for node, actions in results.items()
        for action in actions.values()
        if node in graph.nodes
    ]
    ledger = collect(recorded, workspace.resources)
    facts = dict(ledger.facts)
    for address, resource in workspace.resources.items():
        if resource.kind in ("Model", "Tokenizer") and graph.of(address):
            fact = Fact(
                f"{address}/stale",
                "yes" if address in stale else "no",
                "text",
                label="Data has moved on since training",
                method="the key of the committed result against that of the current data",
            )
            facts[fact.id] = fact
    return Ledger(dict(sorted(facts.items())), ledger.declared, ledger.findings)


def stale_resources(graph: Graph, results: Recorded) -> set[str]:
    """Resources whose pinned result was made from other data than the recorded one."""
    keys = Keys(results)
    return {
        node.resource
        for node in graph.pinned
        for label, action in results.get(node.id, {}).items()
        if keys.key(node, label) != action.key
    }


def recorded_results(graph: Graph, store: Store) -> dict[str, dict[str, Action]]:
    """Results of all nodes by what the references name.

    Raises:
        Problem: E507 when a resource was never applied.
    """
    out: dict[str, dict[str, Action]] = {}
    for address in graph.resources():
        value = store.refs.read(address).value
        if value is None:
            raise fail("E507", f"{address} has no recorded result", hint="Run `bigcode apply` first.")
        for node, keys in value["nodes"].items():
            out[node] = {}
            for label, key in keys.items():
                action = store.actions.get(key)
                if action is None:
                    raise fail(
                        "E504",
                        f"the result of {node} {label} is not in the store".replace("  ", " "),
                        hint="Run `bigcode apply` again; it is computed anew.",
                    )
                out[node][label] = action
    return _in_order(graph, out, store)


def _in_order(
    graph: Graph, results: dict[str, dict[str, Action]], store: Store
) -> dict[str, dict[str, Action]]:
    """The partitions of each node as a walk has them, which the keys of its readers depend on; a reference, being
    canonical JSON, has them by the alphabet."""
    for node in graph.nodes.values():
        found = results.get(node.id)
        if found is not None and (not node.dynamic or node.dynamic in results):
            labels = labels_of(node, results, store.objects.get)
            results[node.id] = {label: found[label] for label in labels if label in found} | found
    return results


def series_of(graph: Graph, results: Recorded, store: Store) -> list[Series]:
    """Curves from the journals of process nodes, one for each column of each series."""
    found: list[Series] = []
    for node, actions in results.items():
        for action in actions.values():
            for entry in action.outputs.get("journal", ()):
                lines = [json.loads(line) for line in store.objects.get(entry.digest).splitlines()]
                found += _curves(graph.nodes[node].resource, lines, entry.digest)
    return sorted(found, key=lambda s: s.id)


def _curves(resource: str, lines: list[dict[str, float]], digest: str) -> list[Series]:
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for line in lines:
        for column, value in line.items():
            if column not in ("series", "step") and isinstance(value, int | float):
                points.setdefault((str(line["series"]), column), []).append((line["step"], value))
    return [
        Series(f"{resource}/{series}.{column}", "step", column, tuple(sorted(values)), digest)
        for (series, column), values in points.items()
    ]
