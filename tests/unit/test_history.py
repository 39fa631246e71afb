"""`history`: what a run leaves in its journal, and how it is read."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bigcode.api import Diagnostic, Problem
from bigcode.cli import run
from bigcode.cli.output import Quiet
from bigcode.run.history import Chronicle, events_of, find_run, runs, seconds_by_node
from bigcode.run.journal import Journal
from bigcode.store.store import Store


def node(name: str) -> Any:
    return SimpleNamespace(id=name, shape="core", resource=name.split("#")[0])


def tell(base: Path, *nodes: tuple[str, int, float], fails: str = "", ends: bool = True) -> str:
    """A run that finishes some nodes (name, tasks, seconds); returns its id."""
    journal = Journal(base)
    times = iter(["2026-11-01T10:00:00Z", "2026-11-01T10:05:00Z"])
    told = Chronicle(journal, Quiet(), "tiny", clock=lambda: next(times))
    for name, ran, seconds in nodes:
        told.node_started(node(name), ran)
        for label in range(ran):
            journal.write("task", node=name, partition=str(label), key="ab" * 32)
        told.node_finished(node(name), ran, 0, seconds, False)
    if fails:
        told.node_failed(node(fails), [Diagnostic("E502", "it fell over")])
    if ends:
        told.end(not fails)
    return journal.id


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def test_a_run_tells_who_what_and_how_long(store: Store) -> None:
    name = tell(store.base, ("Dataset/a@1#x", 4, 2.0), ("Dataset/a@1#y", 1, 0.5))
    [found] = runs(store)
    assert (found.id, found.workspace, found.state) == (name, "tiny", "done")
    assert (found.started, found.ended) == ("2026-11-01T10:00:00Z", "2026-11-01T10:05:00Z")
    assert found.command.startswith("bigcode")
    assert (found.tasks, found.seconds) == (5, {"Dataset/a@1#x": 2.0, "Dataset/a@1#y": 0.5})


def test_a_run_without_work_leaves_nothing(store: Store) -> None:
    journal = Journal(store.base)
    told = Chronicle(journal, Quiet(), "tiny")
    told.node_finished(node("Dataset/a@1#x"), 0, 4, 0.0, False)
    told.end(True)
    assert runs(store) == []


def test_failures_and_runs_that_broke_off(store: Store) -> None:
    tell(store.base, fails="Dataset/a@1#x")
    tell(store.base, ("Dataset/a@1#x", 1, 1.0), ends=False)
    failed, broken = runs(store)
    assert (failed.state, broken.state) == ("failed", "broken off")
    assert failed.failures == ({"node": "Dataset/a@1#x", "code": "E502", "message": "it fell over"},)


def test_a_line_that_a_crash_tore_is_left_out(store: Store) -> None:
    name = tell(store.base, ("Dataset/a@1#x", 2, 1.0))
    with (store.base / "runs" / name / "journal.jsonl").open("a") as stream:
        stream.write('{"event": "ta')
    assert find_run(store, "last").tasks == 2
    assert events_of(store, find_run(store, "1"))[-1]["event"] == "end"


def test_a_run_is_found_by_the_start_of_its_id(store: Store) -> None:
    first, second = tell(store.base, ("Dataset/a@1#x", 1, 1.0)), tell(store.base, ("Dataset/a@1#x", 1, 1.0))
    assert find_run(store, "1").id == first
    assert find_run(store, second[:9]).id == second
    for wrong in ("9", "00"):
        with pytest.raises(Problem, match="E004"):
            find_run(store, wrong)


def test_seconds_a_task_are_the_median_of_runs(store: Store) -> None:
    for seconds in (1.0, 100.0, 3.0):
        tell(store.base, ("Dataset/a@1#x", 2, seconds))
    assert seconds_by_node(runs(store)) == {"Dataset/a@1#x": (1.5, 3)}


def test_the_command_lists_runs_and_reads_a_log(applied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", str(applied), "--json"]) == 0
    [said] = json.loads(capsys.readouterr().out)["runs"]
    assert said["tasks"] > 20
    assert ["Dataset/tiny@1.0.0", 1] in said["moved"]
    assert run(["history", str(applied)]) == 0
    assert capsys.readouterr().out.startswith("000001-")
    assert run(["history", str(applied), "last", "--log"]) == 0
    out = capsys.readouterr().out
    assert "task    Dataset/tiny@1.0.0#gather 0  " in out
    assert "ref     Dataset/tiny@1.0.0 generation 1" in out


def test_a_store_without_runs(blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", str(blank)]) == 0
    assert capsys.readouterr().out == "No run has done anything yet.\n"
