"""What the states of a lifecycle mean. Retiring is an edit of a spec: results, facts and cards stay as they are.

draft and current: nothing is held back. superseded: a successor is named, and the version may still be used.
retired: nothing new is built on it; what was published stays. withdrawn: nothing is published of it either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bigcode.api.diagnostics import Diagnostic
from bigcode.api.facts import Fact
from bigcode.api.resource import Resource, references
from bigcode.plan.graph import Graph
from bigcode.plan.survey import Survey
from bigcode.spec.workspace import Workspace

ENDED = ("retired", "withdrawn")
_BUILT = ("Dataset", "Tokenizer", "Model", "Evaluation", "AttributionIndex")
"""Kinds whose work is refused; facts and cards of others may always be taken again."""


@dataclass(frozen=True, slots=True)
class State:
    """The lifecycle of a version, as a person reads it. The successor is named by the version or names it."""

    name: str
    reason: str = ""
    since: str = ""
    successor: str = ""

    def __str__(self) -> str:
        text = self.name + (f" since {self.since}" if self.since else "")
        text += f" by {self.successor}" if self.successor and self.name == "superseded" else ""
        return text + (f": {self.reason}" if self.reason else "")


def state_of(workspace: Workspace, address: str) -> State:
    """The state of a resource; `current` where its kind has no lifecycle of its own."""
    lifecycle = getattr(workspace.resources[address].spec, "lifecycle", None)
    if lifecycle is None:
        return State("current")
    if lifecycle.superseded_by:
        successor = workspace.address_of(lifecycle.superseded_by)
    else:
        successor = next(iter(successors(workspace, address)), "")
    return State(lifecycle.state, lifecycle.reason, lifecycle.since or "", successor)


def check_lifecycles(workspace: Workspace) -> list[Diagnostic]:
    """E211 for each lifecycle that leaves out what its state is about."""
    found = []
    for address, resource in workspace.resources.items():
        if not hasattr(resource.spec, "lifecycle"):
            continue
        state = state_of(workspace, address)
        missing = list(_missing(state, address, bool(resource.spec.lifecycle.superseded_by)))
        if missing:
            place = workspace.place(address, "spec", "lifecycle")
            found.append(Diagnostic("E211", f"{address} is {state.name} and {missing[0]}", place, missing[1]))
    return found


def _missing(state: State, address: str, named: bool) -> Iterator[str]:
    if state.name == "superseded" and not state.successor:
        hint = "Write `supersededBy: Kind/name@version`, or `supersedes` in the version that took its place."
        yield from ("names no successor", hint)
    elif state.successor == address:
        yield from ("names itself as its successor", "Name the version that took its place.")
    elif state.name in ENDED and not (state.reason and state.since):
        yield from ("does not say why, and since when", "Write `reason` and `since`.")
    elif named and state.name in ("draft", "current"):
        yield from (f"names {state.successor} as its successor", "Set `state: superseded`.")


def refuse_work(workspace: Workspace, graph: Graph, found: Survey) -> list[Diagnostic]:
    """E514 for each resource that would be built anew although it, or something it is built from, has ended."""
    pending = {graph.nodes[step.node].resource for step in found.changes if step.node in graph.nodes}
    problems = []
    for address in sorted(pending):
        if address.split("/")[0] not in _BUILT:
            continue
        for part in (address, *sorted(built_from(workspace, workspace.resources[address].spec))):
            state = state_of(workspace, part)
            if state.name in ENDED:
                problems.append(_refused(workspace, address, part, state))
                break
    return problems


def built_from(workspace: Workspace, value: Any) -> set[str]:
    """Addresses of all that a value of a spec is built from; forerunners and successors are no part of it."""
    found: set[str] = set()
    stack = [value]
    while stack:
        for path, text, _ in references(stack.pop()):
            address = workspace.address_of(text)
            if path[0] not in ("supersedes", "lifecycle") and address not in found:
                found.add(address)
                stack.append(workspace.resources[address].spec)
    return found


def refuse_release(workspace: Workspace, address: str, *, again: bool = False) -> list[Diagnostic]:
    """E514 for a release that has ended, or whose artifacts have.

    Args:
        again: it was published before; then only what is withdrawn is refused.
    """
    states = ("withdrawn",) if again else ENDED
    spec = workspace.resources[address].spec
    named = built_from(workspace, spec.artifacts)
    problems = []
    for part in (address, *sorted(named)):
        state = state_of(workspace, part)
        if state.name in states:
            problems.append(_refused(workspace, address, part, state))
    return problems


def _refused(workspace: Workspace, address: str, part: str, state: State) -> Diagnostic:
    what = f"{address} is {state}" if part == address else f"{address} is made from {part}, which is {state}"
    hint = f"Use {state.successor}." if state.successor else "Leave it as it is, or make a new version."
    return Diagnostic("E514", what, workspace.place(address), hint)


def successors(workspace: Workspace, address: str) -> list[str]:
    """Versions that say they supersede one."""
    found = []
    for other, resource in workspace.resources.items():
        supersedes = getattr(resource.spec, "supersedes", None)
        if supersedes and workspace.address_of(supersedes) == address:
            found.append(other)
    return sorted(found)


def lifecycle_facts(resource: Resource, state: State) -> list[Fact]:
    """What a card may print of a lifecycle, as declared facts: state, date, reason and successor."""
    source = f"{resource.kind} lifecycle"
    values = (
        ("lifecycle.state", state.name, "text", "State"),
        ("lifecycle.since", state.since, "date", "Since"),
        ("lifecycle.reason", state.reason, "text", "Reason"),
        ("lifecycle.successor", state.successor, "text", "Superseded by"),
    )
    return [
        Fact(
            f"{resource.address}/{name}",
            value,
            unit,
            "declared",
            label=label,
            source=source,
            as_of=state.since,
        )
        for name, value, unit, label in values
        if value
    ]
