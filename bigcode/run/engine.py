"""The ready queue: nodes whose sources are finished go to the executor, or to a launcher; results are committed."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

from bigcode.api.canonical import key_of
from bigcode.api.diagnostics import Diagnostic, Problem, fail
from bigcode.api.shapes import Entry, Executor
from bigcode.plan.graph import Graph, Node, sources
from bigcode.plan.keys import content_key, inputs_of, labels_of, pin_keys
from bigcode.plan.survey import held_results, recorded_identity
from bigcode.run import faults
from bigcode.run.commit import Committer
from bigcode.run.process import run_process
from bigcode.run.task import Answer, Task, decode_answer
from bigcode.run.worker import perform
from bigcode.store.actions import Action
from bigcode.store.store import Store

IN_VAIN = ("E703",)
"""Problems that all other tasks would meet too, each after its own patience."""


class Observer(Protocol):
    """Is told what happens, in the order in which it happens."""

    def warned(self, warning: Diagnostic) -> None: ...
    def node_started(self, node: Node, tasks: int) -> None: ...
    def task_finished(self, node: Node, label: str, warnings: list[Diagnostic]) -> None: ...
    def node_progress(self, node: Node, done: int, total: int) -> None: ...
    def node_failed(self, node: Node, problems: list[Diagnostic]) -> None: ...
    def node_finished(self, node: Node, ran: int, reused: int, seconds: float, held: bool) -> None: ...


@dataclass
class Run:
    """The state of one walk: finished actions, futures in flight, and what is known of each node."""

    graph: Graph
    results: dict[str, dict[str, Action]] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    ran: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)


class Engine:
    """Runs a graph against a store. The executor is made when the first task needs it."""

    def __init__(
        self,
        graph: Graph,
        store: Store,
        committer: Committer,
        observer: Observer,
        make_executor: Any,
        refs: Mapping[str, Any],
        retrain: frozenset[str] = frozenset(),
    ) -> None:
        self.store, self.committer, self.observer = store, committer, observer
        self.run_ = Run(graph)
        self.refs, self.retrain = refs, retrain
        self._make_executor = make_executor
        self._executor: Executor | None = None
        self._pins = pin_keys(graph)
        self._traces: list[str] = []
        self._futures: dict[Future[bytes], tuple[Node, str, str]] = {}

    def walk(self) -> Run:
        """Run everything that has no result yet.

        Raises:
            Problem: of the first node that failed, after the work in flight is committed.
        """
        waiting = [n for n in self.run_.graph.nodes.values() if n.shape != "card"]
        problems: list[Diagnostic] = []
        try:
            while waiting or self._futures:
                if not problems:
                    waiting = self._start_ready(waiting)
                if not self._futures:
                    if problems or not waiting:
                        break
                    waiting = self._run_a_process(waiting)
                    continue
                done, _ = wait(self._futures, return_when=FIRST_COMPLETED)
                for future in done:
                    problems += self._finish(future)
                if problems:
                    self._give_up()
                if any(problem.code in IN_VAIN for problem in problems):
                    self._futures = {f: task for f, task in self._futures.items() if not f.cancel()}
        except KeyboardInterrupt:
            self._drain()
            raise
        finally:
            self.close()
        if problems:
            failure = Problem(*problems)
            for trace in self._traces:
                failure.add_note(trace)
            raise failure
        return self.run_

    def close(self) -> None:
        if self._executor is not None:
            self._executor.close()
            self._executor = None

    def _start_ready(self, waiting: list[Node]) -> list[Node]:
        """Start all nodes that can be started without a launcher; again when a node needed no work."""
        moved = True
        while moved:
            moved, rest = False, []
            for node in waiting:
                ready = all(s in self.run_.results and s not in self.run_.open for s in sources(node))
                if not ready:
                    rest.append(node)
                elif self._reuse(node):
                    moved = True
                elif node.shape == "process":
                    rest.append(node)
                else:
                    self._submit(node)
            waiting = rest
        return waiting

    def _reuse(self, node: Node) -> bool:
        """Whether all of a node's results stand in the store; those that do are taken either way."""
        run = self.run_
        if node.resource not in self.retrain:
            held = held_results(node, self._pins, self.refs, self.store)
            if held is not None:
                run.results[node.id] = held
                fresh = all(
                    content_key(node, label, run.results) == action.key for label, action in held.items()
                )
                if not fresh:
                    run.stale.add(node.resource)
                self.observer.node_finished(node, 0, len(held), 0.0, not fresh)
                return True
        labels = labels_of(node, run.results, self.store.objects.get)
        found = {label: self.store.actions.get(content_key(node, label, run.results)) for label in labels}
        run.results[node.id] = {label: action for label, action in found.items() if action is not None}
        if len(run.results[node.id]) == len(labels):
            self.observer.node_finished(node, 0, len(labels), 0.0, False)
            return True
        if node.shape == "process":
            del run.results[node.id]
        return False

    def _submit(self, node: Node) -> None:
        run = self.run_
        labels = labels_of(node, run.results, self.store.objects.get)
        todo = [label for label in labels if label not in run.results[node.id]]
        run.started[node.id], run.ran[node.id], run.open[node.id] = time.perf_counter(), len(todo), len(todo)
        self.observer.node_started(node, len(todo))
        if self._executor is None:
            self._executor = self._make_executor()
        for label in todo:
            key = content_key(node, label, run.results)
            task = Task(
                store=self.store.url,
                node=node.id,
                shape=node.shape,
                factory=node.factory,
                label=label,
                key=key,
                config_class=node.config_class,
                config=node.config,
                identity=node.identity,
                params=node.params,
                unit=node.partition_identity.get(label) or {},
                inputs=_plain(inputs_of(node, label, run.results)),
                literals=node.literals,
                grain=node.grain,
                base=self.committer.base_of(node, label),
                memory=key_of([node.component, node.behaviour])[:24],
            )
            future = self._executor.submit(perform, task.encode(), node.id)
            self._futures[future] = (node, label, key)
            if future.done() and _in_vain(future):
                return

    def _finish(self, future: Future[bytes]) -> list[Diagnostic]:
        node, label, key = self._futures.pop(future)
        try:
            answer = decode_answer(future.result())
        except Exception as error:
            lost = [
                Diagnostic(
                    "E502", f"{node.id} {label}: the worker ended: {type(error).__name__}: {error}".rstrip()
                )
            ]
            self.observer.node_failed(node, lost)
            return lost
        if answer.problems:
            self.observer.node_failed(node, answer.problems)
            self._traces.append(answer.trace)
            return answer.problems
        self._commit(node, label, key, answer)
        self.observer.task_finished(node, label, answer.warnings)
        run = self.run_
        run.open[node.id] -= 1
        run.seconds[node.id] = run.seconds.get(node.id, 0.0) + answer.seconds
        if not run.open[node.id]:
            del run.open[node.id]
            labels = labels_of(node, run.results, self.store.objects.get)
            run.results[node.id] = {label: run.results[node.id][label] for label in labels}
            elapsed = time.perf_counter() - run.started[node.id]
            self.observer.node_finished(
                node, run.ran[node.id], len(labels) - run.ran[node.id], elapsed, False
            )
        return []

    def _commit(self, node: Node, label: str, key: str, answer: Answer) -> None:
        inputs = inputs_of(node, label, self.run_.results)
        keyed = {e.name for e in node.inputs if e.keyed}
        action = Action(
            key=key,
            component=node.component,
            behaviour=node.behaviour,
            partition=label,
            identity=recorded_identity(node, label),
            inputs={
                n: tuple((e.name, e.digest) for e in entries) for n, entries in inputs.items() if n in keyed
            },
            outputs={n: tuple(entries) for n, entries in answer.outputs.items()},
            facts=tuple(answer.facts),
            warnings=tuple(answer.warnings),
            recorded=node.recorded,
            environment={"python": platform.python_version(), "machine": platform.machine()}
            if node.recorded
            else {},
        )
        self.run_.results.setdefault(node.id, {})[label] = self.committer.commit(node, action)

    def _run_a_process(self, waiting: list[Node]) -> list[Node]:
        """Run the first process node that is ready, alone: the executor's workers are gone by then.

        Raises:
            Problem: E505 while another run is at the same work.
        """
        run = self.run_
        node = next(n for n in waiting if all(s in run.results for s in sources(n)))
        self.close()
        key = content_key(node, "", run.results)
        with self.store.claim(key) as free:
            if not free:
                hint = "Run the command again when that one is done; nothing is lost."
                raise fail("E505", f"{node.id} is at work in another run", hint=hint)
            made = self.store.actions.get(key)
            if made is None:
                self._launch(node, key)
            else:
                # The other run was done between the look at the store and the claim.
                run.results[node.id] = {"": made}
                self.observer.node_finished(node, 0, 1, 0.0, False)
            self.store.drop_scratch(key)
        return [n for n in waiting if n.id != node.id]

    def _launch(self, node: Node, key: str) -> None:
        run = self.run_
        self.observer.node_started(node, 1)
        started = time.perf_counter()
        faults.point("process.started")
        facts = {e.name: _facts(e.node, run.results) for e in node.inputs if e.mode == "facts"}
        answer = run_process(
            node,
            key,
            inputs_of(node, "", run.results),
            facts,
            self.store,
            lambda done, total: self.observer.node_progress(node, done, total),
        )
        if answer.problems:
            self.observer.node_failed(node, answer.problems)
            raise Problem(*answer.problems)
        faults.point("process.finished")
        self._commit(node, "", key, answer)
        run.ran[node.id], run.seconds[node.id] = 1, answer.seconds
        self.observer.task_finished(node, "", answer.warnings)
        self.observer.node_finished(node, 1, 0, time.perf_counter() - started, False)

    def _give_up(self) -> None:
        """Let go of tasks that no worker has begun."""
        for future in [f for f in self._futures if f.cancel()]:
            del self._futures[future]

    def _drain(self) -> None:
        """Commit what is being worked on; called once after an interrupt."""
        self._give_up()
        for future in wait(self._futures, timeout=60).done:
            self._finish(future)


def _in_vain(future: Future[bytes]) -> bool:
    """Whether a task that ran at once, in this process, says that those after it would fail alike."""
    return future.exception() is None and any(
        p.code in IN_VAIN for p in decode_answer(future.result()).problems
    )


def _plain(inputs: Mapping[str, list[Entry]]) -> dict[str, list[list[Any]]]:
    return {name: [[e.name, e.digest, e.rows, e.bytes] for e in entries] for name, entries in inputs.items()}


def _facts(node: str, results: Mapping[str, Mapping[str, Action]]) -> list[dict[str, Any]]:
    from bigcode.evidence.ledger import qualify

    resource = node.partition("#")[0]
    return [qualify(resource, fact).as_json() for action in results[node].values() for fact in action.facts]
