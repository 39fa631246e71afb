"""`init` writes a workspace that is valid at once and that a first apply builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from bigcode.cli import run
from bigcode.testing.corpus import write_jsonl


def test_it_is_valid_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", str(tmp_path / "First Try")]) == 0
    assert run(["validate", str(tmp_path / "First Try")]) == 0
    assert "7 resources of 7 kinds, no errors." in capsys.readouterr().out
    assert run(["plan", str(tmp_path / "First Try")]) == 0
    assert "0001-policies" in (tmp_path / "First Try" / "licenses.yaml").read_text()


def test_with_a_key_it_can_be_applied(tmp_path: Path) -> None:
    space = tmp_path / "new"
    assert run(["init", str(space), "--name", "sample", "--key"]) == 0
    project = space / "project.yaml"
    project.write_text(project.read_text() + "  execution: {executor: inline, trackers: []}\n")
    assert run(["apply", str(space)]) == 0
    assert run(["plan", str(space), "--exit-code"]) == 0
    assert (space / "governance" / "cards" / "new" / "sample.dataset-card.md").exists()


def test_over_a_table_of_ones_own(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "files.jsonl")
    assert run(["init", str(tmp_path / "own"), "--data", str(tmp_path / "files.jsonl")]) == 0
    assert "../files.jsonl" in (tmp_path / "own" / "snapshot.yaml").read_text()
    assert run(["validate", str(tmp_path / "own")]) == 0


def test_names_stay_out_of_git(tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "own")]) == 0
    assert "/optouts/" in (tmp_path / "own" / ".gitignore").read_text().splitlines()


def test_what_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "note.txt").write_text("mine")
    assert run(["init", str(tmp_path), "--name", "x"]) == 2
    assert "not empty" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]
