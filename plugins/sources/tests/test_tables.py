"""`sources.tables`: files that are rows already."""

from __future__ import annotations

import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from bigcode.api import Problem
from bigcode.testing.context import CollectContext
from bigcode_sources.config_tables import TablesConfig
from bigcode_sources.tables import TablesCollector

ROW = {"owner": "ann", "repository": "kit", "path": "a.py", "content": "x = 1\n"}


def write_jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
    return path


def collector(root: Path, path: str = "t.jsonl", sha256: str = "", **more: Any) -> TablesCollector:
    kind = "jsonl" if path.endswith("jsonl") else "parquet"
    values = {"tables": [{"path": path, "sha256": sha256}], "format": kind, "root": str(root), **more}
    return TablesCollector(TablesConfig.model_validate(values))


def fetch(source: TablesCollector, ctx: CollectContext) -> pa.Table:
    (unit,) = source.units()
    return source.fetch(unit, ctx)


def failure(source: TablesCollector, ctx: CollectContext) -> Any:
    with pytest.raises(Problem) as error:
        fetch(source, ctx)
    (diagnostic,) = error.value.diagnostics
    return diagnostic


def test_a_line_with_four_names_is_a_file(tmp_path: Path, ctx: CollectContext) -> None:
    write_jsonl(tmp_path / "t.jsonl", {**ROW, "path": "z.py"}, "", {**ROW, "content": "é = '2020-01-01'"})
    table = fetch(collector(tmp_path), ctx)
    assert table.schema.field("content").type == pa.binary()
    assert table.schema.field("released").type == pa.int64()
    same = {"host": "table", "owner": "ann", "repository": "kit", "revision": "", "released": 0}
    assert table.to_pylist() == [
        {**same, "path": "z.py", "content": b"x = 1\n"},
        {**same, "path": "a.py", "content": "é = '2020-01-01'".encode()},
    ]


def test_all_columns_can_be_said_and_renamed(tmp_path: Path, ctx: CollectContext) -> None:
    theirs = {
        "site": "h",
        "who": "ann",
        "repo": "kit",
        "rev": "r1",
        "file": "a.py",
        "when": 77,
        "text": "t",
        "more": 1,
    }
    write_jsonl(tmp_path / "t.jsonl", theirs)
    columns = {
        "host": "site",
        "owner": "who",
        "repository": "repo",
        "revision": "rev",
        "path": "file",
        "released": "when",
        "content": "text",
    }
    assert fetch(collector(tmp_path, columns=columns), ctx).to_pylist() == [
        {
            "host": "h",
            "owner": "ann",
            "repository": "kit",
            "revision": "r1",
            "path": "a.py",
            "released": 77,
            "content": b"t",
        }
    ]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())]
)
def test_a_parquet_table_gives_the_same_rows(tmp_path: Path, ctx: CollectContext, kind: pa.DataType) -> None:
    when = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    rows = [{**ROW, "released": 5, "junk": None}, {**ROW, "path": "b/c.py", "released": 6, "junk": None}]
    write_jsonl(tmp_path / "t.jsonl", *rows)
    table = pa.Table.from_pylist(rows)
    table = table.set_column(table.schema.get_field_index("content"), "content", table["content"].cast(kind))
    pq.write_table(table, tmp_path / "t.parquet")
    assert fetch(collector(tmp_path, "t.parquet"), ctx).equals(fetch(collector(tmp_path), ctx))

    dated = table.set_column(table.schema.get_field_index("released"), "released", pa.array([when, when]))
    pq.write_table(dated, tmp_path / "d.parquet")
    assert fetch(collector(tmp_path, "d.parquet"), ctx)["released"].to_pylist() == [1_577_836_800] * 2


def test_rows_that_are_unsafe_repeated_binary_or_large_are_left_out(
    tmp_path: Path, ctx: CollectContext
) -> None:
    write_jsonl(
        tmp_path / "t.jsonl",
        ROW,
        {**ROW, "content": "second"},
        {**ROW, "path": "../up.py"},
        {**ROW, "path": "/etc/passwd"},
        {**ROW, "path": "nul.py", "content": "a\0b"},
        {**ROW, "path": "half.py", "content": "\ud800"},
        {**ROW, "path": "big.py", "content": "x" * 2000},
    )
    table = fetch(collector(tmp_path, fileBytes="1kB"), ctx)
    assert table.select(["path", "content"]).to_pylist() == [{"path": "a.py", "content": b"x = 1\n"}]
    assert [(w.code, w.severity) for w in ctx.warnings] == [("E704", "warning")] * 4 + [("E706", "warning")]


@pytest.mark.parametrize(
    ("lines", "reason", "line"),
    [
        (['{"owner": '], "not JSON", 1),
        ([ROW, "[1]"], "not a JSON object", 2),
        ([ROW, {"owner": "a", "content": ""}], "lacks the columns `repository`, `path`", 2),
        ([{**ROW, "owner": None}], "`owner` must be text", 1),
        ([{**ROW, "owner": ""}], "`owner` must be text", 1),
        ([{**ROW, "host": "a\u001b[2J"}], "`host` must be printable", 1),
        ([{**ROW, "content": 5}], "`content` must be text", 1),
        ([{**ROW, "released": "2020"}], "`released` must be whole seconds", 1),
        ([{**ROW, "released": True}], "`released` must be whole seconds", 1),
    ],
)
def test_a_line_that_is_no_file_is_named(
    tmp_path: Path, ctx: CollectContext, lines: list[Any], reason: str, line: int
) -> None:
    write_jsonl(tmp_path / "t.jsonl", *lines)
    found = failure(collector(tmp_path), ctx)
    assert found.code == "E708"
    assert reason in found.message
    assert (found.place.file, found.place.line) == ("t.jsonl", line)


def test_a_column_that_the_spec_maps_must_be_there(tmp_path: Path, ctx: CollectContext) -> None:
    write_jsonl(tmp_path / "t.jsonl", ROW)
    pq.write_table(pa.Table.from_pylist([ROW]), tmp_path / "t.parquet")
    pq.write_table(pa.Table.from_pylist([{"path": "a"}]), tmp_path / "p.parquet")
    for path in ("t.jsonl", "t.parquet"):
        assert "`rev`" in failure(collector(tmp_path, path, columns={"revision": "rev"}), ctx).message
    assert "`owner`, `repository`, `content`" in failure(collector(tmp_path, "p.parquet"), ctx).message


def test_a_table_that_is_not_there_or_no_table_is_not_readable(tmp_path: Path, ctx: CollectContext) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    for path in ("none.jsonl", "bad.parquet", "."):
        assert failure(collector(tmp_path, path), ctx).code == "E708"
    pinned = collector(tmp_path, "memory://none.jsonl", "0" * 64)
    assert failure(pinned, ctx).code == "E708"


def test_an_unpinned_table_is_known_by_its_content(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "t.jsonl", ROW)
    (before,) = collector(tmp_path).units()
    assert before.identity["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    path.touch()
    assert list(collector(tmp_path).units()) == [before]
    write_jsonl(path, ROW, {**ROW, "path": "b.py"})
    assert list(collector(tmp_path).units()) != [before]


def test_a_table_other_than_the_pinned_one_is_altered(tmp_path: Path, ctx: CollectContext) -> None:
    write_jsonl(tmp_path / "t.jsonl", ROW)
    assert failure(collector(tmp_path, sha256="0" * 64), ctx).code == "E702"


def test_a_url_is_read_once_and_kept(tmp_path: Path, ctx: CollectContext) -> None:
    path = write_jsonl(tmp_path / "t.jsonl", ROW)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    source = collector(tmp_path, path.as_uri(), sha256)
    first = fetch(source, ctx)
    path.unlink()
    assert fetch(source, ctx).equals(first)
    assert list(ctx.kept) == [sha256]


def test_a_url_without_a_pin_and_a_table_listed_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="sha256"):
        collector(tmp_path, "s3://bucket/t.parquet")
    with pytest.raises(ValidationError, match="twice"):
        TablesConfig.model_validate({"tables": [{"path": "a"}, {"path": "a"}]})
    with pytest.raises(ValidationError):
        collector(tmp_path, columns={"colour": "x"})
