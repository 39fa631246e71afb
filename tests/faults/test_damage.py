"""A damaged store: what is corrupt is put aside and made anew, with a warning, and nothing else is lost."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from workspaces import (
    apply,
    bundle_of,
    copy_space,
    edit_spec,
    objects_of,
    resource,
    root_of,
    tasks_of_last_run,
    write_spec,
    write_wishes,
)

from bigcode.api import Problem
from bigcode.cli import run
from bigcode.store.store import Store


def flip(path: Path, bit: int = 0) -> bytes:
    """Damage a file by one bit; returns what it holds now."""
    data = bytearray(path.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    path.write_bytes(bytes(data))
    return bytes(data)


def made_by(space: Path, bundle: Path, step: str, output: str = "") -> list[Path]:
    """The objects that a step wrote, or those of one of its outputs, by the list of the bundle."""
    listed = {
        digest: said.split() for digest, said in json.loads((bundle / "objects.json").read_text()).items()
    }
    digests = sorted(
        d
        for d, (node, *more) in listed.items()
        if node.endswith(f"#{step}") and (not output or output in more)
    )
    return [space / ".bigcode" / "objects" / d[:2] / d for d in digests]


def quarantined(space: Path) -> set[str]:
    return {path.name.partition("-")[0] for path in (space / ".bigcode" / "quarantine").glob("*")}


def stored(space: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in objects_of(space)}


@pytest.fixture
def root(applied: Path, tmp_path: Path) -> str:
    return root_of(bundle_of(applied, tmp_path / "bundle"))


def test_a_corrupt_object_is_put_aside_and_made_anew(
    applied: Path, tmp_path: Path, root: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = stored(applied)
    path = made_by(applied, tmp_path / "bundle", "verdicts", "verdicts")[0]
    damaged = flip(path)
    capfd.readouterr()
    apply(applied)
    printed = capfd.readouterr()
    assert f"E503  warning: object {path.name[:12]} does not match its digest" in printed.err
    assert root in printed.out
    assert [step for step, _ in tasks_of_last_run(applied)] == ["verdicts"]
    assert [p.read_bytes() for p in (applied / ".bigcode" / "quarantine").iterdir()] == [damaged]
    assert stored(applied) == before
    assert run(["plan", str(applied), "--exit-code"]) == 0


@pytest.mark.parametrize(
    "step, reader",
    [
        ("collect.blobs", "observe.quality"),
        ("observe.license", "scatter"),
        ("cluster.near", "cluster.members"),
        ("gather", "decide.quality"),
        ("decide.ballots", "decide.elect"),
        ("export.layout", "export.shards"),
        ("render", "facts"),
    ],
)
def test_damage_anywhere_is_made_good_when_it_is_read(
    applied: Path, tmp_path: Path, root: str, step: str, reader: str
) -> None:
    """All that a step wrote is damaged, and what reads it has to run."""
    for path in made_by(applied, tmp_path / "bundle", reader):
        path.unlink()
    damaged = made_by(applied, tmp_path / "bundle", step)
    for path in damaged:
        flip(path, 77)
    apply(applied)
    assert quarantined(applied) == {path.name for path in damaged}
    assert root_of(bundle_of(applied, tmp_path / "after")) == root


def test_a_store_with_nothing_but_damage_is_built_anew(applied: Path, tmp_path: Path, root: str) -> None:
    for path in objects_of(applied):
        flip(path, len(path.name))
    edit_spec(applied / "dataset.yaml", "split", "seed", value=9)
    apply(applied)
    edit_spec(applied / "dataset.yaml", "split", "seed", value=1)
    apply(applied)
    assert root_of(bundle_of(applied, tmp_path / "after")) == root


def test_a_damaged_copy_of_the_opt_out_list_is_replaced(applied: Path, tmp_path: Path) -> None:
    write_wishes(applied, [("owner", "alpha")])
    apply(applied)
    root = root_of(bundle_of(applied, tmp_path / "one"))
    pin = (
        next(line for line in (applied / "optout.yaml").read_text().splitlines() if "pin:" in line)
        .split("sha256:")[1]
        .strip(' "')
    )
    flip(applied / ".bigcode" / "objects" / pin[:2] / pin, 99)
    for path in made_by(applied, tmp_path / "one", "decide.copies"):
        path.unlink()
    apply(applied)
    assert pin in quarantined(applied)
    assert root_of(bundle_of(applied, tmp_path / "two")) == root


@pytest.fixture(scope="module")
def edited(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An applied workspace with an edit, and the root of a build of it in an empty store."""
    space = copy_space(applied_template, tmp_path_factory.mktemp("damage"), store=True)
    write_wishes(space, [("owner", "requestlib")])
    edit_spec(space / "dataset.yaml", "dedup", "with", "threshold", value=0.5)
    clean = copy_space(space, tmp_path_factory.mktemp("clean"), store=False)
    apply(clean)
    return space, root_of(bundle_of(clean, clean.parent / "bundle"))


@settings(max_examples=6, phases=[Phase.explicit, Phase.generate])
@given(
    damage=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.booleans(), st.integers(0, 9999)),
        min_size=1,
        max_size=12,
    )
)
def test_any_damage_before_an_edit_leaves_the_result_alone(
    edited: tuple[Path, str],
    tmp_path_factory: pytest.TempPathFactory,
    damage: Iterable[tuple[float, bool, int]],
) -> None:
    parent = tmp_path_factory.mktemp("damaged")
    space = copy_space(edited[0], parent, store=True)
    paths = objects_of(space)
    for share, gone, bit in damage:
        path = paths[int(share * len(paths))]
        if gone:
            path.unlink(missing_ok=True)
        elif path.exists():
            flip(path, bit)
    apply(space)
    assert root_of(bundle_of(space, parent / "bundle")) == edited[1]
    assert run(["plan", str(space), "--exit-code"]) == 0


def test_no_damaged_file_reaches_a_release_folder(applied: Path, tmp_path: Path) -> None:
    write_spec(
        applied / "release.yaml",
        resource("Release", "first", {"artifacts": {"dataset": "Dataset/tiny"}, "gates": []}),
    )
    apply(applied)
    folder = applied / "releases" / "tiny" / "first"
    before = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    assert before
    for path in made_by(applied, bundle_of(applied, tmp_path / "bundle"), "export.shards"):
        flip(path, 500)
    for path in before:
        path.unlink()
    apply(applied)
    assert {path: path.read_bytes() for path in folder.rglob("*.parquet")} == before
    assert len(quarantined(applied)) >= len(before)


def test_reading_a_damaged_store_is_refused_until_it_is_applied(
    applied: Path, tmp_path: Path, root: str, capfd: pytest.CaptureFixture[str]
) -> None:
    flip(made_by(applied, tmp_path / "bundle", "verdicts", "verdicts")[1])
    capfd.readouterr()
    assert run(["verify", str(applied)]) == 1
    assert "E503" in capfd.readouterr().err
    apply(applied)
    assert run(["verify", str(applied)]) == 0
    assert root_of(bundle_of(applied, tmp_path / "after")) == root


def test_a_file_is_checked_before_its_path_is_given_away(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    key = store.objects.put(b"weights")
    path = store.objects.local_path(key)
    assert path.read_bytes() == b"weights"
    flip(path)
    with pytest.raises(Problem, match="E503"):
        store.objects.local_path(key)
    assert not path.exists()
    with pytest.raises(Problem, match="E504"):
        store.objects.local_path(key)
    assert store.objects.put(b"weights") == key
    assert store.objects.get(key) == b"weights"
