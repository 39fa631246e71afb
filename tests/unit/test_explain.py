"""`explain` answers for any file that people may name: of siblings, by old names, in another case, never taken in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sibling_workspaces import make_workspace
from workspaces import apply

from bigcode.cli import run


@pytest.fixture(scope="module")
def siblings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = make_workspace(tmp_path_factory.mktemp("siblings"))
    apply(space)
    return space


@pytest.fixture
def explained(siblings: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """The rows of a file, or what is said where there is none."""

    def explain(dataset: str, file: str) -> list[dict[str, Any]] | str:
        capsys.readouterr()
        code = run(["explain", f"Dataset/{dataset}", file, "-w", str(siblings), "--json"])
        printed = capsys.readouterr()
        return json.loads(printed.out)["rows"] if code == 0 else printed.err + printed.out

    return explain


@pytest.mark.parametrize(
    "dataset, file",
    [
        ("issues", "github.com/ann/kit:issues/3"),
        ("issues", "github.com/ann/kit:issues/3/comments/31"),
        ("metadata", "github.com/ann/kit:repository.json"),
        ("notebooks", "github.com/ann/kit:walk.ipynb"),
        ("near", "github.com/ann/kit:kit/grid.py"),
        ("redacted", "github.com/ann/kit:kit/desk.py"),
    ],
)
def test_rows_of_siblings_are_explained(explained: Any, dataset: str, file: str) -> None:
    (row,) = explained(dataset, file)
    assert row["reason"] == "kept"
    assert row["licenses"]["expression"] == "MIT"
    assert row["provenance"]["unit"]
    assert row["purged"] is None


def test_what_a_sibling_is_not_about_says_so(explained: Any) -> None:
    (row,) = explained("notebooks", "github.com/ann/kit:kit/grid.py")
    assert row["reasons"][0]["include"] == ["Jupyter Notebook"]
    (row,) = explained("notebooks", "github.com/ann/kit:broken.ipynb")
    assert row["reason"] == "quality.broken-notebook"


def test_a_commit_is_found_by_its_first_digits(explained: Any) -> None:
    (file,) = explained("code", "github.com/ann/kit:LICENSE")
    commit = file["provenance"]["revision"]
    for given in (commit, commit[:7], commit[:12].upper()):
        (row,) = explained("commits", f"github.com/ann/kit:{given}")
        assert row["provenance"]["path"] == commit
    assert "E004" in explained("commits", f"github.com/ann/kit:{commit[:6]}")


@pytest.mark.parametrize(
    "given",
    ["github.com/Ann/kit:kit/grid.py", "GitHub.com/ann/KIT:Kit/Grid.py", "github.com/ANN/kit:kit/grid.PY"],
)
def test_a_name_in_another_case_is_found_under_its_own(explained: Any, given: str) -> None:
    (row,) = explained("code", given)
    assert row["row"].startswith("github.com/ann/kit@")


def test_an_old_name_leads_to_the_one_of_now(explained: Any) -> None:
    said = explained("code", "github.com/cy/hammer:ways.py")
    assert (
        "github.com/cy/hammer is called github.com/cy/tool now: ask for github.com/cy/tool:ways.py." in said
    )


def test_what_was_never_taken_in_is_told_from_the_record_of_the_fetch(explained: Any) -> None:
    assert "Left out of `messages`, by reason: pull-request 1." in explained(
        "issues", "github.com/ann/kit:issues/99"
    )
    said = explained("code", "github.com/ann/kit:big/pile.bin")
    assert "was taken in whole, 6 files; this is none of them" in said
    said = explained("code", "github.com/nobody/nothing:x.py")
    assert "No source of its snapshot speaks of it." in said


@pytest.mark.parametrize(
    "file", ["", ":", "x", "github.com", "github.com/ann/kit", "github.com/ann/kit:", "//:a", "a@b"]
)
def test_what_is_no_name_of_a_file_says_how_one_is_written(explained: Any, file: str) -> None:
    said = explained("code", file)
    assert "E004" in said
    assert "HOST/OWNER/REPO:PATH" in said
