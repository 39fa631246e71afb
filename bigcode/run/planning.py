"""Surveys over a session, and the plan file's basis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bigcode.api.diagnostics import fail
from bigcode.api.facts import Fact
from bigcode.evidence.ledger import qualify
from bigcode.plan.data_cost import estimate_dataset
from bigcode.plan.estimates import Estimate
from bigcode.plan.graph import Graph
from bigcode.plan.planfile import check_same, plan_value
from bigcode.plan.survey import Step, Survey, survey
from bigcode.run.session import Session
from bigcode.spec.workspace import Workspace
from bigcode.store.actions import Action


def retrainable(workspace: Workspace) -> frozenset[str]:
    """Addresses of what `--retrain` makes follow its current data."""
    kinds = ("Tokenizer", "Model", "Evaluation")
    return frozenset(a for a, resource in workspace.resources.items() if resource.kind in kinds)


def survey_session(
    session: Session, targets: tuple[str, ...] = (), retrain: Iterable[str] = ()
) -> tuple[Graph, Survey]:
    """What an apply would do; cards are looked at when everything that they read is known."""
    graph = session.graph(targets)
    found = survey(graph, session.store, session.refs(graph), retrain)
    _survey_cards(session, graph, found)
    return graph, found


def gate_facts(results: Mapping[str, Mapping[str, Action]]) -> dict[str, Fact]:
    """What gates read of the recorded results: how well detectors do, by full id."""
    return {
        f"{node.partition('#')[0]}/{fact.id}": qualify(node.partition("#")[0], fact)
        for node, actions in results.items()
        if node.endswith("#measure.pii")
        for action in actions.values()
        for fact in action.facts
    }


def estimates_of(session: Session, graph: Graph, found: Survey) -> list[Estimate]:
    """What building each resource from nothing would cost, for those that have work to do and a size that is known."""
    pending = {step.node.partition("#")[0] for step in found.changes}
    out: list[Estimate] = []
    for address in graph.resources():
        if address in pending and address.startswith("Dataset/"):
            dataset = session.workspace.resources[address]
            snapshot = session.workspace.address_of(dataset.spec.snapshot)
            measured = found.results.get(f"{snapshot}#facts", {})
            facts = {fact.id: fact for action in measured.values() for fact in action.facts}
            out += estimate_dataset(dataset, session.workspace, graph, facts)
    return out


def survey_applied(session: Session) -> tuple[Graph, Survey]:
    """The survey of a workspace whose specs are those that were applied.

    Raises:
        Problem: E507 when an apply would do something.
    """
    graph, found = survey_session(session)
    if found.changes:
        count = len(found.changes)
        raise fail(
            "E507",
            f"{count} task{'s are' if count > 1 else ' is'} pending",
            hint="Run `bigcode apply` and look at the drafts first; `bigcode plan` says what changed.",
        )
    return graph, found


def _survey_cards(session: Session, graph: Graph, found: Survey) -> None:
    from bigcode.run.cards import card_key, card_material, card_nodes
    from bigcode.run.records import ledger_of

    nodes = card_nodes(graph)
    if not nodes:
        return
    if found.pending:
        found.steps += [Step(node.id, "", "run", "upstream(facts)") for node in nodes]
        return
    ledger = ledger_of(session.workspace, graph, found.results, found.stale)
    material = card_material(session.workspace, graph, found.results, session.store)
    for node in nodes:
        action = session.store.actions.get(card_key(node, material, ledger, session.workspace))
        previous = session.store.refs.read(node.resource).value
        reason = "first-run" if previous is None else "facts-changed"
        found.steps.append(Step(node.id, "", "reuse") if action else Step(node.id, "", "run", reason))
        if action:
            found.results[node.id] = {"": action}


def plan_of(
    session: Session, env: str, targets: tuple[str, ...], retrain: bool = False
) -> tuple[Graph, Survey, dict[str, Any]]:
    """Graph, survey and plan value."""
    graph, found = survey_session(session, targets, retrainable(session.workspace) if retrain else ())
    basis: Mapping[str, Any] = {
        "specs": session.workspace.digest,
        "plugins": {name: version for name, _, version in session.host.plugins},
        "refs": {address: session.store.refs.read(address).generation for address in graph.resources()},
        "lists": session.pins(),
    }
    value = plan_value(
        found,
        workspace=str(session.workspace.root),
        env=env,
        targets=targets,
        basis=basis,
        retrain=retrain,
    )
    return graph, found, value


def check_plan(plan: Mapping[str, Any], session: Session) -> None:
    """Refuse a stale plan.

    Raises:
        Problem: E506.
    """
    _, _, now = plan_of(session, plan["env"], tuple(plan["targets"]), plan["retrain"])
    check_same(plan, now)
