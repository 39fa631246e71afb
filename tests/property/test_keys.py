"""A rerun has a reason: only what a spec says enters the keys, never how it is written or where the work is done."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from workspaces import copy_space, edit_spec, specs, write_spec

from bigcode.cli import run

FILES = sorted(specs())


@pytest.fixture(scope="module")
def space(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_space(applied_template, tmp_path_factory.mktemp("keys"), store=True)


def shuffled(value: Any, order: random.Random) -> Any:
    """The same mapping with its keys in another order, at every depth."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], order) for key in order.sample(list(value), len(value))}
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


def commented(text: str, order: random.Random) -> str:
    """The same document with remarks and blank lines between its lines and white space behind them."""
    lines = []
    for line in text.splitlines():
        indent = " " * order.randrange(9)
        lines += order.choice([[], [""], [f"{indent}# why: {order.random()}"]])
        lines.append(line + order.choice(["", "  ", "   # a remark"]))
    return "\n".join(lines) + "\n" * order.randrange(1, 4)


def rewritten(value: Any, order: random.Random) -> str:
    """YAML or JSON that means the same; a Project is found by its line `kind: Project`, so it stays in blocks."""
    form = order.choice(["block", "indented"] + ["json"] * (value["kind"] != "Project"))
    if form == "json":
        return json.dumps(shuffled(value, order), indent=order.choice([None, 1, 4]))
    text = yaml.safe_dump(
        shuffled(value, order),
        sort_keys=False,
        default_style=None,
        width=400,
        indent=4 if form == "indented" else 2,
    )
    return order.choice(["", "---\n", "# first\n"]) + commented(text, order)


@settings(max_examples=25)
@given(seeds=st.dictionaries(st.sampled_from(FILES), st.integers(0, 2**32), min_size=1))
def test_how_a_spec_is_written_changes_no_key(space: Path, seeds: dict[str, int]) -> None:
    before = {name: (space / name).read_text() for name in seeds}
    try:
        for name, seed in seeds.items():
            (space / name).write_text(rewritten(yaml.safe_load(before[name]), random.Random(seed)))
        assert run(["plan", str(space), "--exit-code"]) == 0
    finally:
        for name, text in before.items():
            (space / name).write_text(text)


@settings(max_examples=20)
@given(
    execution=st.fixed_dictionaries(
        {},
        optional={
            "executor": st.sampled_from(["auto", "inline", "local", "dask"]),
            "workers": st.integers(1, 64),
            "threadsPerWorker": st.integers(1, 4),
            "address": st.just("tcp://127.0.0.1:8786"),
            "trackers": st.sampled_from([[], ["mlflow"]]),
            "cards": st.just("elsewhere"),
            "releases": st.just("elsewhere"),
        },
    )
)
def test_where_the_work_is_done_changes_no_key(space: Path, execution: dict[str, Any]) -> None:
    path = space / "project.yaml"
    before = path.read_text()
    try:
        edit_spec(path, "execution", value={"store": ".bigcode", **execution})
        assert run(["plan", str(space), "--exit-code"]) == 0
    finally:
        path.write_text(before)


def test_where_the_workspace_lies_changes_no_key(applied: Path, tmp_path: Path) -> None:
    moved = applied.rename(tmp_path / "elsewhere")
    for file in ("optout.yaml", "dataset.yaml"):
        moved.joinpath(file).touch()
    assert run(["plan", str(moved), "--exit-code"]) == 0


def test_a_spec_may_be_in_any_file(applied: Path) -> None:
    (applied / "policies").mkdir()
    (applied / "licenses.yaml").rename(applied / "policies" / "admitted.yml")
    assert run(["plan", str(applied), "--exit-code"]) == 0


IDENTITY_EDITS: list[tuple[str, tuple[str, ...], Any]] = [
    ("snapshot.yaml", ("buckets",), 5),
    ("snapshot.yaml", ("collector", "with", "fileBytes"), 4096),
    ("licenses.yaml", ("allow",), ["MIT"]),
    ("licenses.yaml", ("minConfidence",), 0.5),
    ("optout.yaml", ("scopes",), ["owner"]),
    ("optout.yaml", ("copies",), "keep"),
    ("optout.yaml", ("asOf",), "2026-11-02"),
    ("pii.yaml", ("entities", "EMAIL", "action"), "drop"),
    ("dataset.yaml", ("quality", "rules"), []),
    ("dataset.yaml", ("languages", "include"), ["Python"]),
    ("dataset.yaml", ("dedup", "with", "threshold"), 0.9),
    ("dataset.yaml", ("dedup",), None),
    ("dataset.yaml", ("split", "seed"), 2),
    ("dataset.yaml", ("export", "shardBytes"), 512),
    ("project.yaml", ("smallCell",), 4),
    ("card.yaml", ("template",), "governance-card"),
]


@pytest.mark.parametrize(
    "file, keys, value", IDENTITY_EDITS, ids=lambda v: ".".join(v) if isinstance(v, tuple) else None
)
def test_an_edit_of_what_is_built_is_seen(space: Path, file: str, keys: tuple[str, ...], value: Any) -> None:
    before = (space / file).read_text()
    try:
        edit_spec(space / file, *keys, value=value)
        assert run(["plan", str(space), "--exit-code"]) == 4
    finally:
        (space / file).write_text(before)
    assert run(["plan", str(space), "--exit-code"]) == 0


def test_an_edited_source_is_seen_and_its_time_stamp_is_not(space: Path) -> None:
    corpus = space / "corpus.jsonl"
    before = corpus.read_bytes()
    corpus.write_bytes(before)
    assert run(["plan", str(space), "--exit-code"]) == 0
    corpus.write_bytes(before.replace(b"growing pause", b"longer pause"))
    assert run(["plan", str(space), "--exit-code"]) == 4
    corpus.write_bytes(before)


def test_the_plan_names_the_fields_that_changed(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (space / "dataset.yaml").read_text()
    edit_spec(space / "dataset.yaml", "split", "seed", value=2)
    capsys.readouterr()
    assert run(["plan", str(space), "--json"]) == 0
    steps = {
        node: reason
        for node, _, verb, reason in json.loads(capsys.readouterr().out)["tasks"]
        if verb == "run"
    }
    write_spec(space / "dataset.yaml", yaml.safe_load(before))
    assert steps.pop("Dataset/tiny@1.0.0#decide.ballots") == "spec-changed(split)"
    assert all(reason.startswith("upstream(") for reason in steps.values())
