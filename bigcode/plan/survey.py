"""What an apply would do, and why: a walk over the graph that only looks things up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bigcode.api.resource import Resource
from bigcode.plan.graph import Graph, Node, sources
from bigcode.plan.keys import Keys, labels_of, pin_keys
from bigcode.store.actions import Action
from bigcode.store.store import Store

Verb = Literal["run", "reuse", "pinned"]


@dataclass(frozen=True, slots=True)
class Step:
    """One task: what happens to it and a reason that a person can read.

    Reasons: first-run, spec-changed(FIELDS), behaviour-version(A, B), input-changed(INPUTS), upstream(NODES),
    missing-output, stale (pinned to earlier data).
    """

    node: str
    label: str
    verb: Verb
    reason: str = ""


@dataclass
class Survey:
    """Steps by node, and the results of all nodes that need not run."""

    steps: list[Step] = field(default_factory=list)
    results: dict[str, dict[str, Action]] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    """Resources that are pinned to a result of other data than the current."""
    known: set[str] = field(default_factory=set)
    """Resources that have a reference, from an earlier apply."""

    @property
    def changes(self) -> list[Step]:
        return [step for step in self.steps if step.verb == "run"]


def survey(graph: Graph, store: Store, refs: Mapping[str, Any], retrain: Iterable[str] = ()) -> Survey:
    """Walk the graph against the store.

    Args:
        refs: values of the references of the graph's resources, by address (None where there is none).
        retrain: addresses of pinned resources that are to follow their current data.
    """
    out = Survey(known={address for address, value in refs.items() if value is not None})
    pins, anew, keys = pin_keys(graph), set(retrain), Keys(out.results)
    for node in graph.nodes.values():
        if node.shape == "card":
            continue
        previous = (refs.get(node.resource) or {}).get("nodes", {}).get(node.id, {})
        waiting = sorted({s for s in sources(node) if s in out.pending})
        held = None if node.resource in anew else held_results(node, pins, refs, store)
        if held is not None:
            _take_held(node, held, waiting, out, keys)
        elif waiting:
            out.pending.add(node.id)
            labels = node.partitions or tuple(previous) or ("?",)
            reason = f"upstream({', '.join(waiting)})"
            out.steps += [Step(node.id, label, "run", reason) for label in labels]
        else:
            _look_up(node, previous, store, out, keys)
    return out


def held_results(
    node: Node, pins: Mapping[str, str], refs: Mapping[str, Any], store: Store
) -> dict[str, Action] | None:
    """The committed results of a pinned node whose own specs are unchanged, whatever became of its data."""
    ref = refs.get(node.resource)
    if not node.pinned or ref is None or ref.get("pins", {}).get(node.id) != pins[node.id]:
        return None
    found = {label: store.actions.get(key) for label, key in ref["nodes"].get(node.id, {}).items()}
    if not found or any(action is None for action in found.values()):
        return None
    return {label: action for label, action in found.items() if action is not None}


def _take_held(node: Node, held: dict[str, Action], waiting: list[str], out: Survey, keys: Keys) -> None:
    out.results[node.id] = held
    stale = bool(waiting) or any(keys.key(node, label) != action.key for label, action in held.items())
    if stale:
        out.stale.add(node.resource)
    verb: Verb = "pinned" if stale else "reuse"
    out.steps += [Step(node.id, label, verb, "stale" if stale else "") for label in held]


def _look_up(node: Node, previous: Mapping[str, str], store: Store, out: Survey, keys: Keys) -> None:
    found: dict[str, Action] = {}
    labels = labels_of(node, out.results, store.objects.get)
    for label in labels:
        key = keys.key(node, label)
        action = store.actions.get(key)
        if action is not None:
            found[label] = action
            out.steps.append(Step(node.id, label, "reuse"))
        else:
            out.steps.append(Step(node.id, label, "run", why(node, label, key, previous, store)))
    if len(found) == len(labels):
        out.results[node.id] = found
    else:
        out.pending.add(node.id)


def why(node: Node, label: str, key: str, previous: Mapping[str, str], store: Store) -> str:
    """The typed reason for a task that has no result under its key."""
    if key == previous.get(label):
        return "missing-output"
    before = store.actions.read(previous[label]) if label in previous else None
    if before is None:
        return "first-run"
    if (before.component, before.behaviour) != (node.component, node.behaviour):
        if before.component != node.component:
            return f"spec-changed(component: {before.component} -> {node.component})"
        return f"behaviour-version({before.behaviour} -> {node.behaviour})"
    if before.identity != recorded_identity(node, label):
        return f"spec-changed({', '.join(_changed(before.identity, recorded_identity(node, label)))})"
    return "input-changed"


def recorded_identity(node: Node, label: str) -> Any:
    """What an action keeps of its node's identity."""
    return {
        "spec": node.identity,
        "unit": node.partition_identity.get(label),
        "literals": dict(node.literals),
    }


def _changed(before: Any, after: Any) -> list[str]:
    names = []
    for part in ("spec", "unit", "literals"):
        old, new = before.get(part), after.get(part)
        if isinstance(old, dict) and isinstance(new, dict):
            names += sorted(k for k in {*old, *new} if old.get(k) != new.get(k))
        elif old != new:
            names.append(part)
    return names or ["identity"]


def ref_value(
    graph: Graph, address: str, results: Mapping[str, Mapping[str, Action]], resource: Resource
) -> dict[str, Any]:
    """What a reference holds for a resource whose nodes are all finished."""
    from bigcode.spec.lock import identity_digest

    nodes = graph.of(address)
    pins = pin_keys(graph)
    return {
        "address": address,
        "identity": identity_digest(resource),
        "pins": {n.id: pins[n.id] for n in nodes if n.id in pins},
        "nodes": {n.id: {label: action.key for label, action in results[n.id].items()} for n in nodes},
    }
