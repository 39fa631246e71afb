"""`sources.swh` over manifests and stores of contents that are made here."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bigcode.api import Problem
from bigcode.testing.context import CollectContext
from bigcode_sources.config_tables import SwhConfig
from bigcode_sources.swh import SwhCollector, origin_of, sha1_git

ORIGIN = "https://forge.test/ann/kit.git"


def collector(root: Path, contents: str = "store", path: str = "m.jsonl", **more: Any) -> SwhCollector:
    kind = "parquet" if path.endswith("parquet") else "jsonl"
    given = {"manifests": [{"path": path}], "contents": contents, "format": kind, "root": str(root), **more}
    return SwhCollector(SwhConfig.model_validate(given))


def fetch(source: SwhCollector, ctx: CollectContext) -> list[dict[str, Any]]:
    (unit,) = source.units()
    rows: list[dict[str, Any]] = source.fetch(unit, ctx).to_pylist()
    return rows


def put(base: Path | str, data: bytes, form: str = "{0}/{1}/{2}", oid: str = "") -> str:
    oid = oid or sha1_git(data)
    with fsspec.open(f"{base}/{form.format(oid[:2], oid[2:4], oid)}", "wb", auto_mkdir=True) as file:
        file.write(gzip.compress(data) if form.endswith(".gz") else data)
    return f"swh:1:cnt:{oid}"


def entry(swhid: Any, path: Any = "a.py", **more: Any) -> dict[str, Any]:
    return {"swhid": swhid, "origin": ORIGIN, "revision": f"swh:1:rev:{'d' * 40}", "path": path, **more}


def write(root: Path, *entries: Any) -> None:
    lines = (e if isinstance(e, str) else json.dumps(e) for e in entries)
    (root / "m.jsonl").write_text("".join(f"{line}\n" for line in lines))


def test_the_identifier_is_that_of_git() -> None:
    assert sha1_git(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@pytest.mark.parametrize("form", ["{0}/{1}/{2}", "{0}/{1}/{2}.gz", "{2}", "{2}.gz"])
def test_a_manifest_with_its_store_becomes_rows(tmp_path: Path, ctx: CollectContext, form: str) -> None:
    write(tmp_path, entry(put(tmp_path / "store", b"x = 1\n", form), "/src/a.py", released=77))
    assert fetch(collector(tmp_path), ctx) == [
        {
            "host": "forge.test", "owner": "ann", "repository": "kit", "revision": "d" * 40, "path": "src/a.py",
            "released": 77, "content": b"x = 1\n",
        }
    ]  # fmt: skip
    assert ctx.omitted == {}


def test_a_store_may_lie_behind_any_url(tmp_path: Path, ctx: CollectContext) -> None:
    write(tmp_path, entry(put("memory://contents", b"far away\n")))
    assert [r["content"] for r in fetch(collector(tmp_path, "memory://contents"), ctx)] == [b"far away\n"]


def test_what_is_missing_altered_large_or_no_text_is_counted(tmp_path: Path, ctx: CollectContext) -> None:
    store = tmp_path / "store"
    right = put(store, b"right\n")
    bomb = put(store, b"0" * 5_000_000, "{0}/{1}/{2}.gz")
    broken = sha1_git(b"broken")
    put(store, b"", "{2}", broken)
    (store / broken).write_bytes(gzip.compress(b"broken")[:-3])
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    write(
        tmp_path, entry(right), entry(right, "b.py"), entry(right), entry(f"swh:1:cnt:{'1' * 40}", "c.py"),
        entry(put(store, b"wrong\n", oid="2" * 40), "d.py"), entry(f"swh:1:cnt:{broken}", "e.py"),
        entry(bomb, "f.py"), entry(put(store, b"\0"), "g.py"), entry(put(store, b"caf\xe9"), "h.py"),
        entry(put(store, pointer), "i.bin"), entry(right, "../up.py"), entry(right, None),
        entry("swh:1:dir:" + "1" * 40),
        entry(right, "j.py", origin="nowhere"), entry(right, "k.py", key="../../etc/passwd"), "{", "[]", "9" * 2**21,
    )  # fmt: skip
    rows = fetch(collector(tmp_path, fileBytes="1kB"), ctx)
    assert [r["path"] for r in rows] == ["a.py", "b.py"]
    assert ctx.omitted == {
        "repeated-path": 1, "missing": 1, "altered": 2, "too-large": 1, "binary": 2, "lfs-pointer": 1,
        "unsafe-path": 1, "bad-row": 7,
    }  # fmt: skip


def test_a_packed_content_is_told_from_one_that_is_itself_packed(tmp_path: Path, ctx: CollectContext) -> None:
    inner = gzip.compress(b"text")
    write(tmp_path, entry(put(tmp_path / "store", inner), "a.gz"))
    assert fetch(collector(tmp_path), ctx) == []
    assert ctx.omitted == {"binary": 1}


def test_the_second_stack_is_a_manifest(tmp_path: Path, ctx: CollectContext) -> None:
    """Its contents lie under their plain sha1, in their own encoding."""
    data = "caf\u00e9\n".encode("latin-1")
    sha1 = hashlib.sha1(data).hexdigest()
    put("memory://v2/content", data, "{2}", sha1)
    with fsspec.open(f"memory://v2/content/{sha1}", "wb") as file:
        file.write(gzip.compress(data))
    row = {
        "blob_id": sha1, "content_id": sha1_git(data), "repo_name": "ann/kit", "path": "/a.py", "revision_id": "e" * 40,
        "committer_date": 1_600_000_000_000_000_000, "src_encoding": "ISO-8859-1",
    }  # fmt: skip
    table = pa.Table.from_pylist([row, {**row, "path": "/b.py", "src_encoding": "no-such"}])
    at = table.schema.get_field_index("committer_date")
    table = table.set_column(at, "committer_date", table["committer_date"].cast(pa.timestamp("ns")))
    pq.write_table(table, tmp_path / "m.parquet")
    source = collector(tmp_path, "memory://v2/content", "m.parquet", layout="the-stack-v2")
    (found,) = fetch(source, ctx)
    assert (found["host"], found["owner"], found["repository"]) == ("github.com", "ann", "kit")
    assert (found["path"], found["content"], found["released"]) == (
        "a.py",
        "caf\u00e9\n".encode(),
        1_600_000_000,
    )
    assert ctx.omitted == {"binary": 1}


def test_a_manifest_that_cannot_be_read_is_one_diagnostic(tmp_path: Path, ctx: CollectContext) -> None:
    pq.write_table(pa.table({"path": ["a"]}), tmp_path / "m.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    for path, says in (
        ("m.parquet", "lacks the column `swhid`, `origin`"),
        ("bad.parquet", "not a Parquet file"),
    ):
        with pytest.raises(Problem, match=says):
            fetch(collector(tmp_path, path=path), ctx)


def test_a_unit_is_known_by_its_manifest_and_not_by_its_store(tmp_path: Path) -> None:
    write(tmp_path, entry("x"))
    (here,), (there,) = collector(tmp_path).units(), collector(tmp_path, "s3://bucket/content").units()
    assert here == there


@pytest.mark.parametrize(
    ("origin", "names"),
    [
        ("https://github.com/ann/kit", ("github.com", "ann", "kit")),
        ("https://gitlab.test/group/sub/kit.git", ("gitlab.test", "group", "sub/kit")),
        ("https://user:secret@forge.test:8080/a%20b/kit/", ("forge.test", "a b", "kit")),
        ("ann/kit", ("h", "ann", "kit")),
        ("https://forge.test/ann", None),
        ("https://[bad/ann/kit", None),
        ("https://forge.test/a%00b/kit", None),
        (None, None),
        (5, None),
    ],
)
def test_an_origin_names_host_owner_and_repository(origin: Any, names: Any) -> None:
    assert origin_of(origin, "h") == names
