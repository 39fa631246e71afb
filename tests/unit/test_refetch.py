"""`apply --refetch`: sources that could not be had are asked for again, and nothing else is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from workspaces import edit_spec, tasks_of_last_run

from bigcode.cli import run

PYTHON = b'"""Adds numbers."""\n\n\ndef add(left: int, right: int) -> int:\n    return left + right\n'


def make_repository(folder: Path, name: str) -> str:
    """A repository with one commit; returns the commit."""
    folder.mkdir()
    (folder / f"{name}.py").write_bytes(PYTHON.replace(b"add", name.encode()))
    (folder / "LICENSE").write_text("SPDX-License-" + "Identifier: MIT\n")
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for arguments in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "first")):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def away(blank: Path) -> Path:
    """A workspace of two repositories, the second of which is away."""
    listed = [
        {"url": name, "commit": make_repository(blank / name, name), "owner": name, "name": name}
        for name in ("here", "later")
    ]
    (blank / "later").rename(blank / "moved")
    uses = {"uses": "sources.git", "version": 2, "with": {"repositories": listed, "retries": 0}}
    edit_spec(blank / "snapshot.yaml", "collector", value=uses)
    edit_spec(blank / "snapshot.yaml", "tolerate", value=0.5)
    return blank


def fetched(space: Path) -> int:
    """How many sources the newest run fetched."""
    return sum(step == "collect.fetch" for step, _ in tasks_of_last_run(space))


def test_a_repository_that_appears_later_is_fetched_when_it_is_asked_for_again(
    away: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply", str(away)]) == 0
    assert fetched(away) == 2
    (away / "moved").rename(away / "later")
    assert run(["apply", str(away)]) == 0
    assert "Nothing to do" in capfd.readouterr().out
    assert run(["apply", str(away), "--refetch"]) == 0
    assert "1 source asked for again." in capfd.readouterr().out
    assert fetched(away) == 1
    assert run(["explain", "Dataset/tiny", "git/later/later:later.py", "-w", str(away)]) == 0
    assert run(["plan", str(away), "--exit-code"]) == 0
    assert run(["apply", str(away), "--refetch"]) == 0
    assert "Nothing to do" in capfd.readouterr().out


def test_one_that_is_still_away_changes_nothing_but_costs_the_question(
    away: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply", str(away)]) == 0
    refs = {p: p.read_bytes() for p in (away / ".bigcode" / "refs").rglob("*.json")}
    assert run(["apply", str(away), "--refetch"]) == 0
    assert tasks_of_last_run(away) == [
        ("collect.fetch", "git/later/later" + tasks_of_last_run(away)[0][1][15:])
    ]
    assert {p: p.read_bytes() for p in (away / ".bigcode" / "refs").rglob("*.json")} == refs
    capfd.readouterr()


def test_a_run_that_ends_after_it_forgot_is_finished_by_a_plain_one(
    away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bigcode.run import faults

    assert run(["apply", str(away)]) == 0
    (away / "moved").rename(away / "later")
    monkeypatch.setenv("BIGCODE_FAULT", "apply.started")
    faults.reset()
    with pytest.raises(faults.InjectedFault):
        run(["apply", str(away), "--refetch"])
    monkeypatch.setenv("BIGCODE_FAULT", "")
    assert run(["apply", str(away)]) == 0
    assert run(["explain", "Dataset/tiny", "git/later/later:later.py", "-w", str(away)]) == 0
