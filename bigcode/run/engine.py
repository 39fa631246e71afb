"""The ready queue: nodes whose sources are finished go to the executor, or to a launcher; results are committed."""

from __future__ import annotations

import platform
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, wait
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from bigcode.api.canonical import key_of
from bigcode.api.diagnostics import Diagnostic, Problem, fail
from bigcode.api.shapes import Entry, Executor
from bigcode.plan.graph import Graph, Node, sources
from bigcode.plan.keys import Keys, labels_of, pin_keys
from bigcode.plan.survey import held_results, recorded_identity
from bigcode.run import faults
from bigcode.run.commit import DELTA, Committer
from bigcode.run.executors import InlineExecutor
from bigcode.run.observe import forget
from bigcode.run.payload import Packer, unpack_answer
from bigcode.run.process import run_process
from bigcode.run.task import Answer, decode_answer
from bigcode.run.work import Flight, Observer, Run, Work, slim
from bigcode.run.worker import perform
from bigcode.store.actions import Action
from bigcode.store.store import Store

__all__ = ["Engine", "Observer"]

IN_VAIN = ("E703", "E509")
"""Problems that all other tasks would meet too, each after its own patience."""
WINDOW = 256
"""Tasks that are in the executor's hands at once, or two for each worker where that is more."""
ENOUGH = 50
"""Problems after which no further task of a failed node is tried, where tasks run in this process one by one."""


LITTLE_TASKS, LITTLE_BYTES = 256, 64 * 2**20


class Engine:
    """Runs a graph against a store. The executor is made when the first task needs it.

    Args:
        refs: values of references by address, for what is pinned.
        known: results of nodes that need not run, from a survey of this graph and store.
        thrifty: do little work in this process, and start the executor only for more.
    """

    def __init__(
        self,
        graph: Graph,
        store: Store,
        committer: Committer,
        observer: Observer,
        make_executor: Any,
        refs: Mapping[str, Any],
        retrain: frozenset[str] = frozenset(),
        known: Mapping[str, Mapping[str, Action]] | None = None,
        *,
        thrifty: bool = False,
    ) -> None:
        self.store, self.committer, self.observer = store, committer, observer
        self.run_ = Run(graph)
        self.refs, self.retrain = refs, retrain
        self._known = known or {}
        self._make_executor = make_executor
        self._thrifty = thrifty
        self._here = InlineExecutor()
        self._executor: Executor | None = None
        self._pins = pin_keys(graph)
        self._keys = Keys(self.run_.results)
        self._traces: list[str] = []
        self._queue: deque[Work] = deque()
        self._futures: dict[Future[bytes], Flight] = {}
        self._done: SimpleQueue[Future[bytes]] = SimpleQueue()
        self._told: set[Diagnostic] = set()
        self.folder: Path | None = None
        """Where the process node that was started last keeps its journal."""

    def walk(self) -> Run:
        """Run everything that has no result yet.

        Raises:
            Problem: of the first node that failed, after the work in flight is committed.
        """
        forget()
        waiting = [n for n in self.run_.graph.nodes.values() if n.shape != "card"]
        problems: list[Diagnostic] = []
        finished = -1
        try:
            while waiting or self._queue or self._futures:
                if not problems and finished != self.run_.finished:
                    waiting = self._start_ready(waiting)
                    finished = self.run_.finished
                self._fill()
                if not self._futures:
                    if problems or not waiting:
                        break
                    waiting = self._run_a_process(waiting)
                    continue
                future = self._done.get()
                if future not in self._futures:
                    continue
                flight = self._futures.pop(future)
                problems += self._finish(future, flight)
                if problems:
                    vain = len(problems) >= ENOUGH or any(p.code in IN_VAIN for p in problems)
                    self._give_up(None if vain or not flight.at_once else flight.work)
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
        """Queue all nodes that can be started without a launcher; again when a node needed no work."""
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
            waiting = rest
        return waiting

    def _reuse(self, node: Node) -> bool:
        """Whether all of a node's results stand in the store; else it is queued, unless it is a program."""
        run = self.run_
        if node.resource not in self.retrain:
            held = held_results(node, self._pins, self.refs, self.store)
            if held is not None:
                run.results[node.id] = held
                fresh = all(self._keys.key(node, label) == action.key for label, action in held.items())
                if not fresh:
                    run.stale.add(node.resource)
                self.observer.node_finished(node, 0, len(held), 0.0, not fresh)
                return True
        known = self._known.get(node.id)
        if known is not None:
            run.results[node.id] = {label: slim(action) for label, action in known.items()}
            self.observer.node_finished(node, 0, len(known), 0.0, False)
            return True
        labels = labels_of(node, run.results, self.store.objects.get)
        keys = {label: self._keys.key(node, label) for label in labels}
        found: dict[str, Action] = {}
        for label, key in keys.items():
            action = self.store.actions.get(key)
            if action is not None:
                found[label] = slim(action)
        if len(found) == len(labels):
            run.results[node.id] = found
            self.observer.node_finished(node, 0, len(labels), 0.0, False)
            return True
        if node.shape != "process":
            run.results[node.id] = found
            todo = deque(label for label in labels if label not in found)
            run.ran[node.id] = run.open[node.id] = len(todo)
            memory = key_of([node.component, node.behaviour])[:24]
            self._queue.append(Work(node, labels, keys, todo, Packer(self.store, node, memory)))
        return False

    def _fill(self) -> None:
        """Hand tasks over while there is room; one that ran at once is looked at before the next."""
        while self._queue:
            if self._executor is None and not self._is_little(self._queue[0]):
                self._executor = self._make_executor()
            if len(self._futures) >= max(WINDOW, 2 * self._at_work.workers):
                return
            work = self._queue[0]
            if not work.started:
                work.started = time.perf_counter()
                self.observer.node_started(work.node, len(work.todo))
            future = self._submit(work, work.todo.popleft())
            self._queue.popleft()
            if work.todo and work.node.shape in DELTA:
                # Observers take turns, so that a worker reads the contents of a partition once for all of them.
                self._queue.append(work)
            elif work.todo:
                self._queue.appendleft(work)
            if self._futures[future].at_once:
                return

    @property
    def _at_work(self) -> Executor:
        return self._executor or self._here

    def _is_little(self, work: Work) -> bool:
        """Whether a node's tasks are sooner done here than workers are started: judgements of a few files."""
        if not self._thrifty or work.node.shape != "core" or len(work.todo) > LITTLE_TASKS:
            return False
        size = 0
        for label in work.todo:
            size += sum(e.bytes for entries in self._keys.inputs(work.node, label).values() for e in entries)
        return size <= LITTLE_BYTES

    def _submit(self, work: Work, label: str) -> Future[bytes]:
        node = work.node
        inputs = self._keys.inputs(node, label)
        base = self.committer.base_of(node, label)
        payload = work.packer.pack(label, work.keys[label], inputs, base)
        try:
            future = self._at_work.submit(perform, payload, node.id)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
        self._futures[future] = Flight(work, label, inputs, future.done())
        future.add_done_callback(self._done.put)
        return future

    def _finish(self, future: Future[bytes], flight: Flight) -> list[Diagnostic]:
        work, label = flight.work, flight.label
        node = work.node
        try:
            answer = decode_answer(unpack_answer(future.result(), self.store))
        except Problem as problem:
            return self._fail(node, list(problem.diagnostics))
        except Exception as error:
            told = f"{node.id} {label}: the worker ended: {type(error).__name__}: {error}".rstrip()
            return self._fail(node, [Diagnostic("E502", told)])
        if answer.problems:
            self._traces.append(answer.trace)
            return self._fail(node, answer.problems)
        self._commit(node, label, work.keys[label], answer, flight.inputs)
        self.observer.task_finished(node, label, answer.warnings)
        run = self.run_
        run.open[node.id] -= 1
        run.seconds[node.id] = run.seconds.get(node.id, 0.0) + answer.seconds
        if not run.open[node.id]:
            del run.open[node.id]
            run.results[node.id] = {label: run.results[node.id][label] for label in work.labels}
            elapsed = time.perf_counter() - work.started
            ran = run.ran[node.id]
            self.observer.node_finished(node, ran, len(work.labels) - ran, elapsed, False)
        return []

    def _fail(self, node: Node, problems: list[Diagnostic]) -> list[Diagnostic]:
        """Tell of problems, those that many tasks met alike once."""
        new = [problem for problem in problems if problem not in self._told]
        self._told |= set(new)
        if new:
            self.observer.node_failed(node, new)
        return new

    def _commit(
        self,
        node: Node,
        label: str,
        key: str,
        answer: Answer,
        inputs: Mapping[str, Sequence[Entry]],
    ) -> None:
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
        self.run_.results.setdefault(node.id, {})[label] = slim(self.committer.commit(node, action))

    def _run_a_process(self, waiting: list[Node]) -> list[Node]:
        """Run the first process node that is ready, alone: the executor's workers are gone by then.

        Raises:
            Problem: E505 while another run is at the same work.
        """
        run = self.run_
        node = next(n for n in waiting if all(s in run.results for s in sources(n)))
        self.close()
        key = self._keys.key(node, "")
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
        inputs = self._keys.inputs(node, "")
        self.folder = self.store.scratch(key)
        answer = run_process(
            node,
            key,
            inputs,
            facts,
            self.store,
            lambda done, total: self.observer.node_progress(node, done, total),
        )
        if answer.problems:
            self.observer.node_failed(node, answer.problems)
            raise Problem(*answer.problems)
        faults.point("process.finished")
        self._commit(node, "", key, answer, inputs)
        run.ran[node.id], run.seconds[node.id] = 1, answer.seconds
        self.observer.task_finished(node, "", answer.warnings)
        self.observer.node_finished(node, 1, 0, time.perf_counter() - started, False)

    def _give_up(self, but: Work | None = None) -> None:
        """Let go of tasks that no worker has begun, but for those of one node whose problems are told together."""
        self._queue = deque(work for work in self._queue if work is but)
        for future in [f for f in self._futures if f.cancel()]:
            del self._futures[future]

    def _drain(self) -> None:
        """Commit what is being worked on; called once after an interrupt."""
        self._give_up()
        for future in wait(self._futures, timeout=60).done:
            self._finish(future, self._futures.pop(future))


def _facts(node: str, results: Mapping[str, Mapping[str, Action]]) -> list[dict[str, Any]]:
    from bigcode.evidence.ledger import qualify

    resource = node.partition("#")[0]
    return [qualify(resource, fact).as_json() for action in results[node].values() for fact in action.facts]
