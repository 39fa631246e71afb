"""The impact, taken from tallies and from the buckets that differ, is that of whole tables compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from workspaces import apply, bundle_of, facts_of, write_wishes

from bigcode.api.facts import Query
from bigcode.api.shapes import Entry
from bigcode.cli import run
from bigcode.evidence.query import run_query
from bigcode.evidence.tally import PROJECT, answer, sum_tallies
from bigcode.run.measure import tally
from bigcode.run.rows import Verdicts, count_moved, same_training
from bigcode.store.actions import Action
from bigcode.store.store import Store
from bigcode.store.tables import encode_table

SCHEMA = pa.schema(
    [
        ("row", pa.string()),
        ("reason", pa.string()),
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("bytes", pa.int64()),
        ("language", pa.string()),
        ("license", pa.string()),
        ("license_category", pa.string()),
        ("license_attribution", pa.string()),
        ("split", pa.string()),
        ("redactions", pa.list_(pa.string())),
    ]
)
REASONS = st.sampled_from(["kept", "kept", "optout.owner", "quality.empty"])


@st.composite
def buckets(draw: st.DrawFn) -> list[pa.Table]:
    """Verdicts by bucket; an owner lies in one. A row that is not kept may be hidden but for its reason."""
    out = []
    for bucket in range(draw(st.integers(1, 3))):
        rows = []
        for number in range(draw(st.integers(0, 6))):
            reason = draw(REASONS)
            row: dict[str, Any] = {"row": f"{bucket}/{number}", "reason": reason}
            if reason == "kept" or draw(st.booleans()):
                row |= {
                    "host": "h",
                    "owner": f"{bucket}{draw(st.sampled_from('ab'))}",
                    "repository": draw(st.sampled_from("rs")),
                    "bytes": draw(st.integers(0, 99)),
                    "language": draw(st.sampled_from(["Python", "C", ""])),
                    "license": draw(st.sampled_from(["MIT", "0BSD"])),
                    "license_category": draw(st.sampled_from(["permissive", "copyleft"])),
                    "license_attribution": draw(st.sampled_from(["required", "none", ""])),
                    "split": draw(st.sampled_from(["train", "validation"])),
                    "redactions": draw(st.lists(st.sampled_from(["EMAIL", "KEY"]), max_size=2))
                    if reason == "kept"
                    else [],
                }
            rows.append(row)
        out.append(pa.Table.from_pylist(rows, SCHEMA))
    return out


class One:
    """The input of a tally."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def table(self, name: str) -> pa.Table:
        return self._table


def total_of(tables: list[pa.Table]) -> dict[str, Any]:
    made = [tally(One(table), None, None)["tally"][0][1] for table in tables]  # type: ignore[arg-type]
    return sum_tallies(json.loads(part) for part in made)  # type: ignore[arg-type]


KEPT = ("reason", "kept")
QUERIES = st.builds(
    Query,
    st.just("verdicts"),
    st.sampled_from(["count", "sum", "distinct"]),
    st.just(""),
    st.lists(
        st.sampled_from(
            [
                KEPT,
                ("reason", "optout.owner"),
                ("reason", "quality.none"),
                ("language", "Python"),
                ("license", "MIT"),
                ("license_category", "copyleft"),
                ("license_attribution", "none"),
                ("split", "train"),
                ("redactions", "EMAIL"),
                ("owner", "0a"),
            ]
        ),
        max_size=2,
    ).map(tuple),
).map(
    lambda q: Query(
        q.table, q.aggregate, {"count": "", "sum": "bytes", "distinct": PROJECT}[q.aggregate], q.where
    )
)


@given(tables=buckets(), query=QUERIES)
def test_what_tallies_answer_is_what_the_query_gives(tables: list[pa.Table], query: Query) -> None:
    told = answer(query, total_of(tables))
    assert told in (None, run_query(query, pa.concat_tables(tables)))


@pytest.mark.parametrize(
    "query",
    [
        Query("verdicts", "count"),
        Query("verdicts", "count", where=(KEPT,)),
        Query("verdicts", "sum", "bytes", (KEPT,)),
        Query("verdicts", "distinct", PROJECT, (KEPT,)),
        Query("verdicts", "count", where=(("reason", "optout.seat"),)),
        Query("verdicts", "sum", "bytes", (KEPT, ("language", "C"))),
        Query("verdicts", "count", where=(KEPT, ("redactions", "KEY"))),
    ],
)
def test_no_table_is_read_for_what_datasets_record(query: Query) -> None:
    assert answer(query, sum_tallies([])) == 0


def results_of(store: Store, tables: list[pa.Table]) -> Mapping[str, Mapping[str, Action]]:
    def put(name: str, table: pa.Table) -> Entry:
        data = encode_table(table)
        return Entry(name, store.objects.put(data), table.num_rows, len(data))

    made = {}
    for bucket, table in enumerate(tables):
        kept = table.filter(pc.equal(table["reason"], "kept"))
        names = sorted(set(kept["language"].to_pylist()))
        entries = tuple(put(n, kept.filter(pc.equal(kept["language"], n))) for n in names)
        made[str(bucket)] = Action("", "", 1, "", None, {}, {"verdicts": (put("", table),), "kept": entries})
    return {"D#verdicts": made}


@given(before=buckets(), after=buckets())
def test_only_buckets_that_differ_are_read_and_nothing_is_missed(
    tmp_path_factory: pytest.TempPathFactory, before: list[pa.Table], after: list[pa.Table]
) -> None:
    store = Store(str(tmp_path_factory.mktemp("store")))
    old = Verdicts(results_of(store, before), "D", store)
    new = Verdicts(results_of(store, after), "D", store)

    def rows(tables: list[pa.Table], **wanted: str) -> list[Any]:
        return [r for t in tables for r in t.to_pylist() if all(r[k] == v for k, v in wanted.items())]

    kept = [{r["row"] for r in rows(tables, reason="kept")} for tables in (before, after)]
    assert count_moved(old, new) == (len(kept[1] - kept[0]), len(kept[0] - kept[1]))
    train = [sorted(map(str, rows(tables, reason="kept", split="train"))) for tables in (before, after)]
    assert same_training(old, new) == (train[0] == train[1] and all(kept))


def test_the_impact_is_what_the_apply_then_does(
    applied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = facts_of(bundle_of(applied, tmp_path / "before"))
    write_wishes(applied, [("owner", "requestlib")])
    capsys.readouterr()
    assert run(["plan", str(applied), "--impact", "--json"]) == 0
    (change,) = json.loads(capsys.readouterr().out)["impact"]["datasets"].values()
    apply(applied)
    after = facts_of(bundle_of(applied, tmp_path / "after"))
    assert change["removed"] - change["added"] == before["files.kept"] - after["files.kept"] > 0
    assert change["keptBytes"] == [before["bytes.kept"], after["bytes.kept"]]
    assert change["reasons"]["kept"] == [before["files.kept"], after["files.kept"]]
    told = {name.split("/", 2)[2]: pair for name, pair in change["facts"].items()}
    assert change["copies"] == {
        "removed": [before["optout.copies"], after["optout.copies"]],
        "common": [before["optout.common"], after["optout.common"]],
        "contested": [before["optout.contested"], after["optout.contested"]],
        "review": [before["optout.review"], after["optout.review"]],
    }
    assert after["optout.copies"] > 0
    assert told
    assert all(pair == [before[name], after.get(name, 0)] for name, pair in told.items())
    assert not list((applied / ".bigcode" / "work").glob("*"))
