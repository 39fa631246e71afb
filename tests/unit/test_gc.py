"""`gc`: what is needed stays, the rest goes, on any file system, and beside a run only what no run can want."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from workspaces import apply, bundle_of, copy_space, edit_spec, objects_of, root_of

from bigcode.api import Fact
from bigcode.api.shapes import Entry
from bigcode.cli import run
from bigcode.cli.common import open_spec
from bigcode.run.sweep import find_roots
from bigcode.spec.lock import write_lock
from bigcode.store.actions import Action
from bigcode.store.gc import Roots, find_garbage, list_files, mark, sweep
from bigcode.store.leases import alone, working
from bigcode.store.store import Store


def nothing(point: str) -> None:
    """No fault is wanted."""


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{uuid.uuid4().hex}"
    made = Store(url, tmp_path / "work")
    made.prepare()
    return made


def commit(store: Store, name: str, data: bytes, *, recorded: bool = False, inputs: str = "") -> str:
    """An action whose key is made from a name, with one output; returns the key."""
    key = (name.encode().hex() + "0" * 64)[:64]
    entry = Entry("x", store.objects.put(data), 0, len(data))
    store.actions.commit(
        Action(
            key, f"core.{name}", 1, "", {"literals": {}}, {"in": (("", inputs),)} if inputs else {}, {"out": (entry,)},
            recorded=recorded,
        )
    )  # fmt: skip
    return key


def move(store: Store, address: str, *keys: str, identity: str = "") -> None:
    now = store.refs.read(address)
    value = {"nodes": {f"{address}#n": dict(zip("abcdef", keys, strict=False))}, "identity": identity}
    store.refs.move(address, now.generation, value)


def swept(store: Store, roots: Roots, before: float | None = None) -> set[str]:
    listed = {
        n: i for f in ("objects", "actions", "index", "quarantine") for n, i in list_files(store, f).items()
    }
    garbage = find_garbage(store, listed, mark(store, roots), roots, before=before)
    return {f"{g.kind} {g.name}" for g in sweep(store, garbage, nothing)}


def object_of(data: bytes) -> str:
    from bigcode.api.canonical import digest

    return digest(data)


def test_the_last_generations_stay_and_the_rest_goes(store: Store) -> None:
    for number in range(4):
        move(store, "Dataset/a@1", commit(store, f"n{number}", b"%d" % number))
    gone = swept(store, Roots(generations=2))
    assert {g.split("/")[-1] for g in gone if g.startswith("object")} == {object_of(b"0"), object_of(b"1")}
    assert sum(g.startswith("action") for g in gone) == 2
    assert store.refs.read("Dataset/a@1").generation == 4
    assert swept(store, Roots(generations=2)) == set()


def test_what_a_release_froze_stays(store: Store) -> None:
    move(store, "Dataset/a@1", commit(store, "old", b"old"), identity="frozen")
    move(store, "Dataset/a@1", commit(store, "new", b"new"), identity="edited")
    loose = store.objects.put(b"manifest of a release")
    roots = Roots(1, {"Dataset/a@1": "frozen"}, objects=frozenset({loose}))
    assert swept(store, roots) == set()
    assert store.objects.get(object_of(b"old")) == b"old"


def test_what_a_model_was_made_of_stays_with_it(store: Store) -> None:
    data = store.objects.put(b"tokens")
    move(store, "Model/m@1", commit(store, "train", b"weights", recorded=True, inputs=data))
    other = store.objects.put(b"read by a step that can run again")
    move(store, "Dataset/a@1", commit(store, "step", b"out", inputs=other))
    assert swept(store, Roots()) == {f"object {store.objects.name(other)}"}


def test_objects_that_facts_and_lists_name_stay(store: Store) -> None:
    listing, names, archive = (store.objects.put(x) for x in (b"listing", b"names", b"archive"))
    fact = Fact("files", 1, "file", inputs=(listing,))
    identity = {"literals": {"list": names}, "unit": {"release": {"sha256": archive}}}
    store.actions.commit(Action("k" * 64, "core.x", 1, "", identity, {}, {}, facts=(fact,)))
    move(store, "Dataset/a@1", "k" * 64)
    assert swept(store, Roots()) == set()


def test_what_is_written_after_the_listing_stays(store: Store) -> None:
    old = store.objects.put(b"old")
    listed = list_files(store, "objects")
    fresh = store.objects.put(b"fresh")
    sweep(store, find_garbage(store, listed, mark(store, Roots()), Roots()), nothing)
    assert store.objects.has(fresh)
    assert not store.objects.has(old)


def test_shortcuts_memories_and_damaged_objects(store: Store) -> None:
    from bigcode.store.gc import memory_of

    key = commit(store, "seen", b"seen")
    move(store, "Dataset/a@1", key)
    put = store.files.put
    put("index/observed/f/0", object_of(b"seen").encode())
    put("index/observed/f/1", b"f" * 64)
    put(f"index/memory/{memory_of('core.seen', 1)}/aa/b", b"x")
    put(f"index/memory/{memory_of('of.graph', 2)}/aa/b", b"x")
    put(f"index/memory/{memory_of('gone', 1)}/aa/b", b"x")
    put("quarantine/abc-1", b"x")
    assert swept(store, Roots(families=frozenset({("of.graph", 2)}))) == {
        "index index/observed/f/1",
        f"memory index/memory/{memory_of('gone', 1)}/aa/b",
        "quarantine quarantine/abc-1",
    }


def test_scratch_stays_while_it_is_held_or_would_be_resumed(store: Store) -> None:
    data = store.objects.put(b"data")
    job = json.dumps({"inputs": {"data": [["x", data, 0, 4, ""]]}})
    for name in ("a" * 64, "b" * 64, "c" * 64):
        (store.scratch(name) / "job.json").write_text(job)
    with store.claim("b" * 64):
        gone = swept(store, Roots(scratch=frozenset({"c" * 64})))
    assert gone == {"scratch " + "a" * 64, f"object {store.objects.name(data)}"}
    assert sorted(p.name for p in (store.base / "work").iterdir()) == ["b" * 64, "c" * 64]


def test_scratch_of_another_store_elsewhere_is_left_alone(tmp_path: Path) -> None:
    store = Store(f"memory://{uuid.uuid4().hex}", tmp_path)
    job = {"inputs": {"data": [["x", "f" * 64, 0, 4, ""]]}}
    (store.scratch("a" * 64) / "job.json").write_text(json.dumps(job))
    store.scratch("dask-scratch-space")
    assert swept(store, Roots()) == set()


def test_what_is_young_stays_when_an_age_is_asked_for(store: Store) -> None:
    store.objects.put(b"young")
    assert swept(store, Roots(), before=1_000_000.0) == set()
    assert len(swept(store, Roots(), before=9e12)) == 1


def test_a_table_that_replaced_another_stays(store: Store) -> None:
    from bigcode.store.tombstones import Tombstone

    move(store, "Dataset/a@1", commit(store, "a", b"before"))
    fresh = store.objects.put(b"after")
    store.objects.tombstones.put(Tombstone(object_of(b"before"), "rows", "opt-out", "2026-11-20", fresh))
    store.files.remove(store.objects.name(object_of(b"before")))
    assert swept(store, Roots()) == set()
    assert store.objects.get(object_of(b"before")) == b"after"


def test_runs_share_the_store_and_a_sweep_has_it_alone(store: Store) -> None:
    with working(store), working(store), alone(store) as free:
        assert not free
    with alone(store) as free:
        assert free


def test_a_run_of_another_machine_is_heeded(tmp_path: Path) -> None:
    store = Store(f"memory://{uuid.uuid4().hex}", tmp_path)
    store.prepare()
    store.files.put("leases/0.json", json.dumps({"machine": "elsewhere", "process": 1}).encode())
    with alone(store) as free:
        assert not free
    store.files.remove("leases/0.json")
    with alone(store) as free:
        assert free
        assert store.files.names("leases") == ["alone.json"]
    assert store.files.names("leases") == []


def gc(space: Path, *more: str) -> int:
    return run(["gc", str(space), "--keep-generations", "1", *more])


@pytest.fixture
def edited(applied: Path) -> Path:
    """Two states; the second differs in the split, so that some results of the first are not needed."""
    edit_spec(applied / "dataset.yaml", "split", "seed", value=9)
    apply(applied)
    return applied


def test_a_swept_workspace_is_whole(edited: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, root = len(objects_of(edited)), root_of(bundle_of(edited, tmp_path / "before"))
    assert gc(edited, "--dry-run", "--json") == 0
    assert len(objects_of(edited)) == before
    capsys.readouterr()
    assert gc(edited, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["swept"]["object"]["count"] == before - len(objects_of(edited)) > 3
    assert said["kept"] == len(objects_of(edited))
    assert root_of(bundle_of(edited, tmp_path / "after")) == root
    assert run(["plan", str(edited), "--exit-code"]) == 0
    assert run(["card", str(edited), "--check"]) == 0
    assert gc(edited) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("Freed 0 B;")


def test_an_edit_that_is_taken_back_is_built_again(edited: Path) -> None:
    assert gc(edited) == 0
    edit_spec(edited / "dataset.yaml", "split", "seed", value=1)
    apply(edited)
    assert run(["plan", str(edited), "--exit-code"]) == 0


def test_beside_a_run_results_are_left_alone(edited: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(str(edited / ".bigcode"))
    store.scratch("a" * 64)
    store.scratch("dask-of-that-run")
    before = objects_of(edited)
    with working(store):
        assert gc(edited) == 0
    assert "A run is at work" in capsys.readouterr().err
    assert objects_of(edited) == before
    assert [p.name for p in (store.base / "work").iterdir()] == ["dask-of-that-run"]
    assert gc(edited) == 0
    assert len(objects_of(edited)) < len(before)


def test_locks_of_all_workspaces_beside_it_count(edited: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    session = open_spec(str(edited), "").session()
    first = json.loads(next((edited / ".bigcode/refs/Dataset/tiny/1.0.0").glob("*1.json")).read_text())
    lock = {"format": 1, "released": {"Dataset/tiny@1.0.0": {"identity": first["identity"]}}}
    (tmp_path / "other").mkdir()
    write_lock(tmp_path / "other", lock)
    roots, _ = find_roots(session, 1)
    assert roots.frozen == {"Dataset/tiny@1.0.0": first["identity"]}


@pytest.mark.parametrize("point", ["gc.marked", "gc.removed:kill:5"])
def test_a_sweep_that_is_killed_goes_on(edited: Path, tmp_path: Path, point: str) -> None:
    clean = copy_space(edited, tmp_path / "clean", store=True)
    assert gc(clean) == 0
    wanted = point if ":" in point else f"{point}:kill"
    done = subprocess.run(
        [sys.executable, "-m", "bigcode", "gc", str(edited), "--keep-generations", "1"],
        env={**os.environ, "BIGCODE_FAULT": wanted},
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL
    assert run(["plan", str(edited), "--exit-code"]) == 0
    assert gc(edited) == 0
    assert [p.name for p in objects_of(edited)] == [p.name for p in objects_of(clean)]
    shutil.rmtree(clean)
