"""Released files against the bundle that names them: data, notices and provenance, each missing, foreign or flipped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from workspaces import apply, bundle_of, copy_space, edit_spec, resource, write_spec

from bigcode.cli import run


@pytest.fixture(scope="module")
def released(blank_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `bundle` and the `dataset` that it speaks of."""
    folder = tmp_path_factory.mktemp("released")
    space = copy_space(blank_template, folder, store=True)
    edit_spec(space / "project.yaml", "execution", "releases", value="releases")
    edit_spec(space / "licenses.yaml", "classifier", value={"uses": "licenses.tiers", "version": 1})
    write_spec(
        space / "release.yaml", resource("Release", "tiny", {"artifacts": {"dataset": "Dataset/tiny"}})
    )
    apply(space)
    bundle_of(space, folder / "bundle")
    shutil.copytree(space / "releases" / "tiny" / "dataset", folder / "dataset")
    return folder


@pytest.fixture
def dataset(released: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(released / "dataset", tmp_path / "dataset"))


@pytest.fixture
def said(released: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `verify --data` on the folder; gives the exit code and what it printed."""

    def verify() -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run(["verify", str(released / "bundle"), "--data", str(dataset), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return verify


def test_what_lies_beside_the_shards_is_checked(said: Any) -> None:
    code, told = said()
    assert code == 0
    assert "NOTICES.jsonl, PROVENANCE.json of Dataset/tiny@1.0.0: as written" in told["checked"]


@pytest.mark.parametrize("name", ["NOTICES.jsonl", "PROVENANCE.json"])
@pytest.mark.parametrize("change", ["flipped", "longer", "empty", "missing", "a folder"])
def test_a_file_beside_them_that_is_not_what_was_written_is_found(
    said: Any, dataset: Path, name: str, change: str
) -> None:
    path = dataset / name
    data = bytearray(path.read_bytes())
    path.unlink()
    if change == "flipped":
        data[7] ^= 1
    if change == "a folder":
        path.mkdir()
    elif change != "missing":
        path.write_bytes({"empty": b"", "longer": bytes(data) + b"\n"}.get(change, bytes(data)))
    code, told = said()
    assert code == 8
    assert [f["code"] for f in told["findings"]] == ["E614"]
    assert name in told["findings"][0]["message"]
    assert not any("PROVENANCE" in line for line in told["checked"])


@pytest.mark.parametrize(
    "name",
    [
        "NOTICES.json",
        "NOTICES-2.jsonl",
        "notices/00000-00063.jsonl",
        "PROVENANCE.json.old",
        "data/more.parquet",
        "data/train/more.csv",
    ],
)
def test_a_foreign_file_is_found(said: Any, dataset: Path, name: str) -> None:
    (dataset / name).parent.mkdir(parents=True, exist_ok=True)
    (dataset / name).write_text("{}\n")
    code, told = said()
    assert code == 8
    assert [f["message"] for f in told["findings"]] == [
        f"{name} is not in the manifest of Dataset/tiny@1.0.0"
    ]


def test_what_a_hub_adds_is_no_finding(said: Any, dataset: Path) -> None:
    for name in (".gitattributes", "LICENSE", "data/.cache.lock"):
        (dataset / name).write_text("x")
    assert said()[0] == 0


def test_a_record_of_a_purge_excuses_only_what_it_names(said: Any, dataset: Path) -> None:
    """Whoever changes a file may also write a record; what no verdict keeps is found all the same."""
    shard = min((dataset / "data" / "train").glob("*.parquet"))
    name = shard.relative_to(dataset).as_posix()
    was = digest(shard)
    shard.write_bytes(shard.read_bytes() + b"\0")
    record = {"was": was, "now": "0" * 64, "asOf": "2026-11-20", "reason": "opt-out"}
    (dataset / ".erased.json").write_text(json.dumps({name: record}))
    assert said()[0] == 8
    for other in ("[]", "{", json.dumps({name: {"now": digest(shard)}}), json.dumps({name: 3}), "null"):
        (dataset / ".erased.json").write_text(other)
        code, told = said()
        assert code == 8
        assert {f["code"] for f in told["findings"]} == {"E614"}


@pytest.mark.parametrize("change", ["text", "row", "twice", "no table"])
def test_rows_that_no_purge_can_have_left_are_found(said: Any, dataset: Path, change: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    shard = max((dataset / "data" / "train").glob("*.parquet"), key=lambda p: p.stat().st_size)
    name, was = shard.relative_to(dataset).as_posix(), digest(shard)
    table = pq.read_table(shard)
    rows = table.to_pylist()
    changed = {
        "text": lambda: [{**rows[0], "content": rows[0]["content"] + " "}, *rows[1:]],
        "row": lambda: [{**rows[0], "path": "other.py"}, *rows[1:]],
        "twice": lambda: [*rows, rows[0]],
        "no table": lambda: [],
    }[change]()
    if change == "no table":
        shard.write_bytes(b"PAR1")
    else:
        pq.write_table(pa.Table.from_pylist(changed, table.schema), shard)
    record = {"was": was, "now": digest(shard), "asOf": "2026-11-20", "reason": "opt-out"}
    (dataset / ".erased.json").write_text(json.dumps({name: record}))
    code, told = said()
    assert code == 8
    assert {f["code"] for f in told["findings"]} == {"E614"}
    pq.write_table(table.slice(1), shard)
    (dataset / ".erased.json").write_text(json.dumps({name: {**record, "now": digest(shard)}}))
    code, told = said()
    assert code == 0, told
    line = f"{name} of Dataset/tiny@1.0.0: purged as of 2026-11-20 (opt-out); {len(rows) - 1} of its {len(rows)} rows"
    assert any(checked.startswith(line) for checked in told["checked"])
    assert any("a purge took nothing else" in unchecked for unchecked in told["unchecked"])


def digest(path: Path) -> str:
    from bigcode.api.canonical import digest

    return digest(path.read_bytes())
