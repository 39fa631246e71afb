"""Before an apply: what it would write and how long it would take, with the basis of both."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from workspaces import edit_spec, objects_of

from bigcode.api import Problem
from bigcode.cli.common import open_spec
from bigcode.cli.output import Quiet
from bigcode.run.history import Chronicle
from bigcode.run.journal import Journal
from bigcode.run.planning import survey_session
from bigcode.run.preflight import check, estimate, look_ahead


@pytest.fixture
def pending(applied: Path) -> Path:
    """An edit that is not applied yet, in a store that has forgotten its runs."""
    shutil.rmtree(applied / ".bigcode" / "runs")
    edit_spec(applied / "dataset.yaml", "quality", "rules", value=[])
    return applied


def free(count: int):  # type: ignore[no-untyped-def]
    return lambda path: count


def test_bytes_are_those_of_the_state_before(pending: Path) -> None:
    session = open_spec(str(pending), "").session()
    graph, found = survey_session(session)
    made = estimate(session, graph, found, free_bytes=free(10**9))
    assert made.tasks == sum(not s.node.startswith("Card/") for s in found.changes)
    assert 1000 < made.bytes < 10**6
    assert made.unknown == ()
    assert made.line() == ""


def test_what_does_not_fit_is_refused_and_what_is_tight_is_said(pending: Path) -> None:
    session = open_spec(str(pending), "").session()
    graph, found = survey_session(session)
    size = estimate(session, graph, found).bytes
    assert check(session, graph, found, free_bytes=free(size * 2))[1] == []
    [warning] = check(session, graph, found, free_bytes=free(size + 1))[1]
    assert (warning.code, warning.severity) == ("E515", "warning")
    with pytest.raises(Problem, match=r"E515 .*are free") as caught:
        check(session, graph, found, free_bytes=free(size - 1))
    assert "bigcode gc" in caught.value.diagnostics[0].hint


def test_seconds_come_from_earlier_runs(pending: Path) -> None:
    session = open_spec(str(pending), "").session()
    graph, found = survey_session(session)
    nodes = {s.node for s in found.changes if not s.node.startswith("Card/")}
    for spent in (0.1, 0.7, 0.2):
        told = Chronicle(Journal(session.store.base), Quiet(), "tiny")
        for name in nodes:
            told.node_finished(graph.nodes[name], 1, 0, spent, False)
    made = estimate(session, graph, found)
    assert (made.timed, made.seconds, made.runs) == (made.tasks, pytest.approx(0.2 * made.tasks), 3)
    assert made.line().startswith(f"About {0.2 * made.tasks:.0f} s of work, ")
    assert "(median of 3 earlier runs)" in made.line()


def test_a_first_run_has_no_basis(blank: Path) -> None:
    session = open_spec(str(blank), "").session()
    graph, found = survey_session(session)
    made, warnings = check(session, graph, found)
    assert (made.bytes, made.line(), warnings) == (0, "", [])
    assert len(made.unknown) > 5


def test_an_apply_looks_ahead(pending: Path) -> None:
    session = open_spec(str(pending), "").session()
    made, warnings = look_ahead(session, session.graph())
    assert made is not None
    assert made.tasks > 5
    assert warnings == []
    lifecycle = {"state": "retired", "reason": "done", "since": "2026-11-01"}
    edit_spec(pending / "dataset.yaml", "lifecycle", value=lifecycle)
    session = open_spec(str(pending), "").session()
    with pytest.raises(Problem, match="E514"):
        look_ahead(session, session.graph())


def test_a_damaged_store_is_left_to_the_walk(applied: Path) -> None:
    for path in objects_of(applied):
        path.write_bytes(b"damaged")
    session = open_spec(str(applied), "").session()
    assert look_ahead(session, session.graph()) == (None, [])
