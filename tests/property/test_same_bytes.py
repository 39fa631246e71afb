"""The same specs give the same bytes, for any number of workers, any hash seed and any date."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import libfaketime
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workspaces import (
    apply,
    bundle_of,
    copy_space,
    edit_spec,
    facts_of,
    root_of,
    verdicts_of,
    write_rows,
    write_spec,
    write_wishes,
)

from bigcode.store.tables import decode_table, encode_table
from bigcode.testing import texts
from bigcode.testing.corpus import HOST, build_corpus

COMMANDS = """\
import sys
from bigcode.cli import run
space, env = sys.argv[1:3]
out = f"{space}-bundle"
chosen = ["--env", env] if env else []
assert run(["apply", space, *chosen]) == 0
assert run(["plan", space, "--exit-code", *chosen]) == 0
assert run(["bundle", space, "--output", out]) == 0
assert run(["verify", out]) == 0
"""


@pytest.fixture(scope="module")
def wished(blank_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with an opt-out and two overlays for how it is run, not yet applied."""
    space = copy_space(blank_template, tmp_path_factory.mktemp("wished"), store=True)
    write_wishes(space, [("owner", "requestlib")])
    (space / "env").mkdir()
    for name, execution in (("one", {"executor": "inline"}), ("two", {"executor": "local", "workers": 2})):
        write_spec(space / "env" / f"{name}.yaml", {"Project/tiny": {"execution": execution}})
    return space


@pytest.fixture(scope="module")
def expected(wished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of an apply in this process."""
    parent = tmp_path_factory.mktemp("expected")
    space = copy_space(wished, parent, store=True)
    apply(space)
    return bundle_of(space, parent / "bundle")


def build_elsewhere(wished: Path, parent: Path, env: str, **environment: str) -> str:
    """Apply, plan, bundle and verify in a process of its own; the root of the bundle."""
    space = copy_space(wished, parent, store=True)
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, str(space), env],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return root_of(Path(f"{space}-bundle"))


@pytest.mark.parametrize("seed, env", [("1", "one"), ("2", "two")])
def test_neither_hash_seed_nor_workers_change_a_byte(
    wished: Path, expected: Path, tmp_path: Path, seed: str, env: str
) -> None:
    assert build_elsewhere(wished, tmp_path, env, PYTHONHASHSEED=seed) == root_of(expected)


def test_five_years_change_no_byte(wished: Path, expected: Path, tmp_path: Path) -> None:
    library = Path(libfaketime.__file__).parent / "vendor/libfaketime/src/libfaketime.so.1"
    assert library.is_file()
    later = {
        "LD_PRELOAD": str(library),
        "FAKETIME": "+1826d",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    year = subprocess.run(["date", "+%Y"], env={**os.environ, **later}, capture_output=True, text=True).stdout
    plain = {name: value for name, value in os.environ.items() if name not in later}
    now = subprocess.run(["date", "+%Y"], env=plain, capture_output=True, text=True).stdout
    assert int(year) - int(now) in (4, 5)
    assert build_elsewhere(wished, tmp_path, "", **later) == root_of(expected)


spans = st.lists(
    st.fixed_dictionaries({"start": st.integers(0, 9), "entity": st.sampled_from(["A", "B"])}), max_size=3
)
cells = st.fixed_dictionaries(
    {
        "blob": st.text("ab", max_size=3),
        "ids": st.lists(st.text("xy", max_size=2), max_size=2),
        "pii": st.none() | spans,
        "score": st.none() | st.floats(allow_nan=False, width=32),
        "raw": st.binary(max_size=3),
    }
)
SCHEMA = pa.schema(
    [
        ("blob", pa.string()),
        ("ids", pa.list_(pa.field("item", pa.string()))),
        ("pii", pa.list_(pa.struct([("start", pa.int64()), ("entity", pa.string())]))),
        ("score", pa.float64()),
        ("raw", pa.binary()),
    ]
)


@settings(max_examples=40)
@given(rows=st.lists(cells, max_size=8), data=st.data())
def test_equal_tables_have_equal_bytes_whatever_they_went_through(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    table = pa.Table.from_pylist(rows, SCHEMA)
    wanted = encode_table(table)
    read = decode_table(wanted)
    assert encode_table(read) == wanted
    cut = data.draw(st.integers(0, len(rows)))
    pieces = pa.concat_tables([read.slice(0, cut), table.slice(cut).cast(read.schema)])
    assert encode_table(pieces) == wanted
    order = data.draw(st.permutations(range(len(rows))))
    back = [order.index(index) for index in range(len(rows))]
    assert encode_table(table.take(pa.array(order, pa.int64())).take(pa.array(back, pa.int64()))) == wanted


def test_the_number_of_partitions_decides_nothing(blank: Path, tmp_path: Path) -> None:
    """Verdicts of a file follow from its own project and from the whole, never from who shares its bucket."""
    mit = next(
        row["content"] for row in build_corpus() if row["owner"] == "alpha" and row["path"] == "LICENSE"
    )
    declared = "Metadata-Version: 2.4\nName: x\nVersion: 1\nLicense-Expression: "
    more = [
        ("mirror.example", "alpha", "2.0", "alpha/words.py", texts.RETRY.replace("seconds", "moments")),
        (HOST, "both", "1", "LICENSE-MIT", mit),
        (HOST, "both", "1", "PKG-INFO", f"{declared}MIT AND CC0-1.0\n"),
        (HOST, "both", "1", "both/a.py", texts.SESSION.replace("cookie", "biscuit")),
        (HOST, "free", "1", "PKG-INFO", f"{declared}CC0-1.0\n"),
        (HOST, "free", "1", "free/a.py", texts.SESSION.replace("cookie", "cracker")),
    ]
    rows = [
        {
            "host": host,
            "owner": owner,
            "repository": owner,
            "revision": revision,
            "path": path,
            "released": 1,
            "content": text,
        }
        for host, owner, revision, path, text in more
    ]
    write_rows(blank, [*build_corpus(), *rows])
    edit_spec(blank / "licenses.yaml", "attribution", value="exclude")
    found = []
    for buckets, partitions in ((1, 1), (4, 3), (9, 2)):
        edit_spec(blank / "snapshot.yaml", "buckets", value=buckets)
        edit_spec(blank / "snapshot.yaml", "blobPartitions", value=partitions)
        apply(blank)
        bundle = bundle_of(blank, tmp_path / str(buckets))
        found.append((sorted(verdicts_of(bundle), key=lambda row: row["row"]), facts_of(bundle)))
    assert found[0][0] == found[1][0] == found[2][0]
    for _, facts in found:
        assert {**facts, "shards": 0} == {**found[0][1], "shards": 0}
