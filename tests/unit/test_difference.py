"""`diff`: which files changed their reason, with what was read; whoever opted out is counted and never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from workspaces import apply, edit_spec, objects_of, write_wishes

from bigcode.cli import run

RULES = [{"id": "short", "column": "lines", "below": 30}]


def diff(space: Path, capsys: pytest.CaptureFixture[str], *more: str) -> Any:
    capsys.readouterr()
    assert run(["diff", str(space), "--json", *more]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def stricter(applied: Path) -> Path:
    """A stricter rule that is not applied yet."""
    edit_spec(applied / "dataset.yaml", "quality", "rules", value=RULES)
    return applied


def move_of(said: Any, before: str, after: str) -> Any:
    return next(m for m in said["moves"] if (m["before"], m["after"]) == (before, after))


def test_what_is_pending_is_compared_with_what_was_applied(
    stricter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = objects_of(stricter)
    said = diff(stricter, capsys)
    assert said["after"] == "the pending plan"
    move = move_of(said, "kept", "quality.short")
    assert move["files"] > len(move["examples"]) == 3
    for example in move["examples"]:
        assert example["readAfter"]["lines"] < 30
        assert example["readAfter"]["rule"] == "below 30.0"
        assert example["readBefore"]["license"]
    assert objects_of(stricter) == before
    apply(stricter)
    assert diff(stricter, capsys)["moves"] == said["moves"]


def test_generations_are_compared_and_counts_reconcile(
    stricter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(stricter)
    said = diff(stricter, capsys, "--against", "1", "--rows", "1")
    assert (said["before"], said["after"]) == ("generation 1", "generation 2")
    everything = diff(stricter, capsys, "--against", "2")
    assert everything["moves"] == []
    assert said["same"] + sum(m["files"] for m in said["moves"]) == everything["same"]
    assert all(len(m["examples"]) <= 1 for m in said["moves"])


@pytest.mark.parametrize("readable", [True, False])
def test_who_opted_out_is_counted_and_never_shown(
    applied: Path, capsys: pytest.CaptureFixture[str], readable: bool
) -> None:
    edit_spec(applied / "dataset.yaml", "quality", "rules", value=[{**RULES[0], "below": 12}])
    write_wishes(applied, [("owner", "alpha"), ("owner", "requestlib")])
    apply(applied)
    if not readable:
        (applied / "optouts" / "list.json").unlink()
    said = diff(applied, capsys, "--against", "1", "--rows", "100")
    assert sum(m["files"] for m in said["moves"] if "optout.owner" in (m["before"], m["after"])) > 2
    shown = json.dumps(said)
    assert "/alpha/alpha@" not in shown
    assert "requestlib/requestlib" not in shown
    if readable:
        assert move_of(said, "kept", "optout.owner")["examples"] == []
        assert move_of(said, "kept", "quality.short")["examples"]


def test_a_state_that_is_not_there_is_said(applied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for against, told in (("7", "no generation 7"), ("plan", "nothing is pending"), ("", "no earlier state")):
        assert run(["diff", str(applied), *(["--against", against] if against else [])]) == 1
        found = capsys.readouterr().err
        assert "E516" in found
        assert told in found


def test_what_gc_took_cannot_be_compared(stricter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    apply(stricter)
    assert run(["gc", str(stricter), "--keep-generations", "1"]) == 0
    capsys.readouterr()
    assert run(["diff", str(stricter), "--against", "1"]) == 1
    assert "E516" in capsys.readouterr().err


def test_a_plan_file_is_compared_while_it_holds(
    stricter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.json"
    assert run(["plan", str(stricter), "--out", str(plan)]) == 0
    assert move_of(diff(stricter, capsys, "--against", str(plan)), "kept", "quality.short")
    edit_spec(stricter / "dataset.yaml", "quality", "rules", value=[])
    assert run(["diff", str(stricter), "--against", str(plan)]) == 6


def test_it_reads_well(stricter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", str(stricter), "--rows", "1"]) == 0
    out = capsys.readouterr().out
    assert "Dataset/tiny@1.0.0: generation 1 -> the pending plan\n" in out
    assert "  kept -> quality.short\n          forge.example/" in out
    assert "after   lines " in out
