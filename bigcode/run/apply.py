"""One apply: consent, graph, engine, references, cards, drafts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bigcode.api.diagnostics import Diagnostic, Problem, raise_errors
from bigcode.api.run import RunView
from bigcode.evidence.bundle import root_of
from bigcode.evidence.ledger import Ledger
from bigcode.plan.graph import Graph, Node
from bigcode.plan.survey import ref_value, survey
from bigcode.run import faults
from bigcode.run.bundling import bundle_files
from bigcode.run.cards import render_cards
from bigcode.run.commit import Committer
from bigcode.run.drafts import write_drafts
from bigcode.run.engine import Engine
from bigcode.run.executors import make_executor
from bigcode.run.history import Chronicle
from bigcode.run.journal import Journal
from bigcode.run.preflight import DAMAGE, check
from bigcode.run.preview import drop_previews
from bigcode.run.records import ledger_of
from bigcode.run.refetch import forget_failed
from bigcode.run.retire import refuse_work
from bigcode.run.session import Session
from bigcode.run.trackers import Trackers
from bigcode.run.work import Observer, Run
from bigcode.store.actions import Action
from bigcode.store.leases import working


@dataclass
class Outcome:
    """What an apply did. `ran` counts tasks, `moved` are the references that changed, `root` is that of the bundle."""

    graph: Graph
    results: Mapping[str, Mapping[str, Action]]
    ran: int
    reused: int
    moved: list[str]
    stale: set[str]
    ledger: Ledger
    cards: dict[str, Any] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    seconds: Mapping[str, float] = field(default_factory=dict)
    warnings: list[Diagnostic] = field(default_factory=list)
    root: str = ""
    asked_again: list[str] = field(default_factory=list)
    """Sources that could not be had before."""


class _Watch:
    """Moves a resource's reference as soon as its last node is finished, and tells observers."""

    def __init__(self, apply: Apply, inner: Observer) -> None:
        self.apply, self.inner = apply, inner

    def warned(self, warning: Diagnostic) -> None:
        self.apply.warnings.append(warning)
        self.inner.warned(warning)

    def node_started(self, node: Node, tasks: int) -> None:
        self.inner.node_started(node, tasks)

    def task_finished(self, node: Node, label: str, warnings: list[Diagnostic]) -> None:
        self.apply.warnings += warnings
        self.inner.task_finished(node, label, warnings)

    def node_progress(self, node: Node, done: int, total: int) -> None:
        self.inner.node_progress(node, done, total)
        self.apply.node_progress(node)

    def node_failed(self, node: Node, problems: list[Diagnostic]) -> None:
        self.inner.node_failed(node, problems)
        self.apply.node_failed(node, problems)

    def node_finished(self, node: Node, ran: int, reused: int, seconds: float, held: bool) -> None:
        self.inner.node_finished(node, ran, reused, seconds, held)
        if node.shape != "card":
            self.apply.node_finished(node, ran, reused, seconds)


class Apply:
    """Runs a workspace. Built for one call of `run`."""

    def __init__(
        self,
        session: Session,
        observer: Observer,
        targets: tuple[str, ...] = (),
        retrain: frozenset[str] = frozenset(),
        *,
        refetch: bool = False,
    ) -> None:
        self.session, self.targets, self.retrain, self.refetch = session, targets, retrain, refetch
        self.store = session.store
        self.warnings: list[Diagnostic] = []
        self.moved: list[str] = []
        self.ran = self.reused = 0
        self.seconds: dict[str, float] = {}
        self.asked_again: list[str] = []
        self._told: set[str] = set()
        self._known: Mapping[str, Mapping[str, Action]] = {}
        self._observer: Observer = _Watch(self, observer)

    def run(self) -> Outcome:
        """Do the work.

        Raises:
            Problem: with the diagnostics of what stopped it; finished work is kept.
        """
        session, store = self.session, self.store
        self._lists = session.open_lists()
        self.graph = session.graph(self.targets)
        store.prepare()
        with working(store):
            return self._run()

    def _run(self) -> Outcome:
        session, store = self.session, self.store
        if self.refetch:
            self.asked_again = forget_failed(self.graph, store)
        self._look_ahead()
        drop_previews(store)
        faults.point("apply.started")
        self._generations = {a: store.refs.read(a) for a in self.graph.resources()}
        journal = Journal(store.base)
        self._committer = Committer(store, journal)
        self._observer = chronicle = Chronicle(journal, self._observer, session.workspace.name)
        view = RunView(
            journal.id,
            session.workspace.name,
            session.workspace.project.metadata.name,
            session.workspace.digest,
            journal.folder,
            store.base,
            session.settings,
        )
        for name in session.settings["trackers"]:
            if name not in {plugin for plugin, _, _ in session.host.plugins}:
                hint = "Install it, or take it out of execution.trackers."
                self._observer.warned(
                    Diagnostic("E302", f"tracker `{name}` is not there", None, hint, severity="warning")
                )
        self._trackers = Trackers(session.host, view, store, session.settings["trackers"])
        ok = False
        try:
            outcome = self._complete()
            ok = True
        finally:
            self._trackers.finish(ok)
            chronicle.end(ok)
        return outcome

    def _look_ahead(self) -> None:
        """Ask whether the work may be done and fits. What need not run is known from here on.

        Damaged objects that are met say nothing of it: the walk makes them good.

        Raises:
            Problem: E514 for work on what is retired or withdrawn, E515 for what does not fit.
        """
        session = self.session
        try:
            found = survey(self.graph, self.store, session.refs(self.graph), self.retrain)
        except Problem as problem:
            if all(d.code in DAMAGE for d in problem.diagnostics):
                return
            raise
        raise_errors(refuse_work(session.workspace, self.graph, found))
        for warning in check(session, self.graph, found)[1]:
            self._observer.warned(warning)
        self._known = found.results

    def _complete(self) -> Outcome:
        """Walk the graph and finish. A damaged object that is met was put aside, so that another walk makes it anew.

        Raises:
            Problem: any other problem, and damage to what was made anew.
        """
        met: set[Diagnostic] = set()
        while True:
            try:
                return self._finish(self._walk())
            except Problem as problem:
                damage = set(problem.diagnostics) - met
                if not damage or any(d.code not in DAMAGE for d in problem.diagnostics):
                    raise
                met |= damage
                for found in sorted(damage, key=str):
                    self._observer.warned(replace(found, hint="It is computed anew.", severity="warning"))

    def _walk(self) -> Run:
        session, store = self.session, self.store
        self._engine = Engine(
            self.graph,
            store,
            self._committer,
            self._observer,
            lambda: make_executor(session.settings, session.host.registry, str(store.base / "work")),
            {a: ref.value for a, ref in self._generations.items()},
            self.retrain,
            self._known,
            thrifty=session.settings["executor"] == "auto",
        )
        # What a walk meets may undo it: an object that is damaged makes its action count as absent.
        self._known = {}
        self.reused = 0
        for sealed in self._lists:
            store.objects.put(sealed.data)
        try:
            return self._engine.walk()
        finally:
            self.seconds |= self._engine.run_.seconds

    def node_finished(self, node: Node, ran: int, reused: int, seconds: float) -> None:
        self.ran += ran
        self.reused += reused
        run = self._engine.run_
        if ran or node.id not in self._told:
            self._told.add(node.id)
            self._trackers.node(node, self.graph, run.results, ran == 0, seconds)
        nodes = [n for n in self.graph.of(node.resource) if n.shape != "card"]
        if all(n.id in run.results and n.id not in run.open for n in nodes):
            self._move(node.resource, run)

    def node_progress(self, node: Node) -> None:
        if self._engine.folder is not None:
            self._trackers.progress(node, self._engine.folder / "journal.jsonl")

    def node_failed(self, node: Node, problems: list[Diagnostic]) -> None:
        self._trackers.failed(node, "; ".join(f"{p.code} {p.message}" for p in problems))

    def _move(self, address: str, run: Run) -> None:
        value = ref_value(self.graph, address, run.results, self.session.workspace.resources[address])
        before = self._generations[address]
        if before.value != value:
            self._generations[address] = self._committer.move(address, before.generation, value)
            self.moved.append(address)

    def _finish(self, run: Run) -> Outcome:
        session = self.session
        ledger = ledger_of(session.workspace, self.graph, run.results, run.stale)
        cards = render_cards(
            session, self.graph, run.results, ledger, self._committer, self._observer, self._generations
        )
        self.ran += sum(not card.reused for card in cards.values())
        self.reused += sum(card.reused for card in cards.values())
        self._trackers.cards(cards)
        faults.point("cards.rendered")
        written = write_drafts(session, run.results, cards) if not self.targets else []
        return Outcome(
            self.graph,
            run.results,
            self.ran,
            self.reused,
            self.moved,
            run.stale,
            ledger,
            cards,
            written,
            self.seconds,
            self.warnings,
            "" if self.targets else root_of(bundle_files(session)),
            self.asked_again,
        )
