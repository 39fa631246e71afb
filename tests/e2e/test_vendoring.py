"""Opt-outs on real releases: pip with its vendored copies, and the projects that it vendors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fixtures.sdists import cached, releases
from workspaces import specs, write_spec

from bigcode.cli import run
from bigcode.store.store import Store
from bigcode.store.tables import read_table


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace of four real releases whose archives are in the store already."""
    root = tmp_path_factory.mktemp("vendoring") / "real"
    root.mkdir()
    for file, value in specs().items():
        write_spec(root / file, value)
    collector = {"uses": "sources.pypi", "version": 1, "with": {"releases": releases()}}
    snapshot = specs()["snapshot.yaml"]
    snapshot["spec"] = {"collector": collector, "buckets": 4}
    write_spec(root / "snapshot.yaml", snapshot)
    assert run(["optout", "key", str(root)]) == 0
    store = Store(str(root / ".bigcode"))
    for release in releases():
        store.objects.put(cached(release))
    assert run(["optout", "add", str(root), "--scope", "blob", "0" * 64]) == 0
    assert run(["apply", str(root)]) == 0
    return root


@pytest.fixture(scope="module")
def before(space: Path) -> pa.Table:
    """What is kept while the list names none of these projects."""
    return kept(space)


def kept(space: Path) -> pa.Table:
    store = Store(str(space / ".bigcode"))
    nodes = store.refs.read("Dataset/tiny@1.0.0").value["nodes"]
    tables = []
    for key in nodes["Dataset/tiny@1.0.0#verdicts"].values():
        action = store.actions.get(key)
        assert action is not None
        tables.append(read_table(store.objects, action.outputs["verdicts"][0].digest))
    table = pa.concat_tables(tables)
    return table.filter(pc.equal(table["reason"], "kept"))


def blobs(table: pa.Table) -> set[str]:
    return set(table["blob"].to_pylist())


def below(table: pa.Table, owner: str, prefix: str = "") -> pa.Table:
    return table.filter(pc.and_(pc.equal(table["owner"], owner), pc.starts_with(table["path"], prefix)))


def with_list(space: Path, *owners: str) -> pa.Table:
    """The dataset with exactly these owners opted out."""
    list_file = space / "optouts" / "list.json"
    before = list_file.read_bytes()
    try:
        assert run(["optout", "add", str(space), *owners]) == 0
        assert run(["apply", str(space)]) == 0
        return kept(space)
    finally:
        list_file.write_bytes(before)
        assert run(["optout", "seal", str(space)]) == 0


def test_opting_out_requests_empties_the_vendored_copy_in_pip(space: Path, before: pa.Table) -> None:
    own = blobs(below(before, "requests"))
    after = with_list(space, "requests")

    assert below(before, "requests").num_rows > 0
    assert below(after, "requests").num_rows == 0
    assert not own & blobs(below(after, "pip", "src/pip/_vendor/requests/")), "an exact copy stayed in pip"
    assert (
        below(after, "pip", "src/pip/_internal/").num_rows
        == below(before, "pip", "src/pip/_internal/").num_rows
    )
    assert set(after["row"].to_pylist()) <= set(before["row"].to_pylist()), "an opt-out added a file"


def test_opting_out_pip_leaves_requests_and_urllib3_whole(space: Path, before: pa.Table) -> None:
    after = with_list(space, "pip")

    assert below(after, "pip").num_rows == 0
    for owner in ("requests", "urllib3", "idna"):
        assert set(below(after, owner)["row"].to_pylist()) == set(below(before, owner)["row"].to_pylist())
