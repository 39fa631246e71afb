"""What holds for any input: the shape of the output, independent rows, and reviewed tables that are well-formed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bigcode.api import load_object
from bigcode.testing.context import StageContext
from bigcode.testing.contract import assert_contract
from bigcode_licenses import plugin
from bigcode_licenses.copyrights import copyright_lines
from bigcode_licenses.expressions import canonical

COMPONENT, TIERS = plugin.bigcode_components()
PACKAGE = Path(plugin.__file__).parent
NAMES = [
    "LICENSE",
    "NOTICE",
    "a.py",
    "a.md",
    "PKG-INFO",
    "pyproject.toml",
    "setup.cfg",
    "package.json",
    "a.license",
]
PIECES = [
    "# SPDX-License-Identifier: MIT\n", "/*", "*/", '"""', "Permission is hereby granted", "..\n ", "{", '"license": ',
    "Metadata-Version: 2.1\nLicense: ", "[metadata]\nlicense = ", "GPL (", "MIT AND ", "Licensed under the ", "\x00",
    "http://www.gnu.org/licenses/gpl.html", "é", "\n",
]  # fmt: skip
contents = st.binary(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=8).map(
    lambda p: "".join(p).encode()
)
files = st.lists(st.tuples(st.sampled_from(NAMES), contents), max_size=6)


def table_of(rows: list[tuple[str, bytes]]) -> pa.Table:
    return pa.table(
        {
            "blob": pa.array([f"{i:064x}" for i in range(len(rows))], pa.string()),
            "name": pa.array([name for name, _ in rows], pa.string()),
            "content": pa.array([content for _, content in rows], pa.binary()),
        }
    )


def test_the_columns_are_those_that_the_component_declares(build):
    types = {"list<element: string>": "list<string>", "list<item: string>": "list<string>"}
    types |= {name.replace("string", "double"): "list<double>" for name in types}
    out = build().run(table_of([("LICENSE", b"")]), StageContext())
    assert [(f.name, types.get(str(f.type), str(f.type))) for f in out.schema] == [
        ("blob", "string"),
        ("name", "string"),
        *((c.name, c.type) for c in COMPONENT.writes),
    ]


@given(files, files)
def test_rows_do_not_depend_on_which_rows_share_the_table(build, some: list, others: list):
    stage = build()
    table = table_of(some + others)
    whole = stage.run(table, StageContext())
    parts = (table.slice(0, len(some)), table.slice(len(some)))
    assert whole.equals(pa.concat_tables(stage.run(part, StageContext()) for part in parts))
    assert whole.select(["blob", "name"]).equals(table.select(["blob", "name"]))


@given(files)
def test_ids_are_sorted_canonical_and_scored(build, rows: list):
    for row in build().run(table_of(rows), StageContext()).to_pylist():
        ids = row["license_ids"]
        assert ids == sorted(set(ids))
        assert [canonical(identifier) for identifier in ids] == ids
        assert len(row["license_scores"]) == len(ids)
        assert all(0 < score <= 1 for score in row["license_scores"])
        assert row["license_role"] in ("text", "header", "metadata") if ids else row["license_role"] == ""


@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from(["MIT", "GPL-2.0", "(", ")", "AND", "OR", "WITH", "/", "+", "LicenseRef-x"])
    ).map(" ".join)
)
def test_the_canonical_form_of_a_canonical_form_is_itself(text: str):
    form = canonical(text)
    assert form is None or canonical(form) == form


@pytest.mark.parametrize(
    "table, part", [("data/attribution", "licenses"), ("names", "names"), ("names", "families")]
)
def test_the_reviewed_tables_hold_canonical_ids(table: str, part: str):
    ids = list(yaml.safe_load((PACKAGE / f"{table}.yaml").read_text())[part])
    assert [canonical(identifier) for identifier in ids] == ids


def test_loading_the_plugin_loads_no_library():
    script = (
        "import sys, bigcode_licenses.plugin as p; p.bigcode_components();"
        "print(sorted({'licenseclassifier', 'license_expression', 'yaml', 'pyarrow', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_second_component_keeps_the_contract():
    assert_contract(TIERS)


@given(files, files)
def test_rows_of_the_second_component_do_not_depend_on_each_other_or_on_what_is_remembered(
    some: list, others: list
):
    stage = load_object(TIERS.factory)(load_object(TIERS.config)())
    table, context = table_of(some + others), StageContext()
    whole = stage.run(table, context)
    fresh = load_object(TIERS.factory)(load_object(TIERS.config)())
    parts = (table.slice(0, len(some)), table.slice(len(some)))
    assert whole.equals(pa.concat_tables(fresh.run(part, StageContext()) for part in parts))
    remembering = load_object(TIERS.factory)(load_object(TIERS.config)())
    assert whole.equals(remembering.run(table, StageContext(memory=context.memory)))


@given(files)
def test_columns_of_the_second_component_agree_with_each_other(rows: list):
    stage = load_object(TIERS.factory)(load_object(TIERS.config)())
    for row in stage.run(table_of(rows), StageContext()).to_pylist():
        ids = row["license_ids"]
        assert ids == sorted(set(ids))
        assert len(row["license_scores"]) == len(row["license_categories"]) == len(ids)
        assert {found["id"] for found in row["license_evidence"]} >= set(ids) - {
            "LicenseRef-scancode-unknown"
        }
        assert (
            row["license_role"] in ("text", "header", "metadata")
            if ids
            else row["license_role"] in ("", "text")
        )


@given(st.lists(st.text(max_size=80), max_size=4), st.text(alphabet="ab.@ <>[]()", max_size=30))
def test_no_quoted_line_holds_an_address(lines: list[str], tail: str):
    quoted = copyright_lines([*lines, f"Copyright (c) 2020 A {tail} x@y.example"])
    assert not any("@" in line for line in quoted)
    assert all(0 < len(line) <= 200 for line in quoted)
