"""Surveys over a session, and the plan file's basis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bigcode.api.canonical import key_of
from bigcode.api.diagnostics import Diagnostic, fail
from bigcode.api.facts import Fact
from bigcode.api.resource import plain
from bigcode.evidence.ledger import qualify
from bigcode.plan.compute import estimate_compute
from bigcode.plan.data_cost import estimate_dataset
from bigcode.plan.data_order import compare_orders, data_order, tells_order
from bigcode.plan.estimates import Estimate
from bigcode.plan.graph import Graph, Node, sources
from bigcode.plan.keys import Keys
from bigcode.plan.planfile import check_same, plan_value
from bigcode.plan.reconcile import check_compute
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
    """What building each resource from nothing would cost: datasets that have work to do and a size that is known, and
    models that have work to do or a `plan`."""
    pending = {step.node.partition("#")[0] for step in found.changes}
    out: list[Estimate] = []
    for address in graph.resources():
        if address in pending and address.startswith("Dataset/"):
            dataset = session.workspace.resources[address]
            snapshot = session.workspace.address_of(dataset.spec.snapshot)
            measured = found.results.get(f"{snapshot}#facts", {})
            facts = {fact.id: fact for action in measured.values() for fact in action.facts}
            out += estimate_dataset(dataset, session.workspace, graph, facts)
    for address in _reckoned_models(session.workspace, graph, pending):
        out += estimate_compute(session.workspace, address, _token_facts(address, found))
    return out


def doubts_of(session: Session, graph: Graph, found: Survey) -> list[Diagnostic]:
    """Warnings about models whose declared numbers do not fit together."""
    pending = {step.node.partition("#")[0] for step in found.changes}
    models = _reckoned_models(session.workspace, graph, pending)
    return [doubt for address in models for doubt in check_compute(session.workspace, address)]


def orders_of(session: Session, graph: Graph, found: Survey) -> dict[str, str]:
    """What becomes of the order of training data, by the node of each model that would be trained again.

    Nothing is said of a trainer whose settings do not decide an order in the way that `plan/data_order.py` knows.
    """
    refs, said = session.refs(graph), {}
    for step in found.changes:
        node = graph.nodes.get(step.node)
        if node is None or node.step != "train" or not step.node.startswith("Model/"):
            continue
        held = (refs.get(node.resource) or {}).get("nodes", {}).get(node.id, {})
        before = session.store.actions.read(held[step.label]) if step.label in held else None
        if before is None or before.component != node.component:
            continue
        if tells_order(before.identity.get("spec")) and tells_order(node.identity):
            said[node.id] = _say_order(node, before, found)
    return said


def _say_order(node: Node, before: Action, found: Survey) -> str:
    past = [key_of([list(entry) for entry in entries]) for entries in _in_order(before.inputs)]
    now, anew = past, any(source in found.pending for source in sources(node))
    if not anew:
        inputs = _in_order(Keys(found.results).inputs(node, ""))
        now = [key_of([[e.name, e.digest] for e in entries]) for entries in inputs]
    old, new = data_order(before.identity["spec"], past), data_order(node.identity, now)
    change = compare_orders(old, new)
    if anew and change.step is None:
        return "data order follows from token shards that are made anew"
    return str(change)


def _in_order(inputs: Mapping[str, Any]) -> list[Any]:
    numbers = sorted(int(n.partition(".")[2]) for n in inputs if n.startswith("tokens."))
    return [inputs[f"tokens.{number}"] for number in numbers]


def _reckoned_models(workspace: Workspace, graph: Graph, pending: Iterable[str]) -> list[str]:
    return [
        address
        for address in graph.resources()
        if address.startswith("Model/") and (address in pending or workspace.resources[address].spec.plan)
    ]


def _token_facts(address: str, found: Survey) -> dict[str, Fact]:
    """What is recorded of the token shards of a model, by full id."""
    return {
        f"{address}/{fact.id}": qualify(address, fact)
        for node, actions in found.results.items()
        if node == f"{address}#tokens" or node.startswith(f"{address}#tokens.")
        for action in actions.values()
        for fact in action.facts
    }


def slurm_scripts(workspace: Workspace, targets: tuple[str, ...] = ()) -> dict[str, str]:
    """What an apply would submit to Slurm, by file name; a script's argument is the job file that apply writes.

    Args:
        targets: addresses; all Models of the workspace where there are none.

    Raises:
        Problem: E105 when no Model is launched by Slurm, or an option cannot stand in a script.
    """
    from bigcode.run.launchers import slurm_script

    scripts = {}
    for address, resource in workspace.resources.items():
        if resource.kind != "Model" or (targets and address not in targets):
            continue
        runtime = plain(resource.spec.runtime)
        if runtime["launcher"] != "slurm":
            continue
        name = f"{resource.metadata.name}-{resource.metadata.version}.sbatch"
        try:
            scripts[name] = slurm_script(address, runtime)
        except ValueError as error:
            place = workspace.place(address, "spec", "runtime", "slurm")
            raise fail("E105", f"{address}: {error}", place) from error
    if not scripts:
        asked = f"of {', '.join(targets)} " if targets else ""
        raise fail(
            "E105",
            f"no Model {asked}is launched by Slurm",
            hint="Set `runtime: {launcher: slurm, nodes: ..., processes: ...}` of a Model, or in an overlay (--env).",
        )
    return scripts


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
