"""`apply --sample`: the outcome on a few sources or files, and nothing of the real dataset is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from workspaces import apply, edit_spec, write_wishes

from bigcode.cli import run
from bigcode.testing.corpus import build_corpus


def state(space: Path) -> dict[str, bytes]:
    """Everything of a store that a sample must leave as it is, and what was written outside of it."""
    store = space / ".bigcode"
    folders = [store / name for name in ("refs", "actions", "index/observed")]
    folders += [space / "governance", space / "releases"]
    files = [p for folder in folders if folder.exists() for p in folder.rglob("*") if p.is_file()]
    return {str(p): p.read_bytes() for p in files}


def sample(space: Path, capfd: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capfd.readouterr()
    assert run(["apply", str(space), "--json", "--sample", *arguments]) == 0
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


def test_a_sample_of_files_leaves_an_applied_dataset_as_it_is(
    applied: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = state(applied)
    found = sample(applied, capfd, "12")
    assert 12 <= found["files"] < len(build_corpus())
    assert sum(reason["files"] for reason in found["reasons"].values()) == found["files"]
    assert set(found["rows"]) == set(found["reasons"])
    assert state(applied) == before
    assert not list((applied / ".bigcode" / "work").iterdir())
    assert run(["plan", str(applied), "--exit-code"]) == 0


def test_the_seed_says_which_files_are_drawn(applied: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first, again, other = (sample(applied, capfd, "9", "--seed", seed) for seed in ("1", "1", "2"))
    assert first == again
    assert first["rows"] != other["rows"]


def test_a_sample_of_everything_is_the_dataset(applied: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Also after an edit that was not applied: that is what samples are for."""
    edit_spec(
        applied / "dataset.yaml", "quality", "rules", value=[{"id": "long", "column": "lines", "above": 5}]
    )
    found = sample(applied, capfd, "1000")
    apply(applied)
    capfd.readouterr()
    assert run(["show", str(applied), "--json"]) == 0
    assert found["files"] == len(build_corpus())
    assert found["reasons"]["quality.long"]["files"] > 0


def test_sources_are_drawn_where_there_are_several_and_what_they_fetch_is_kept(
    blank: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    owners: dict[str, list[Any]] = {}
    for row in build_corpus():
        owners.setdefault(row["owner"], []).append(row)
    for owner, rows in owners.items():
        (blank / f"{owner}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tables = [{"path": f"{owner}.jsonl"} for owner in owners]
    edit_spec(blank / "snapshot.yaml", "collector", "with", "tables", value=tables)
    found = sample(blank, capfd, "3")
    assert len(found["sources"]) == 3
    assert found["files"] < len(build_corpus())
    assert not (blank / ".bigcode" / "refs").exists()
    more = sample(blank, capfd, "5")
    assert set(found["sources"]) < set(more["sources"])
    apply(blank)
    assert f"{len(owners) - 5} tasks, 5 reused" in capfd.readouterr().err


def test_rows_that_an_opt_out_touches_are_counted_and_not_shown(
    applied: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_wishes(applied, [("owner", "requestlib")])
    capfd.readouterr()
    assert run(["apply", str(applied), "--sample", "1000"]) == 0
    told = capfd.readouterr()
    assert "optout.owner" in told.out
    assert "/requestlib/" not in told.out.replace("_vendor/requestlib", "")


def test_a_sample_goes_with_no_other_wish(applied: Path) -> None:
    assert run(["apply", str(applied), "--sample", "3", "--retrain"]) == 2
    assert run(["apply", str(applied), "--sample", "0"]) == 2


def test_a_list_that_cannot_be_read_stops_a_sample(applied: Path) -> None:
    (applied / "optouts" / "list.json").write_text("{}")
    assert run(["apply", str(applied), "--sample", "3"]) == 3


def test_a_sample_of_several_datasets_takes_the_one_named_like_the_project_or_the_one_that_is_named(
    applied: Path,
) -> None:
    text = (applied / "dataset.yaml").read_text()
    (applied / "second.yaml").write_text(text.replace("name: tiny", "name: other"))
    assert run(["apply", str(applied), "--sample", "3"]) == 0
    assert run(["apply", "Dataset/other", "-w", str(applied), "--sample", "3"]) == 0
