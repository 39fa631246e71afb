"""A release is published once: what follows checks it, and at most restores the very same bytes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from workspaces import POLICY, apply, edit_spec, read_spec, resource, write_spec

from bigcode.cli import run
from bigcode.evidence.signing import public_key
from bigcode.run.faults import InjectedFault
from bigcode.spec.lock import read_lock, write_lock

ADDRESS = "Release/tiny@1.0.0"
DECISION = f"---\nid: 0001\nkind: release\nworkspace: tiny\nsubject: {ADDRESS}\n---\n# Why\n\nBecause.\n"


@pytest.fixture(scope="module")
def published_template(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = tmp_path_factory.mktemp("published") / "tiny"
    shutil.copytree(applied_template, space)
    write_spec(
        space / "release.yaml", resource("Release", "tiny", {"artifacts": {"dataset": "Dataset/tiny"}})
    )
    (space / "governance" / "decisions").mkdir(parents=True)
    (space / "governance" / "decisions" / "0001.md").write_text(DECISION)
    apply(space)
    assert release(space) == 0
    return space


@pytest.fixture
def published(published_template: Path, tmp_path: Path) -> Path:
    """The tiny workspace with a release of its dataset, published."""
    space = tmp_path / "tiny"
    shutil.copytree(published_template, space)
    return space


def release(space: Path, as_of: str = "2026-12-01", *more: str) -> int:
    return run(["release", str(space), "--as-of", as_of, *more])


def folder_of(space: Path) -> Path:
    return space / "releases" / "tiny" / "tiny-1.0.0"


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def add_waiver(space: Path) -> None:
    waiver = {"gate": "opt-out-age", "by": "x", "reason": "y", "expires": "2030-01-01"}
    edit_spec(space / "release.yaml", "waivers", value=[waiver])


def add_resource(space: Path) -> None:
    more = resource("PIIPolicy", "more", read_spec(space / "pii.yaml"), **POLICY)
    write_spec(space / "more.yaml", more)


def edit_prose(space: Path) -> None:
    edit_spec(space / "dataset.yaml", "terms", value="Be kind.")


def edit_decision(space: Path) -> None:
    (space / "governance" / "decisions" / "0001.md").write_text(DECISION + "And more.\n")


# ---------------------------------------------------------------- what is recorded


def test_a_release_records_its_date_gates_root_and_key(published: Path) -> None:
    folder = folder_of(published)
    record = json.loads((folder / "release.json").read_bytes())
    root = (folder / "evidence" / "ROOT").read_text().strip()
    assert (record["release"], record["asOf"], record["root"]) == (ADDRESS, "2026-12-01", root)
    assert record["key"] == public_key(published / ".bigcode" / "keys" / "steward.ed25519")
    assert record["gates"] == [
        {
            "id": "opt-out-age",
            "state": "ok",
            "text": "OptOutSnapshot/list@1.0.0 is 30 d old, limit 90 d",
            "waiver": "",
        },
        {"id": "approvals", "state": "ok", "text": "none are required by the Project", "waiver": ""},
    ]
    assert "release.json" in json.loads((folder / ".manifest.json").read_bytes())
    entry = read_lock(published)["releases"][ADDRESS]
    assert (f"sha256:{entry['root']}", entry["asOf"]) == (root, "2026-12-01")


def test_the_evidence_carries_the_decisions_and_the_lock_without_the_root_of_itself(published: Path) -> None:
    evidence = folder_of(published) / "evidence"
    assert (evidence / "decisions" / "0001.md").read_text() == DECISION
    carried = json.loads((evidence / "specs" / "bigcode.lock").read_bytes())
    lock = read_lock(published)
    assert carried == {name: value for name, value in lock.items() if name != "releases"}
    assert run(["verify", str(evidence)]) == 0


def test_each_frozen_version_names_the_plugins_that_made_it(published: Path) -> None:
    lock = read_lock(published)
    assert "plugins" not in lock
    released = lock["released"]
    assert {"quality", "dedup", "languages"} <= set(released["Dataset/tiny@1.0.0"]["plugins"])
    assert released[ADDRESS]["plugins"] == {}


# ---------------------------------------------------------------- once more


@pytest.mark.parametrize("edit", [edit_prose, add_waiver, add_resource, edit_decision])
@pytest.mark.parametrize("applied_first", [False, True])
def test_whatever_may_still_be_edited_a_published_release_stays_as_it_is(
    published: Path, edit: Callable[[Path], None], applied_first: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    before, lock = content(folder_of(published)), (published / "bigcode.lock").read_bytes()
    edit(published)
    if applied_first:
        apply(published)
    capsys.readouterr()
    assert release(published, "2031-01-01") == 0
    out = capsys.readouterr().out
    assert "is released already; nothing changed" in out
    assert "30 d old" in out
    assert "as of 2026-12-01" in out
    assert content(folder_of(published)) == before
    assert (published / "bigcode.lock").read_bytes() == lock


def test_an_edit_of_what_was_released_is_still_refused(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_spec(published / "dataset.yaml", "split", "seed", value=2)
    assert release(published) == 3
    assert "E210" in capsys.readouterr().err


def lose_all(folder: Path) -> None:
    shutil.rmtree(folder)


def lose_one(folder: Path) -> None:
    next((folder / "dataset").rglob("*.parquet")).unlink()


def alter_one(folder: Path) -> None:
    (folder / "release.json").write_text("{}")


def alter_root(folder: Path) -> None:
    (folder / "evidence" / "ROOT").write_text("sha256:0\n")


def alter_manifest(folder: Path) -> None:
    (folder / ".manifest.json").write_text("{}")


DAMAGE = [
    (lose_all, "E605"),
    (lose_one, "E605"),
    (alter_one, "E604"),
    (alter_root, "E604"),
    (alter_manifest, "E604"),
]


@pytest.mark.parametrize(("damage", "code"), DAMAGE)
def test_a_damaged_folder_is_restored_to_the_same_bytes(
    published: Path, damage: Callable[[Path], None], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(folder_of(published))
    damage(folder_of(published))
    assert release(published, "2031-01-01") == 0
    assert "restored" in capsys.readouterr().out
    assert content(folder_of(published)) == before


@pytest.mark.parametrize(("damage", "code"), DAMAGE)
def test_a_damaged_folder_is_left_alone_where_the_same_bytes_cannot_be_made(
    published: Path, damage: Callable[[Path], None], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_prose(published)
    apply(published)
    damage(folder_of(published))
    before = content(folder_of(published))
    assert release(published) == 8
    err = capsys.readouterr().err
    assert code in err
    assert "Restore the folder from a copy" in err
    assert content(folder_of(published)) == before


def test_a_file_that_was_added_to_a_published_folder_is_told(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder_of(published) / "dataset" / "more.parquet").write_bytes(b"x")
    assert release(published) == 8
    assert "E606" in capsys.readouterr().err


def test_a_release_that_was_cut_short_is_completed_as_it_was_begun(
    published_template: Path, published: Path, crash_at: Callable[[str], None]
) -> None:
    shutil.rmtree(folder_of(published))
    (published / "bigcode.lock").unlink()
    crash_at("drafts.staged:raise:1")
    with pytest.raises(InjectedFault):
        release(published)
    crash_at("")
    assert not folder_of(published).exists()
    assert release(published, "2026-12-09") == 0
    assert content(folder_of(published)) == content(folder_of(published_template))


# ---------------------------------------------------------------- the lock


def test_a_lock_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    write_lock(tmp_path, {"format": 1, "released": {}})
    before = (tmp_path / "bigcode.lock").read_bytes()

    def fail(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no"):
        write_lock(tmp_path, {"format": 1, "released": {"a": 1}})
    assert (tmp_path / "bigcode.lock").read_bytes() == before


@pytest.mark.parametrize(
    "entry", [None, [], {"a": 1}, {"a": {}}, {"a": {"root": "x", "asOf": "2026-01-01", "manifest": "0"}}]
)
def test_a_lock_with_releases_that_cannot_be_read(
    published: Path, entry: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock(published, {**read_lock(published), "releases": entry})
    assert release(published) == 3
    assert "the lock cannot be read" in capsys.readouterr().err
