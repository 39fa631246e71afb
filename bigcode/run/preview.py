"""The impact of a plan: its cheap judgements run into a scratch layer over the store, which stays as it is."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bigcode.api.shapes import Executor
from bigcode.evidence.ledger import Ledger
from bigcode.evidence.tally import sum_tallies
from bigcode.plan.graph import Graph, Node
from bigcode.plan.impact import Change, Impact, compare
from bigcode.plan.keys import pin_keys
from bigcode.plan.survey import Survey
from bigcode.run.commit import Committer
from bigcode.run.engine import Engine
from bigcode.run.executors import InlineExecutor, LocalPool
from bigcode.run.journal import Journal
from bigcode.run.records import Recorded, ledger_of
from bigcode.run.rows import Verdicts, count_moved, same_training
from bigcode.run.session import Session
from bigcode.spec.workspace import Workspace
from bigcode.store.store import Store
from bigcode.store.tables import read_table

_CHEAP = ("decide.", "verdicts", "tally")
_SCRATCH = "preview-"
_ROWS = 1_000_000
"""From so many rows on, starting two processes costs less than they save."""


class _Silent:
    def warned(self, warning: Any) -> None: ...
    def node_started(self, node: Node, tasks: int) -> None: ...
    def task_finished(self, node: Node, label: str, warnings: list[Any]) -> None: ...
    def node_progress(self, node: Node, done: int, total: int) -> None: ...
    def node_failed(self, node: Node, problems: list[Any]) -> None: ...
    def node_finished(self, node: Node, ran: int, reused: int, seconds: float, held: bool) -> None: ...


def preview(session: Session, graph: Graph, found: Survey) -> Impact:
    """What the plan would change for people.

    Raises:
        Problem: E401 to E404 when the opt-out list that the judgement needs cannot be read.
    """
    datasets = [a for a in graph.resources() if a.startswith("Dataset/")]
    wanted, unforeseen = [], []
    for address in datasets:
        if f"{address}#verdicts" not in found.pending:
            continue
        costly = [
            n.step
            for n in graph.of(address)
            if n.id in found.pending and n.step in _before_judgement(graph, address)
        ]
        collects = [s for s in found.pending if s.startswith("Snapshot/")]
        if costly or collects:
            unforeseen.append(f"{address}: {', '.join(sorted({*costly, *collects}))} would have to run first")
        else:
            wanted.append(address)
    changes: list[Change] = []
    before = _applied(session, graph)
    ledger = ledger_of(session.workspace, graph, before, set())
    altered: set[str] = set()
    # The scratch layer holds opt-out lists, so it goes whatever happens.
    with scratch_layer(session.store) as scratch:
        results, store = judge(session, graph, found, wanted, scratch) if wanted else ({}, session.store)
        for address in wanted:
            old, new = Verdicts(before, address, session.store), Verdicts(results, address, store)
            if not same_training(old, new):
                altered.add(address)
            change = compare(
                address,
                _tally(before, address, session.store),
                _tally(results, address, store) or sum_tallies([]),
                count_moved(old, new),
                ledger.of(address),
                new.run,
                (_copies(before, address, session.store), _copies(results, address, store)),
            )
            if change.matters:
                changes.append(change)
    return _impact(session, graph, found, before, ledger, changes, altered, unforeseen)


@contextmanager
def scratch_layer(store: Store) -> Iterator[str]:
    """A private folder inside the store, where names stay even if the process is killed; else a temporary one."""
    if not store.base.is_dir():
        with tempfile.TemporaryDirectory(prefix="bigcode-preview-") as folder:
            yield folder
        return
    drop_previews(store)
    name = f"{_SCRATCH}{secrets.token_hex(8)}"
    with store.claim(name):
        store.scratch(name).chmod(0o700)
        try:
            yield str(store.scratch(name))
        finally:
            store.drop_scratch(name)


def drop_previews(store: Store) -> None:
    """Remove what previews that were killed have left; those that still run hold theirs."""
    for left in sorted((store.base / "work").glob(f"{_SCRATCH}*")):
        with store.claim(left.name) as free:
            if free:
                store.drop_scratch(left.name)


def _before_judgement(graph: Graph, address: str) -> set[str]:
    return {
        n.step for n in graph.of(address) if n.step.startswith(("observe.", "cluster.", "scatter", "gather"))
    }


def judge(
    session: Session, graph: Graph, found: Survey, datasets: list[str], scratch: str
) -> tuple[Recorded, Store]:
    """The judgements that would run, on top of the results that the survey found."""
    lists = session.open_lists()
    wanted = {n.id: n for a in datasets for n in graph.closure([a]).nodes.values()}
    nodes = {
        n.id: n
        for n in wanted.values()
        if n.id in found.pending
        and (
            n.resource.startswith("Snapshot/")
            or n.step.startswith(("observe.", "cluster.", "scatter", "gather", *_CHEAP))
        )
    }
    store = Store(f"layered:{scratch}|{session.store.url}")
    for sealed in lists:
        store.objects.put(sealed.data)
    engine = Engine(
        Graph(nodes),
        store,
        Committer(store, Journal(store.base)),
        _Silent(),
        lambda: _executor(session, found, datasets),
        {},
    )
    engine.run_.results |= {name: found.results[name] for name in wanted if name in found.results}
    return engine.walk().results, store


def _executor(session: Session, found: Survey, datasets: list[str]) -> Executor:
    actions = [a for name in datasets for a in found.results.get(f"{name}#gather", {}).values()]
    rows = sum(entry.rows for action in actions for entry in action.entries())
    workers = min(2, os.cpu_count() or 1)
    many = rows >= _ROWS and workers > 1 and session.store.files.local
    return LocalPool(workers) if many else InlineExecutor()


def _applied(session: Session, graph: Graph) -> Recorded:
    """The results that the references name, as far as they are there."""
    out: dict[str, dict[str, Any]] = {}
    for address in graph.resources():
        value = session.store.refs.read(address).value or {"nodes": {}}
        for node, keys in value["nodes"].items():
            actions = {label: session.store.actions.get(key) for label, key in keys.items()}
            if node in graph.nodes and all(a is not None for a in actions.values()):
                out[node] = {label: a for label, a in actions.items() if a is not None}
    return out


def _tally(results: Recorded, address: str, store: Store) -> dict[str, Any] | None:
    actions = results.get(f"{address}#tally")
    if not actions:
        return None
    parts = [a.outputs["tally"][0].digest for a in actions.values()]
    return sum_tallies(json.loads(store.objects.get(digest)) for digest in parts)


def _copies(results: Recorded, address: str, store: Store) -> dict[str, int]:
    """How many copies of opted-out files stay, by why."""
    actions = results.get(f"{address}#decide.copies")
    if not actions:
        return {}
    (action,) = actions.values()
    disputed = read_table(store.objects, action.outputs["disputed"][0].digest, ["why"])["why"].to_pylist()
    counts = json.loads(store.objects.get(action.outputs["counts"][0].digest))
    return {
        "common": counts["common"],
        "contested": disputed.count("origin"),
        "review": disputed.count("band"),
    }


def _impact(
    session: Session,
    graph: Graph,
    found: Survey,
    before: Recorded,
    ledger: Ledger,
    changes: list[Change],
    altered: set[str],
    unforeseen: list[str],
) -> Impact:
    pins = pin_keys(graph)
    stale, retrained = [], {}
    for address in graph.resources():
        if not address.startswith("Model/"):
            continue
        train = f"{address}#train"
        spec = session.workspace.resources[address].spec
        if train in found.pending:
            retrained[address] = _last_energy(session.workspace, ledger, address)
        elif train in pins and any(session.workspace.address_of(s.dataset) in altered for s in spec.data):
            stale.append(address)
    moved = {fact for change in changes for fact in change.facts}
    return Impact(
        tuple(changes), tuple(stale), retrained, _printed(session, before, moved), tuple(unforeseen)
    )


def _last_energy(workspace: Workspace, ledger: Ledger, model: str) -> float | None:
    """Energy of the training stage that a release of the model records, in kWh."""
    for address, resource in workspace.resources.items():
        if resource.kind == "Release" and resource.spec.artifacts.model:
            fact = ledger.facts.get(f"{address}/energy{{stage=training}}")
            of = workspace.address_of(resource.spec.artifacts.model)
            if of == model and fact is not None and isinstance(fact.value, int | float):
                return float(fact.value)
    return None


def _printed(session: Session, before: Recorded, moved: set[str]) -> dict[str, int]:
    out = {}
    for node, actions in before.items():
        if not node.startswith("Card/"):
            continue
        for action in actions.values():
            for name, entries in action.outputs.items():
                if name.endswith(".trace.json"):
                    trace = json.loads(session.store.objects.get(entries[0].digest))
                    count = sum(span.get("fact") in moved for span in trace["markdown"]["spans"])
                    if count:
                        out[node.split("#")[0]] = count
    return out
