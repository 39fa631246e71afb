"""Released shards can be looked at again, and what is said of them holds no value."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from bigcode_pii.audit import ROWS, scan
from bigcode_pii.config import GatedConfig
from bigcode_pii.detector import Detector
from bigcode_pii.invented_secrets import draw_password
from bigcode_pii.surrogates import choose_surrogate


def shard(path: Path, texts: list[str | None], blobs: list[str] | None = None) -> Path:
    columns = {"content": pa.array(texts, pa.string())} | ({"blob": pa.array(blobs)} if blobs else {})
    parquet.write_table(pa.table(columns), path)
    return path


def test_counts_and_rows_of_several_shards(tmp_path: Path) -> None:
    rng = Random(6)
    leaks = [f"é\ndb_password = '{draw_password(rng)}'\n" for _ in range(3)]
    one = shard(tmp_path / "a.parquet", ["x = 1\n", leaks[0], None, leaks[1] + leaks[2]], list("wxyz"))
    two = shard(tmp_path / "b.parquet", [leaks[0], "ok"])
    audit = scan([two, one])
    assert audit.files == 6
    assert audit.counts == {"EMAIL": 0, "IP_ADDRESS": 0, "KEY": 0, "PASSWORD": 4, "USERNAME": 0, "NAME": 0}
    assert audit.rows.schema == ROWS
    assert [tuple(row.values()) for row in audit.rows.to_pylist()] == [
        ("a.parquet", 1, "x", "PASSWORD", 1),
        ("a.parquet", 3, "z", "PASSWORD", 2),
        ("b.parquet", 0, "", "PASSWORD", 1),
    ]


def test_what_a_release_put_in_is_not_found(tmp_path: Path) -> None:
    text = f"db_password = '{draw_password(Random(2))}'"
    (finding,) = Detector().find(text.encode())
    value = text[finding.start : finding.end]
    masked = text.replace(value, choose_surrogate("PASSWORD", value.encode()))
    audit = scan([shard(tmp_path / "a.parquet", [masked, "password = <PASSWORD>"])])
    assert audit.rows.num_rows == 0


def test_only_the_entities_asked_for_are_looked_for(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.parquet", [f"db_password = '{draw_password(Random(2))}'"])
    assert scan([path], GatedConfig(entities=("EMAIL",))).rows.num_rows == 0
    with pytest.raises(KeyError, match="column text"):
        scan([path], column="text")
