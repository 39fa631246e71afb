"""Purging: what was opted out is in no file any more, everything else stands, and a crash loses nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from workspaces import apply, bundle_of, copy_space, edit_spec, root_of, write_rows, write_wishes

from bigcode.api import Problem
from bigcode.api.shapes import Entry
from bigcode.cli import run
from bigcode.evidence.bundle import read_bundle
from bigcode.evidence.erased import erased_files, erasure_in
from bigcode.evidence.shards import check_shards
from bigcode.run import faults
from bigcode.store.actions import Action
from bigcode.store.leases import working
from bigcode.store.store import Store
from bigcode.store.tombstones import Tombstone, purged_blobs
from bigcode.testing.corpus import build_corpus

OWNERS = ("alpha", "requestlib")
MARKS = {owner: f"{owner[:4]}{'7f3a9c51e8b24d06' * 2}"[:32] for owner in OWNERS}
"""Strings of 32 bytes that stand in every Python file of an owner, and in copies that others vendored."""
HOLDERS = {owner: f"{owner[:3]}{'c0ffee5e41d2b397' * 2}"[:32] for owner in OWNERS}
"""The same in copyright lines; an address that is hidden in notices makes the line another one there."""
DECLARED = "sig" + "1a9d04c7be5f2638" * 2
"""In what a repository declares about training."""
PLACE = "dir" + "e8805d2f6b17a94c" * 2
"""In the path of a file."""
SECRETS = (*MARKS.values(), *HOLDERS.values(), DECLARED)
MAIL = "ann.holder" + "@" + "harbour-mail.zz"

TOKENS, WEIGHTS = "70" * 32, "77" * 32
"""Keys of results that were made of the shards before anybody opted out."""


def planted() -> list[dict[str, Any]]:
    """The corpus with the marks; what was a copy of a file is one still."""
    rows = build_corpus()
    of = {
        row["content"]: row["owner"] for row in rows if row["owner"] in OWNERS and row["path"].endswith(".py")
    }
    of.pop("", None)
    marked = [
        {**row, "content": _marked(row["content"], of[row["content"]])} if row["content"] in of else row
        for row in rows
    ]
    home = {name: rows[0][name] for name in ("host", "owner", "repository", "revision", "released")}
    assert home["owner"] == "alpha"
    declared = f"{DECLARED}/*.py ai-training=false\n"
    more = {".gitattributes": declared, f"{PLACE}/way.py": "WAY = 'over the hill and far'\n" * 3}
    rows = [*marked, *({**home, "path": path, "content": content} for path, content in more.items())]
    return sorted(
        rows, key=lambda row: tuple(row[name] for name in ("owner", "repository", "revision", "path"))
    )


def _marked(content: str, owner: str) -> str:
    line = f"# Copyright (c) 2019  Ann {HOLDERS[owner]} <{MAIL}>"
    return f"{line}\n{content}\n# {MARKS[owner]}\n"


@pytest.fixture(scope="module")
def honoured(blank_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Applied without opt-outs first, with a model's shards of that time, and then with two owners opted out."""
    space = copy_space(blank_template, tmp_path_factory.mktemp("honoured"), store=True)
    (space / "temporary").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(space / "temporary"))
        return build(space)


def build(space: Path) -> Path:
    write_rows(space, planted())
    edit_spec(space / "project.yaml", "execution", "trackers", value=["mlflow"])
    edit_spec(space / "licenses.yaml", "classifier", value={"uses": "licenses.tiers", "version": 1})
    reader = {"reader": {"uses": "optout.signals", "version": 1}, "honour": False}
    edit_spec(space / "optout.yaml", "signals", value=reader)
    apply(space)
    store = Store(str(space / ".bigcode"))
    store.objects.put(b"an archive with " + MARKS["alpha"].encode())
    store.files.put("index/memory/abc/01/02", MARKS["alpha"].encode())
    store.files.put(f"quarantine/{'0' * 64}-00000000", MARKS["alpha"].encode())
    (store.scratch("a" * 64) / "log.txt").write_text(MARKS["requestlib"])
    (space / ".bigcode" / "objects" / "00").mkdir(exist_ok=True)
    (space / ".bigcode" / "objects" / "00" / ".tmp-0").write_text(MARKS["alpha"])
    bundle_of(space, space.parent / "old-bundle")
    publish_and_encode(space, store)
    write_wishes(space, [("owner", owner) for owner in OWNERS])
    apply(space)
    return space


def publish_and_encode(space: Path, store: Store) -> None:
    """Lay out the shards as a published release would, and make tokens of one of them."""
    entries = written_by(store, "export.shards")
    beside = [*written_by(store, "export.notices"), *written_by(store, "export.provenance")]
    folder = space / "releases" / "tiny" / "old-1.0.0"
    for entry in [*entries, *beside]:
        path = folder / "dataset" / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.objects.get(entry.digest))
    listed = {f"dataset/{e.name}": e.digest for e in [*entries, *beside]}
    (folder / ".manifest.json").write_text(json.dumps(listed))
    (folder / "dataset" / ".half.parquet.staged").write_text(MARKS["alpha"])
    tokens = store.objects.put(b"tokens " + "".join(MARKS.values()).encode())
    weights = store.objects.put(b"weights")
    inputs = {"data": tuple((e.name, e.digest) for e in entries)}
    store.actions.commit(
        Action(TOKENS, "train.tokens", 1, "", {}, inputs, {"tokens": (Entry("t", tokens, 0, 1),)})
    )
    read, saved = {"tokens": (("t", tokens),)}, {"model": (Entry("m", weights, 0, 7),)}
    store.actions.commit(Action(WEIGHTS, "train.causal-lm", 1, "", {}, read, saved, recorded=True))
    store.refs.move("Model/old@1.0.0", 0, {"nodes": {"Model/old@1.0.0#train": {"": WEIGHTS}}})


def written_by(store: Store, step: str) -> list[Entry]:
    """What a step of the dataset wrote last."""
    keys = store.refs.read("Dataset/tiny@1.0.0").value["nodes"][f"Dataset/tiny@1.0.0#{step}"]
    return [e for key in keys.values() for e in store.actions.read(key).entries()]


@pytest.fixture
def space(honoured: Path, tmp_path: Path) -> Path:
    return copy_space(honoured, tmp_path, store=True)


def texts_of(value: Any) -> Iterator[bytes]:
    """Every text in a value of a column."""
    if isinstance(value, str | bytes):
        yield value.encode() if isinstance(value, str) else value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)


def readings(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and of a table all its values: compression hides them."""
    data = path.read_bytes()
    yield data
    if data[:4] == b"PAR1":
        table: pa.Table = pq.read_table(io.BytesIO(data))
        for column in table.columns:
            yield b"\0".join(texts_of(column.to_pylist()))


def places_of(marks: Iterable[str], folder: Path) -> set[str]:
    """Files below a folder that hold a mark, in their bytes or in the values of a table."""
    wanted = [mark.encode() for mark in marks]
    return {
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(mark in text for text in readings(path) for mark in wanted)
    }


def scan(space: Path) -> set[str]:
    """Files that hold a mark: all of a workspace but the source that it was collected from."""
    return places_of(SECRETS, space) - {str(space / "corpus.jsonl")}


def purge(space: Path, *more: str) -> int:
    return run(["purge", str(space), "--rows", "optout", "--as-of", "2026-11-20", *more])


def test_nothing_of_it_is_left_and_all_else_stands(
    space: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(scan(space)) > 8
    before = root_of(bundle_of(space, tmp_path / "before"))
    assert purge(space) == 0
    told = capsys.readouterr().out
    assert not any(name in told for name in (*OWNERS, *SECRETS))
    assert scan(space) == set()
    assert root_of(bundle_of(space, tmp_path / "after")) == before
    assert run(["verify", str(tmp_path / "after")]) == 0
    assert run(["card", str(space), "--check"]) == 0
    assert run(["plan", str(space), "--exit-code"]) == 0
    capsys.readouterr()
    assert run(["apply", str(space), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ran"] == 0


def test_every_kind_of_place_held_it_before(space: Path) -> None:
    """Else its absence afterwards would say nothing."""
    folder = space / "releases" / "tiny" / "old-1.0.0" / "dataset"
    assert all(places_of([secret], space / ".bigcode" / "objects") for secret in SECRETS)
    for owner in OWNERS:
        assert HOLDERS[owner] in (folder / "NOTICES.jsonl").read_text()
        assert {Path(p).suffix for p in places_of([HOLDERS[owner]], folder)} == {".jsonl", ".parquet"}
    tables = {tuple(pq.read_schema(p).names) for p in map(Path, scan(space)) if p.read_bytes()[:4] == b"PAR1"}
    assert any("copyright" in names and "blob" not in names for names in tables)
    assert any("pattern" in names and "blob" not in names for names in tables)


def test_notices_speak_of_what_stands(space: Path) -> None:
    """They are those of the dataset as if the erased files had never been kept."""
    path = space / "releases" / "tiny" / "old-1.0.0" / "dataset" / "NOTICES.jsonl"
    before = [json.loads(line) for line in path.read_text().splitlines()]
    assert purge(space) == 0
    after = [json.loads(line) for line in path.read_text().splitlines()]
    gone = {row["owner"] for row in before} - {row["owner"] for row in after}
    assert gone
    assert gone <= set(OWNERS)
    untouched = [row for row in before if not any(s in line for line in row["copyright"] for s in SECRETS)]
    assert [row for row in untouched if row["owner"] not in OWNERS] == [
        row for row in after if row in untouched
    ]
    shards = path.parent.glob("data/*/*.parquet")
    kept = [row for shard in shards for row in pq.read_table(shard).to_pylist()]
    assert sum(row["files"] for row in after) == len(kept)


def test_paths_stay_only_where_files_are_told_apart(space: Path) -> None:
    """A list names owners, repositories and paths, so the tables that it is held against keep them."""
    assert places_of([PLACE], space / "releases")
    assert purge(space) == 0
    for folder in ("releases", "governance", ".bigcode/mlflow", ".bigcode/runs", "temporary"):
        assert places_of([PLACE], space / folder) == set()
    for place in places_of([PLACE], space / ".bigcode"):
        names = set(pq.read_schema(place).names)
        assert names & {"path", "file", "row"}
        assert "content" not in names


def test_results_made_of_it_stand_without_the_text(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert purge(space) == 0
    assert "Model/old@1.0.0 was trained on it and stands" in capsys.readouterr().out
    store = Store(str(space / ".bigcode"))
    for key in (TOKENS, WEIGHTS):
        assert store.actions.get(key) is not None
    assert store.objects.get(store.actions.read(WEIGHTS).entries()[0].digest) == b"weights"
    with pytest.raises(Problem, match="E512"):
        store.objects.get(store.actions.read(TOKENS).entries()[0].digest)


def test_a_published_folder_says_what_was_erased(space: Path) -> None:
    folder = space / "releases" / "tiny" / "old-1.0.0"
    before = set(folder.rglob("*.parquet"))
    assert purge(space) == 0
    erased = json.loads((folder / ".erased.json").read_text())
    assert erased
    assert set(folder.rglob("*.parquet")) == before
    for name, entry in erased.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == entry["now"] != entry["was"]
        assert (entry["asOf"], entry["reason"]) == ("2026-11-20", "opt-out")
    assert erased_files(folder) == {name: entry["now"] for name, entry in erased.items()}


def test_verify_of_a_purged_folder_is_calm(
    space: Path, honoured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the purge changed is told apart from what somebody else did."""
    folder = space / "releases" / "tiny" / "old-1.0.0" / "dataset"
    check = ["verify", str(honoured.parent / "old-bundle"), "--data", str(folder), "--json"]

    def said() -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        return run(check), json.loads(capsys.readouterr().out)

    (folder / "data" / ".half.parquet.staged").unlink(missing_ok=True)
    assert said()[0] == 0
    assert purge(space) == 0
    code, told = said()
    assert (code, told["findings"]) == (0, [])
    purged = [line for line in told["checked"] if "purged as of 2026-11-20 (opt-out)" in line]
    assert purged
    assert all("rows stand" in line for line in purged)
    assert any("NOTICES.jsonl of" in line and "purged as of" in line for line in told["unchecked"])
    assert any("what stands for them now" in line for line in told["unchecked"])
    assert not any(secret in json.dumps(told) for secret in SECRETS)
    stones = partial(erasure_in, Store(str(space / ".bigcode")).objects.tombstones)
    findings: list[Any] = []
    lines: list[str] = []
    check_shards(read_bundle(honoured.parent / "old-bundle"), folder, findings, lines, [], stones)
    assert not findings
    assert sum("purged as of" in line for line in lines) > len(purged), "the store itself vouches for more"
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".parquet", ".jsonl", ".json")):
        kept = path.read_bytes()
        path.write_bytes(kept + b"\0")
        assert said()[0] == 8
        path.write_bytes(kept)
    assert said()[0] == 0


def test_explain_of_a_purged_file_says_when_and_why(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert purge(space) == 0
    capsys.readouterr()
    file = "forge.example/alpha/alpha@1.0:alpha/tree.py"
    assert run(["explain", "Dataset/tiny", file, "-w", str(space), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert "optout.owner" in [reason["reason"] for reason in row["reasons"]]
    assert row["purged"] == {"asOf": "2026-11-20", "reason": "opt-out"}
    assert run(["explain", "Dataset/tiny", file, "-w", str(space)]) == 0
    assert "its text was erased as of 2026-11-20: opt-out" in capsys.readouterr().out
    assert run(["explain", "Dataset/tiny", file.replace("tree", "gone"), "-w", str(space)]) == 2
    assert "What was purged from the store is not taken in again" in capsys.readouterr().err


def test_a_dry_run_changes_nothing(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p: p.stat().st_mtime_ns for p in (space / ".bigcode").rglob("*") if p.is_file()}
    assert purge(space, "--dry-run", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert purge(space, "--json") == 0
    assert json.loads(capsys.readouterr().out)["objects"] == said["objects"]


def test_an_erased_object_is_never_stored_again(space: Path) -> None:
    store = Store(str(space / ".bigcode"))
    old = {p.name: p.read_bytes() for p in (space / ".bigcode" / "objects").glob("*/*")}
    assert purge(space) == 0
    stones = [s for s in map(store.objects.tombstones.read, old) if s is not None]
    assert {s.what for s in stones} >= {"blobs", "rows"}
    assert {(s.reason, s.as_of) for s in stones} == {("opt-out", "2026-11-20")}
    for stone in stones:
        assert store.objects.put(old[stone.digest]) == stone.digest
        assert store.objects.has(stone.digest)
        assert not store.files.exists(store.objects.name(stone.digest))
        if stone.replaced_by:
            assert store.objects.get(stone.digest) == store.objects.get(stone.replaced_by)
    assert scan(space) == set()
    assert len(purged_blobs(store.files)) >= 4


def test_what_was_erased_as_a_whole_is_a_diagnostic(space: Path) -> None:
    store = Store(str(space / ".bigcode"))
    archive = store.objects.put(b"another archive")
    store.objects.tombstones.put(Tombstone(archive, "archive", "opt-out", "2026-11-20"))
    store.files.remove(store.objects.name(archive))
    for read in (store.objects.get, store.objects.local_path):
        with pytest.raises(Problem, match=r"E512 .*opt-out"):
            read(archive)


def test_a_file_that_a_dataset_keeps_is_not_purged(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = space / "rows.txt"
    kept = next(r for r in build_corpus() if r["owner"] == "widgets" and r["path"].endswith(".ts"))
    rows.write_text("{host}/{owner}/{repository}@{revision}:{path}\n".format(**kept))
    assert run(["purge", str(space), "--rows", str(rows)]) == 1
    assert "E513" in capsys.readouterr().err
    rows.write_text("forge.example/nobody/nothing@1:a.py\n")
    assert run(["purge", str(space), "--rows", str(rows)]) == 2
    assert "nobody" not in capsys.readouterr().err


def test_the_list_has_to_be_applied_first(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wishes(space, [("owner", "alpha")])
    assert purge(space) == 1
    assert "E507" in capsys.readouterr().err
    assert scan(space)


def test_beside_a_run_it_waits_for_another_time(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with working(Store(str(space / ".bigcode"))):
        assert purge(space) == 7
    assert "E505" in capsys.readouterr().err


def test_a_decision_names_rows(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = space / "purge.md"
    record.write_text(
        '---\nid: "0012"\nkind: purge\nworkspace: tiny\nsubject: Dataset/tiny@1.0.0\nrows: optout\n---\nAsked for.\n'
    )
    assert run(["purge", str(space), "--decision", str(record), "--as-of", "2026-11-20"]) == 0
    assert scan(space) == set()
    assert "decision 0012" in next((space / ".bigcode" / "tombstones").glob("*/*")).read_text()
    record.write_text(record.read_text().replace("kind: purge", "kind: release"))
    assert run(["purge", str(space), "--decision", str(record)]) == 3


NTH = {"purge.replaced": 3, "purge.buried": 4, "purge.erased": 2}


@pytest.mark.parametrize("point", [p for p in faults.STORE_POINTS if p.startswith("purge.")])
def test_the_same_command_goes_on_after_a_kill(space: Path, tmp_path: Path, point: str) -> None:
    before = root_of(bundle_of(space, tmp_path / "before"))
    command = [
        sys.executable,
        "-m",
        "bigcode",
        "purge",
        str(space),
        "--rows",
        "optout",
        "--as-of",
        "2026-11-20",
    ]
    wanted = f"{point}:kill:{NTH.get(point, 1)}"
    done = subprocess.run(command, env={**os.environ, "BIGCODE_FAULT": wanted}, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert run(["plan", str(space), "--exit-code"]) == 0
    assert purge(space) == 0
    assert scan(space) == set()
    assert run(["plan", str(space), "--exit-code"]) == 0
    assert root_of(bundle_of(space, tmp_path / "after")) == before


def test_judgements_run_again_on_what_is_left(space: Path) -> None:
    assert purge(space) == 0
    edit_spec(space / "dataset.yaml", "quality", "rules", value=[])
    apply(space)
    assert scan(space) == set()


def test_a_store_elsewhere_is_purged_and_swept_alike(
    blank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    url = f"memory://{tmp_path.name}"
    edit_spec(blank / "project.yaml", "execution", "store", value=url)
    write_rows(blank, planted())
    assert run(["optout", "key", str(blank)]) == 0
    write_wishes(blank, [])
    apply(blank)
    write_wishes(blank, [("owner", owner) for owner in OWNERS])
    apply(blank)
    assert purge(blank) == 0
    assert run(["gc", str(blank), "--keep-generations", "1"]) == 0
    copy = tmp_path / "copy"
    files = Store(url).files
    files.fs.get(files.root, str(copy), recursive=True)
    assert places_of(SECRETS, copy) | places_of(SECRETS, tmp_path / "home") == set()
    assert {p.name for p in copy.iterdir()} >= {"objects", "actions", "refs", "tombstones", "purges"}
    assert run(["plan", str(blank), "--exit-code"]) == 0
    assert run(["verify", str(blank)]) == 0
