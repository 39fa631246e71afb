"""`sources.tables` over many files, published layouts and tables that somebody damaged."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bigcode.api import Problem
from bigcode.testing.context import CollectContext
from bigcode_sources.config_tables import TablesConfig
from bigcode_sources.intake import Omissions, clean_path, is_text
from bigcode_sources.sieve import Sieve, bad_texts
from bigcode_sources.tables import TablesCollector

V1 = {
    "hexsha": "f" * 40, "size": 6, "ext": "py", "lang": "Python", "max_stars_repo_path": "src/a.py",
    "max_stars_repo_name": "ann/kit", "max_stars_repo_head_hexsha": "a" * 40, "max_stars_repo_licenses": ["MIT"],
    "max_stars_count": 5, "content": "x = 1\n", "avg_line_length": 6.0, "max_line_length": 6, "alphanum_fraction": 0.3,
}  # fmt: skip
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


def write(path: Path, *rows: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), path, **options)
    return path


def collector(root: Path, path: str = "t.parquet", **more: Any) -> TablesCollector:
    values = {"tables": [{"path": path}], "root": str(root), **more}
    return TablesCollector(TablesConfig.model_validate(values))


def fetch(source: TablesCollector, ctx: CollectContext) -> list[dict[str, Any]]:
    return [row for unit in source.units() for row in source.fetch(unit, ctx).to_pylist()]


@pytest.mark.parametrize("layout", ["the-stack-v1", "the-stack-dedup"])
def test_the_stack_is_read_as_it_is_published(tmp_path: Path, ctx: CollectContext, layout: str) -> None:
    write(tmp_path / "t.parquet", V1, {**V1, "max_stars_repo_path": "m.bin", "content": POINTER})
    assert fetch(collector(tmp_path, layout=layout), ctx) == [
        {
            "host": "github.com", "owner": "ann", "repository": "kit", "revision": "a" * 40, "path": "src/a.py",
            "released": 0, "content": b"x = 1\n",
        }
    ]  # fmt: skip
    assert ctx.omitted == {"lfs-pointer": 1}


def test_the_data_of_starcoder_and_the_second_stack_are_read(tmp_path: Path, ctx: CollectContext) -> None:
    data = {k: V1[k] for k in ("max_stars_repo_path", "max_stars_repo_name", "max_stars_count", "content")}
    write(tmp_path / "s.parquet", {**data, "id": 0})
    (row,) = fetch(collector(tmp_path, "s.parquet", layout="starcoderdata"), ctx)
    assert (row["owner"], row["repository"], row["revision"], row["path"]) == ("ann", "kit", "", "src/a.py")
    when = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    second = {
        "blob_id": "b" * 40, "content_id": "c" * 40, "path": "/src/a.py", "repo_name": "ann/kit",
        "revision_id": "d" * 40, "committer_date": when, "content": "x",
    }  # fmt: skip
    write(tmp_path / "v2.parquet", second)
    (row,) = fetch(collector(tmp_path, "v2.parquet", layout="the-stack-v2"), ctx)
    assert (row["path"], row["revision"], row["released"]) == ("src/a.py", "d" * 40, 1_577_836_800)


def test_a_layout_can_be_changed_and_said_freely(tmp_path: Path, ctx: CollectContext) -> None:
    write(tmp_path / "t.parquet", {**V1, "text": "other", "content": POINTER})
    (row,) = fetch(
        collector(tmp_path, layout="the-stack-v1", columns={"content": "text"}, host="forge.test"), ctx
    )
    assert (row["content"], row["host"]) == (b"other", "forge.test")
    (row,) = fetch(collector(tmp_path, layout="the-stack-v1", pointers="keep"), ctx)
    assert row["content"] == POINTER.encode()
    free = {
        "columns": {"path": "max_stars_repo_path", "content": "text"},
        "repository": {"column": "max_stars_repo_name", "split": "/"},
    }
    (row,) = fetch(collector(tmp_path, **free), ctx)
    assert (row["host"], row["owner"], row["repository"]) == ("table", "ann", "kit")
    lines = tmp_path / "t.jsonl"
    lines.write_text(json.dumps({**V1, "text": "other"}) + "\n")
    assert fetch(collector(tmp_path, "t.jsonl", format="jsonl", **free), ctx) == [row]


def test_a_pattern_is_a_unit_for_each_file_and_each_is_pinned(tmp_path: Path, ctx: CollectContext) -> None:
    for n in range(3):
        (tmp_path / f"part{n}").mkdir()
        write(tmp_path / f"part{n}/data.parquet", {**V1, "max_stars_repo_path": f"{n}.py"})
    source = collector(tmp_path, "part*/*.parquet", layout="the-stack-v1")
    units = list(source.units())
    assert [u.name for u in units] == [f"part{n}/data.parquet" for n in range(3)]
    assert len({u.identity["sha256"] for u in units}) == 3
    assert [r["path"] for r in fetch(source, ctx)] == ["0.py", "1.py", "2.py"]
    with pytest.raises(Problem, match="no file has such a name"):
        list(collector(tmp_path, "*.parquet").units())


@pytest.mark.parametrize("form", ["memory://shards", "file"])
def test_a_remote_pattern_is_what_a_file_of_sums_lists(
    tmp_path: Path, ctx: CollectContext, form: str
) -> None:
    base = form if form != "file" else tmp_path.as_uri()
    sums = []
    for n in range(3):
        data = write(tmp_path / f"{n}.parquet", {**V1, "max_stars_repo_path": f"{n}.py"}).read_bytes()
        with fsspec.open(f"{base}/{n}.parquet", "wb") as file:
            file.write(data)
        sums.append(f"{hashlib.sha256(data).hexdigest()}  {n}.parquet\n")
    (tmp_path / "SHA256SUMS").write_text("".join(sums) + f"{'0' * 64} *README.md\n")
    given = {"tables": [{"path": f"{base}/*.parquet", "sums": "SHA256SUMS"}], "layout": "the-stack-v1"}
    source = TablesCollector(TablesConfig.model_validate({**given, "root": str(tmp_path)}))
    assert [u.name for u in source.units()] == [f"{base}/{n}.parquet" for n in range(3)]
    assert [r["path"] for r in fetch(source, ctx)] == ["0.py", "1.py", "2.py"]
    assert len(ctx.kept) == 3
    (tmp_path / "SHA256SUMS").write_text("".join(sums[:1]) + "not a sum\n")
    with pytest.raises(Problem, match="line 2"):
        list(source.units())
    with pytest.raises(ValidationError, match="sums"):
        TablesConfig.model_validate({"tables": [{"path": "memory://x/*.parquet"}]})
    with pytest.raises(ValidationError, match="cannot pin all"):
        TablesConfig.model_validate({"tables": [{"path": "*.parquet", "sha256": "0" * 64}]})


def test_what_was_said_before_there_were_layouts_keeps_its_key() -> None:
    config = TablesConfig.model_validate({"tables": [{"path": "t"}], "columns": {"content": "text"}})
    assert config.behaviour == {"format": "parquet", "columns": {"content": "text"}, "fileBytes": 2**20}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"max_stars_repo_name": "no-slash"}, "`max_stars_repo_name` must hold an owner"),
        ({"max_stars_repo_name": None}, "`max_stars_repo_name` must hold an owner"),
        ({"max_stars_repo_name": "a\x1b/b"}, "`owner` must be printable"),
        ({"max_stars_repo_head_hexsha": None}, "`max_stars_repo_head_hexsha` must be text"),
        ({"content": None}, "`content` must be text"),
        ({"max_stars_repo_path": None}, "`max_stars_repo_path` must be text"),
    ],
)
def test_a_bad_row_ends_the_run_or_is_counted_as_the_spec_says(
    tmp_path: Path, ctx: CollectContext, change: dict[str, Any], says: str
) -> None:
    write(tmp_path / "t.parquet", V1, {**V1, "max_stars_repo_path": "b.py", **change})
    with pytest.raises(Problem, match="E708") as error:
        fetch(collector(tmp_path, layout="the-stack-v1"), ctx)
    assert says in str(error.value)
    (tmp_path / "t.jsonl").write_text(f"{json.dumps(V1)}\n{{\n{json.dumps({**V1, **change})}\n")
    for path, kind, bad in (("t.parquet", "parquet", 1), ("t.jsonl", "jsonl", 2)):
        ctx.omitted.clear()
        lenient = collector(tmp_path, path, format=kind, layout="the-stack-v1", badRows="omit")
        assert [r["path"] for r in fetch(lenient, ctx)] == ["src/a.py"]
        assert ctx.omitted == {"bad-row": bad}


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("content", pa.array([1])),
        ("max_stars_repo_path", pa.array([["a"]])),
        ("max_stars_repo_name", pa.array([1.0])),
    ],
)
def test_a_column_of_another_kind_is_named(
    tmp_path: Path, ctx: CollectContext, column: str, values: pa.Array
) -> None:
    table = pa.Table.from_pylist([V1])
    pq.write_table(
        table.set_column(table.schema.get_field_index(column), column, values), tmp_path / "t.parquet"
    )
    with pytest.raises(Problem, match=f"`{column}` must be text"):
        fetch(collector(tmp_path, layout="the-stack-v1"), ctx)


def test_names_and_texts_that_are_not_utf8_are_left_out(tmp_path: Path, ctx: CollectContext) -> None:
    rows = {
        "owner": [b"ann", b"ann", b"ann", b"\xff"], "repository": [b"kit"] * 4,
        "path": [b"\xff.py", b"caf\xc3\xa9.py", b"b.py", b"c.py"], "content": [b"x", b"\xc3\xa9", b"caf\xe9", b"x"],
    }  # fmt: skip
    pq.write_table(pa.table({k: pa.array(v, pa.binary()) for k, v in rows.items()}), tmp_path / "t.parquet")
    (row,) = fetch(collector(tmp_path, badRows="omit"), ctx)
    assert (row["path"], row["content"]) == ("café.py", "é".encode())
    assert ctx.omitted == {"bad-row": 1, "binary": 1, "unsafe-path": 1}
    assert all(w.message.isprintable() for w in ctx.warnings)


def test_a_line_of_a_hundred_megabytes_is_never_held(tmp_path: Path, ctx: CollectContext) -> None:
    good = json.dumps({"owner": "ann", "repository": "kit", "path": "a.py", "content": "x"}).encode() + b"\n"
    block = b"z" * 2**20
    with gzip.open(tmp_path / "t.jsonl.gz", "wb", compresslevel=1) as file:
        file.write(good + b'{"owner":"ann","repository":"kit","path":"b.py","content":"')
        for _ in range(100):
            file.write(block)
        file.write(b'"}\n' + good.replace(b"a.py", b"c.py"))
    rows = fetch(collector(tmp_path, "t.jsonl.gz", format="jsonl", fileBytes="1kB"), ctx)
    assert [r["path"] for r in rows] == ["a.py", "c.py"]
    assert ctx.omitted == {"too-large": 1}
    whole = (tmp_path / "t.jsonl.gz").read_bytes()
    (tmp_path / "t.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Problem, match="not a gzip file"):
        fetch(collector(tmp_path, "t.jsonl.gz", format="jsonl"), ctx)


def test_rows_are_the_same_however_the_file_is_cut(tmp_path: Path, ctx: CollectContext) -> None:
    rows = [
        {**V1, "max_stars_repo_path": f"{n % 70}.py", "content": f"{n}\0" if n % 9 == 0 else str(n)}
        for n in range(100)
    ]
    found = []
    for size in (1, 7, 1000):
        write(tmp_path / "t.parquet", *rows, row_group_size=size)
        ctx.omitted.clear()
        found.append((fetch(collector(tmp_path, layout="the-stack-v1"), ctx), dict(ctx.omitted)))
    assert found[0] == found[1] == found[2]
    assert found[0][1] == {"binary": 12, "repeated-path": 30}


def test_a_small_file_that_stands_for_more_text_than_allowed_is_too_large(
    tmp_path: Path, ctx: CollectContext
) -> None:
    rows = [{**V1, "max_stars_repo_path": f"{n}.py", "content": "x" * 100_000} for n in range(200)]
    assert write(tmp_path / "t.parquet", *rows).stat().st_size < 20_000
    assert fetch(collector(tmp_path, layout="the-stack-v1", bytes="10MB"), ctx) == []
    assert ctx.failure == "too-large"
    assert [w.code for w in ctx.warnings] == ["E705"]


names = st.lists(
    st.sampled_from(["..", ".", "", "a", "b.py", "/", "\\", "C:", "é", "\x00", "\n", "\x85", " "]), max_size=5
)
texts = st.sampled_from([b"", b"x", b"\0", b"\xff", "é".encode(), b"\xc3", b"\xa9", b"y" * 30])


@given(
    st.lists(
        st.tuples(names.flatmap(lambda p: st.sampled_from(["/".join(p), "".join(p)])), texts), max_size=12
    )
)
@settings(deadline=None)
def test_columns_are_judged_as_single_rows_are(rows: list[tuple[str, bytes]]) -> None:
    """The whole-column checks against `clean_path` and `is_text`, row by row."""
    expected: dict[str, bytes | None] = {}
    for raw, content in rows:
        try:
            path = clean_path(raw)
        except ValueError:
            continue
        expected.setdefault(path, content if len(content) <= 20 and is_text(content) else None)
    sieve = Sieve(Omissions("t", 20))
    batch = {
        "host": ["h"] * len(rows), "owner": ["o"] * len(rows), "repository": ["r"] * len(rows),
        "revision": [""] * len(rows), "path": [raw.encode() for raw, _ in rows], "released": [0] * len(rows),
        "content": [content for _, content in rows],
    }  # fmt: skip
    kinds = {"path": pa.binary(), "released": pa.int64(), "content": pa.binary()}
    made = pa.record_batch({k: pa.array(v, kinds.get(k, pa.string())) for k, v in batch.items()})
    for part in (made.slice(0, 5), made.slice(5)):
        sieve.take(part)
    found = {r["path"]: r["content"] for r in sieve.table().to_pylist()}
    assert found == {p: c for p, c in sorted(expected.items()) if c is not None}
    assert bad_texts(made.column("content")).tolist() == [not is_text(c) for _, c in rows]
