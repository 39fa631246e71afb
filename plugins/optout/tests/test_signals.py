"""What repositories say about the training of models on them, and what is not taken for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pytest

from bigcode.api import Column, load_object
from bigcode.testing.context import StageContext
from bigcode.testing.contract import (
    assert_columns,
    assert_config_round_trip,
    assert_import_budget,
    assert_partition_independence,
    without_network,
)
from bigcode.testing.corpus import blob_of, build_corpus
from bigcode.testing.results import digest_of
from bigcode_optout.config import SignalsConfig
from bigcode_optout.observer import Signals
from bigcode_optout.plugin import bigcode_components

(COMPONENT,) = bigcode_components()


def table_of(files: Mapping[str, str]) -> pa.Table:
    rows = sorted((blob_of(text), path, text.encode()) for path, text in files.items())
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    types = (pa.string(), pa.string(), pa.binary())
    return pa.table(
        [pa.array(c, t) for c, t in zip(columns, types, strict=True)], names=["blob", "path", "content"]
    )


def signals(path: str, text: str, **settings: Any) -> list[dict[str, str]]:
    found = Signals(SignalsConfig(**settings)).run(table_of({path: text}), StageContext())
    listed: list[dict[str, str]] = found["signals"][0].as_py()
    return listed


def said(path: str, text: str, **settings: Any) -> list[tuple[str, str]]:
    """What is said, of which paths."""
    return [(signal["says"], signal["pattern"]) for signal in signals(path, text, **settings)]


# ---------------------------------------------------------------- .gitattributes


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("* ai-training=false", [("deny", "")]),
        ("*  text=auto  AI-Training=FALSE", [("deny", "")]),
        ("*\tai-training=false", [("deny", "")]),
        ("* -ai-training", [("deny", "")]),
        ("* ai-training", [("allow", "")]),
        ("* ai-training=true", [("allow", "")]),
        ("* noai", [("deny", "")]),
        ("* !ai-training", [("unclear", "")]),
        ("* ai-training=perhaps", [("unclear", "")]),
        ("src/** ai-training=false", [("deny", "src/**")]),
        ('"a b/*.py" ai-training=false', [("deny", "a b/*.py")]),
        ("*.py linguist-generated=true linguist-vendored", []),
        ("# * ai-training=false", []),
        ("[attr]secret ai-training=false", []),
        ("ai-training=false", []),
    ],
)
def test_attributes_of_git(line: str, found: list[tuple[str, str]]) -> None:
    assert said(".gitattributes", f"{line}\n") == found


def test_attributes_of_a_folder_are_about_what_is_in_it() -> None:
    text = "* ai-training=false\nlib/*.c -ai-training\n*.md ai-training\n"
    assert said("docs/.gitattributes", text) == [
        ("deny", "/docs/**/*"),
        ("deny", "/docs/lib/*.c"),
        ("allow", "/docs/**/*.md"),
    ]


def test_the_names_of_attributes_are_the_policys() -> None:
    assert said(".gitattributes", "* ours=no", permissions=["ours"]) == [("deny", "")]
    assert said(".gitattributes", "* ai-training=false", permissions=["ours"]) == []


# ---------------------------------------------------------------- files of .github


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (".github/ai-opt-out", "opt-out: true\n", ["deny"]),
        (".github/ai-opt-out.yml", "", ["deny"]),
        (".github/AI_OPTOUT.md", "We would rather not.\n", ["deny"]),
        (".github/ai-opt-out", "opt-out: false\n", ["allow"]),
        (".github/ai-opt-out", "opt-out: later\n", ["unclear"]),
        (".github/opt-out", "ai-opt-out: true\n", ["deny"]),
        (".github/opt-out.md", "How to switch telemetry off.\n", ["unclear"]),
        (".github/telemetry-opt-out", "opt-out: true\n", ["unclear"]),
        (".github/workflows/ai-opt-out.yml", "opt-out: true\n", []),
        ("docs/.github/ai-opt-out", "opt-out: true\n", []),
    ],
)
def test_files_named_after_an_opt_out(path: str, text: str, found: list[str]) -> None:
    assert [says for says, _ in said(path, text)] == found


# ---------------------------------------------------------------- TDMRep


def test_a_reservation_of_text_and_data_mining() -> None:
    rules = [
        {"location": "/", "tdm-reservation": 1, "tdm-policy": "https://forge.example/policy.json"},
        {"location": "/images/", "tdm-reservation": 0},
        {"location": "/docs/*.pdf$", "tdm-reservation": 1},
        {"location": "/x", "tdm-reservation": "sometimes"},
    ]
    found = [("deny", ""), ("allow", "/images/**"), ("deny", "/docs/**.pdf"), ("unclear", "/x**")]
    assert said(".well-known/tdmrep.json", json.dumps(rules)) == found
    assert said("site/public/.well-known/tdmrep.json", json.dumps(rules[:2])) == [
        ("deny", "/site/public/**"),
        ("allow", "/site/public/images/**"),
    ]


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "[3]", '{"location": 3}', '{"tdm-reservation": true}']
)
def test_a_reservation_that_cannot_be_read_is_unclear(text: str) -> None:
    assert said("tdmrep.json", text) == [("unclear", "")]


# ---------------------------------------------------------------- ai.txt and robots.txt


def test_ai_txt_names_what_is_not_to_be_used() -> None:
    text = "User-Agent: *\nDisallow: *.py\nDisallow: /private # all of it\nAllow: /docs/\n"
    assert said("ai.txt", text) == [("deny", "*.py"), ("deny", "/private**"), ("allow", "/docs/**")]
    assert said("ai.txt", "User-Agent: *\nDisallow: /\n") == [("deny", "")]
    assert said("ai.txt", "User-Agent: *\nDisallow:\n") == [("allow", "")]
    assert said("ai.txt", "# About our product\nIt is green.\n") == [("unclear", "")]
    assert said(".noai", "") == [("deny", "")]


def test_robots_are_read_where_asked_for_and_only_for_collectors_of_training_data() -> None:
    text = (
        "User-agent: *\nDisallow: /admin\n\nUser-agent: GPTBot\nUser-agent: ccbot\nDisallow: /\n\n"
        "User-agent: Searcher\nDisallow: /\nContent-Usage: train-ai=n\nContent-Usage: /blog/ train-ai=y\n"
        "Content-Signal: search=yes, ai-train=no\n"
    )
    assert said("robots.txt", text) == []
    assert said("robots.txt", text, kinds=["robots"]) == [
        ("deny", ""),
        ("deny", ""),
        ("allow", "/blog/**"),
        ("deny", ""),
    ]


# ---------------------------------------------------------------- what is kept


def test_the_observed_text_is_kept_short_and_without_addresses() -> None:
    line = "* ai-training=false owner=somebody" + "@" + "mail.example " + "x" * 600
    (signal,) = signals(".gitattributes", line)
    assert signal["text"].startswith("* ai-training=false <address> xxx")
    assert len(signal["text"]) == 500
    assert signal["digest"] == sha256(line.encode()).hexdigest()
    assert signal["kind"] == "gitattributes"


def test_files_elsewhere_are_not_read() -> None:
    """Their content is null here: whoever read it would fail."""
    table = pa.table(
        {
            "blob": ["0", "1"],
            "path": ["src/a.py", "gitattributes"],
            "content": pa.array([None, None], pa.binary()),
        }
    )
    assert Signals(SignalsConfig()).run(table, StageContext())["signals"].to_pylist() == [[], []]
    assert said(".gitattributes", "* noai", kinds=[]) == []


@pytest.mark.parametrize(
    "path", [".gitattributes", ".github/ai-opt-out", "tdmrep.json", "ai.txt", "robots.txt"]
)
def test_bytes_that_are_no_text_end_nothing(path: str) -> None:
    table = table_of({path: ""}).set_column(2, "content", pa.array([bytes(range(256)) * 400], pa.binary()))
    kinds = ("gitattributes", "github", "tdmrep", "ai-txt", "robots")
    found = Signals(SignalsConfig(kinds=kinds)).run(table, StageContext())["signals"][0].as_py()
    assert all(len(signal["text"]) <= 500 for signal in found)


# ---------------------------------------------------------------- the contract


def test_the_contract_of_an_observer_holds() -> None:
    files = {row["path"]: row["content"] for row in build_corpus()}
    declared = {
        ".gitattributes": "* ai-training=false\n",
        ".github/ai-opt-out": "opt-out: true\n",
        "ai.txt": "x",
    }
    assert_import_budget(COMPONENT)
    config = assert_config_round_trip(COMPONENT, {})
    stage = load_object(COMPONENT.factory)(config)
    assert COMPONENT.writes == (Column("signals", COMPONENT.writes[0].type),)
    with without_network():
        for some in (files, {**files, **declared}):
            table = table_of(some)
            found = stage.run(table, StageContext())
            assert_columns(COMPONENT, table, found)
            assert_partition_independence(COMPONENT, stage, table, digest_of(found))
