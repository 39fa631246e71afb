"""`bigcode search`: places of a text in what is released, and for stewards in what was collected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from workspaces import apply, copy_space, edit_spec, write_wishes

from bigcode.cli import run
from bigcode.testing.corpus import EMAIL


@pytest.fixture(scope="module")
def optedout(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace with the owner of `requestlib` opted out."""
    space = copy_space(applied_template, tmp_path_factory.mktemp("search"), store=True)
    write_wishes(space, [("owner", "requestlib")])
    apply(space)
    return space


def search(space: Path, capfd: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    capfd.readouterr()
    assert run(["search", str(space), "Dataset/tiny", "--json", *arguments]) == 0
    found: list[dict[str, Any]] = json.loads(capfd.readouterr().out)["hits"]
    return found


def test_lines_of_released_files_are_shown(applied: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(applied), "Dataset/tiny", "def distance("]) == 0
    (line, *_) = capfd.readouterr().out.splitlines()
    assert line.startswith("forge.example/")
    assert ":alpha/grid.py:14  released  def distance(" in line


def test_an_expression_is_matched_line_by_line(applied: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = search(applied, capfd, r"^def \w+\(", "--regex")
    assert len(text) > 5
    assert all(hit["text"].startswith("def ") for hit in text)
    assert search(applied, capfd, r"^def \w+\(") == []


def test_what_is_opted_out_is_found_only_in_what_was_collected_and_is_marked(
    optedout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    released = search(optedout, capfd, "class Session")
    assert not [hit for hit in released if "/requestlib/requestlib@" in hit["place"]]
    hits = search(optedout, capfd, "class Session", "--raw")
    own = [hit for hit in hits if "/requestlib/requestlib@" in hit["place"]]
    assert own
    assert {(hit["verdict"], hit["optedOut"]) for hit in own} == {("optout.owner", True)}
    copies = [hit for hit in hits if "_vendor/requestlib" in hit["place"]]
    assert copies
    assert all(hit["optedOut"] for hit in copies)
    assert run(["search", str(optedout), "Dataset/tiny", "class Session", "--raw"]) == 0
    told = capfd.readouterr()
    assert "[opted out]" in told.out
    assert "For stewards alone" in told.err


def test_what_was_collected_is_never_printed_or_kept(
    optedout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = {p: p.stat().st_mtime_ns for p in optedout.rglob("*")}
    hits = search(optedout, capfd, EMAIL, "--raw")
    assert [hit["place"].rpartition(":")[2] for hit in hits] != []
    assert all("text" not in hit for hit in hits)
    assert run(["search", str(optedout), "Dataset/tiny", "@harbour", "--raw"]) == 0
    assert EMAIL not in capfd.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in optedout.rglob("*")} == before


def test_masked_text_is_not_found_in_what_is_released(
    optedout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert search(optedout, capfd, EMAIL) == []


def test_every_file_that_holds_the_text_has_its_verdict(
    optedout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hits = search(optedout, capfd, ".", "--regex", "--raw", "--limit", "0")
    assert "unknown" not in {hit["verdict"] for hit in hits}
    assert {"kept", "optout.owner"} < {hit["verdict"] for hit in hits}


def test_a_limit_says_that_there_is_more(applied: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(applied), "Dataset/tiny", "e", "--limit", "3"]) == 0
    told = capfd.readouterr()
    assert len(told.out.splitlines()) == 3
    assert "There are more" in told.err


def test_a_snapshot_that_nobody_may_read_is_not_searched(
    applied: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    edit_spec(applied / "snapshot.yaml", "access", value="closed")
    assert run(["search", str(applied), "Dataset/tiny", "e", "--raw"]) == 5
    assert "the access of Snapshot/corpus@1.0.0 is `closed`" in capfd.readouterr().err
    assert run(["search", str(applied), "Dataset/tiny", "e"]) == 0


def test_without_the_list_nothing_that_was_collected_is_shown(
    applied: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (applied / "optouts" / "list.json").unlink()
    assert run(["search", str(applied), "Dataset/tiny", "e", "--raw"]) == 3
    assert capfd.readouterr().out == ""


def test_a_pattern_that_cannot_be_read_is_a_diagnostic(applied: Path) -> None:
    assert run(["search", str(applied), "Dataset/tiny", "(", "--regex"]) == 2
    assert run(["search", str(applied), "Dataset/tiny", "("]) == 0


def test_nothing_applied_is_a_diagnostic(blank: Path) -> None:
    assert run(["search", str(blank), "Dataset/tiny", "e"]) == 1
