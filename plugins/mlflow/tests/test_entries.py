"""Names and values that MLflow takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcode.api import Entry, Fact
from bigcode_mlflow.entries import chunks, dataset_digest, metric_values, safe_name
from bigcode_mlflow.mirror import describe


@pytest.mark.parametrize(
    "text, name",
    [
        ("loss.final", "loss.final"),
        ("pass@1", "pass_at_1"),
        ("fertility{language=C++}", "fertility/Cplusplus"),
        ("fertility{language=C#}", "fertility/Csharp"),
        ("energy{stage=data,node=a/b}", "energy/data/a/b"),
        ("../up//there/", "up/there"),
        ("", "_"),
    ],
)
def test_a_name_is_made_allowed_and_stays_readable(text: str, name: str) -> None:
    assert safe_name(text) == name


@given(st.text(max_size=300))
def test_any_text_gives_an_allowed_name(text: str) -> None:
    name = safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_.\- /]{1,250}", name)
    assert not name.startswith("/")
    assert not set(name.split("/")) & {"", ".", ".."}
    assert safe_name(name) == name


def test_facts_lose_their_subject_but_not_a_path_in_their_group() -> None:
    facts = [
        Fact("Dataset/demo@1.0.0/files{language=PL/SQL}", 3, "file"),
        Fact("files.kept", 4, "file"),
        Fact("ratio", float("nan")),
    ]
    assert metric_values(facts) == {"files/PL/SQL": 3.0, "files.kept": 4.0}


def test_the_digest_of_a_dataset_does_not_depend_on_the_order_of_its_objects() -> None:
    entries = [Entry("a", "1" * 64), Entry("b", "2" * 64)]
    assert dataset_digest(entries) == dataset_digest(entries[::-1]) != dataset_digest(entries[:1])


def test_chunks_hold_all_items_in_order() -> None:
    assert [list(c) for c in chunks(range(7), 3)] == [[0, 1, 2], [3, 4, 5], [6]]


def test_an_error_is_told_in_a_line_without_credentials() -> None:
    told = describe(OSError("no way to reach\npostgresql://ida:p@ss/word@host/db"))
    assert told == "OSError: no way to reach postgresql://***@host/db"
