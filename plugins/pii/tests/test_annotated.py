"""The labelled set `pii.annotated`, on hand-made files in the form of BigCode's sets, which are gated and not here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bigcode.api import Problem
from bigcode.testing.context import StageContext
from bigcode_pii.annotated import Annotated
from bigcode_pii.annotated_config import AnnotatedConfig
from bigcode_pii.folders import digest_folder

MAIL = "ada" + "@" + "harbour-mail.zz"
TEXT = f"# Zwölf Größen → {MAIL}\nuser = 'zqxada'\nhost = 'x'\n"


def fragment(category: str, value: str, **more: Any) -> dict[str, Any]:
    start = TEXT.index(value)
    return {"category": category, "position": [start, start + len(value)], "value": value} | more


ROWS = [
    {"id": "1", "content": TEXT, "fragments": [fragment("USERNAME", "zqxada"), fragment("EMAIL", MAIL)]},
    {"id": "2", "content": "plain\n", "fragments": []},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def build(path: Path, **settings: Any) -> tuple[list[tuple[bytes, list[dict[str, Any]]]], StageContext]:
    ctx = StageContext()
    config = AnnotatedConfig(path=str(path), sha256=digest_folder(path), **settings)
    table = Annotated(config).build(pa.table({"blob": [], "content": []}), ctx)
    return list(zip(table["content"].to_pylist(), table["labels"].to_pylist(), strict=True)), ctx


@pytest.mark.parametrize("name", ["set.parquet", "set.jsonl"])
def test_places_in_characters_become_places_in_bytes(tmp_path: Path, name: str) -> None:
    (first, second), ctx = build(write(tmp_path / name, ROWS))
    content, labels = first
    assert content == TEXT.encode()
    assert [(x["entity"], content[x["start"] : x["end"]].decode(), x["positive"]) for x in labels] == [
        ("EMAIL", MAIL, True),
        ("USERNAME", "zqxada", True),
    ]
    assert second == (b"plain\n", [])
    assert ctx.warnings == []


def test_the_older_form_is_read_too(tmp_path: Path) -> None:
    start = TEXT.index(MAIL)
    pii = json.dumps([{"tag": "EMAIL", "value": MAIL, "start": start, "end": start + len(MAIL)}])
    ((content, labels),), _ = build(write(tmp_path / "set.jsonl", [{"text": TEXT, "pii": pii}]))
    assert [content[x["start"] : x["end"]].decode() for x in labels] == [MAIL]


def test_categories_that_only_look_like_an_entity_are_negative_and_unknown_ones_left_out(
    tmp_path: Path,
) -> None:
    row = {
        "content": TEXT,
        "fragments": [
            fragment("EMAIL_EXAMPLE", MAIL), fragment("NAME_LICENSE", "zqxada"), fragment("AMBIGUOUS", "host"),
        ],
    }  # fmt: skip
    path = write(tmp_path / "set.jsonl", [row])
    ((_, labels),), ctx = build(path)
    assert [(x["entity"], x["kind"], x["positive"]) for x in labels] == [
        ("EMAIL", "email_example", False),
        ("NAME", "name_license", True),
    ]
    assert [str(w.message) for w in ctx.warnings] == [
        "pii.annotated: 1 labels left out: their category means no entity"
    ]
    ((_, labels),), _ = build(path, examples="out", categories={"AMBIGUOUS": "KEY", "NAME_LICENSE": ""})
    assert [(x["entity"], x["kind"]) for x in labels] == [("KEY", "ambiguous")]


def test_labels_that_do_not_fit_their_text_are_left_out_and_counted_without_being_quoted(
    tmp_path: Path,
) -> None:
    bad = [fragment("EMAIL", MAIL, position=[0, 4]), fragment("KEY", "zqxada", position=[5, 999])]
    ((_, labels),), ctx = build(write(tmp_path / "set.jsonl", [{"content": TEXT, "fragments": bad}]))
    assert labels == []
    said = " ".join(str(warning) for warning in ctx.warnings)
    assert "1 labels left out: their value is not at their place" in said
    assert "out of bounds" in said
    assert MAIL not in said
    assert "zqxada" not in said


def test_a_set_is_read_only_as_pinned_and_in_its_form(tmp_path: Path) -> None:
    path = write(tmp_path / "set.jsonl", [{"content": TEXT}])
    cases = (
        ({"path": str(path), "sha256": digest_folder(path)}, "E708"),
        ({"path": str(path), "sha256": "0" * 64}, "E702"),
        ({}, "E109"),
    )
    for settings, code in cases:
        with pytest.raises(Problem) as caught:
            Annotated(AnnotatedConfig(**settings)).build(pa.table({"content": []}), StageContext())
        assert code in str(caught.value)
        assert MAIL not in str(caught.value)
