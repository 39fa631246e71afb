"""What trains again and what does not: keys of pinned nodes, over specs alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from model_workspaces import model_specs
from workspaces import data_workspace, edit_spec, specs, write_spec

from bigcode.host.manager import load_host
from bigcode.plan.keys import pin_keys
from bigcode.run.session import open_session
from bigcode.spec.workspace import load_workspace

PUE = {"value": 1.5, "source": "a test", "asOf": "2026-11-01"}
TRAIN = "Model/tiny@1.0.0#train"


@pytest.fixture
def space(tmp_path: Path) -> Path:
    """A workspace with a model and two versions of its dataset."""
    space = data_workspace(tmp_path)
    for file, value in model_specs().items():
        write_spec(space / file, value)
    for file in ("card.yaml",):
        (space / file).unlink()
    second = specs()["dataset.yaml"]
    second["metadata"]["version"] = "1.1.0"
    write_spec(space / "dataset-2.yaml", second)
    return space


def pins(space: Path) -> dict[str, str]:
    host = load_host()
    return pin_keys(open_session(load_workspace(space, host.registry), host).graph())


def set_data(space: Path) -> None:
    edit_spec(space / "model.yaml", "data", value=[{"dataset": "Dataset/tiny@1.1.0"}])


def set_tokenizer_data(space: Path) -> None:
    edit_spec(space / "tokenizer.yaml", "dataset", value="Dataset/tiny@1.1.0")


def set_seed(space: Path) -> None:
    edit_spec(space / "model.yaml", "seed", value=2)


@pytest.mark.parametrize("edit", [set_data, set_tokenizer_data, set_seed])
def test_an_edit_of_what_a_model_is_made_from_trains_it_again(
    space: Path, edit: Callable[[Path], None]
) -> None:
    before = pins(space)
    edit(space)
    assert pins(space)[TRAIN] != before[TRAIN]


def set_opt_out(space: Path) -> None:
    edit_spec(space / "optout.yaml", "asOf", value="2026-11-02")


def set_rules(space: Path) -> None:
    edit_spec(space / "dataset.yaml", "quality", "rules", value=[])


def set_runtime(space: Path) -> None:
    edit_spec(space / "model.yaml", "runtime", value={"launcher": "subprocess", "processes": 1})


@pytest.mark.parametrize("edit", [set_opt_out, set_rules, set_runtime])
def test_what_becomes_of_the_data_or_where_it_runs_trains_nothing(
    space: Path, edit: Callable[[Path], None]
) -> None:
    before = pins(space)
    edit(space)
    assert pins(space)[TRAIN] == before[TRAIN]


def identities(space: Path) -> dict[str, Any]:
    host = load_host()
    graph = open_session(load_workspace(space, host.registry), host).graph()
    return {name: node.identity for name, node in graph.nodes.items()}


@pytest.mark.parametrize(
    ("file", "field", "value", "node"),
    [
        ("license.yaml", "title", "Another title", "License/tiny-openrail@1.0.0#text"),
        ("license.yaml", "licensor", "somebody", "License/tiny-openrail@1.0.0#text"),
        (
            "emissions.yaml",
            "pue",
            {"value": 1.5, "source": "a test", "asOf": "2026-11-01"},
            "Release/tiny@1.0.0#emissions",
        ),
    ],
)
def test_what_a_document_says_is_identity(space: Path, file: str, field: str, value: Any, node: str) -> None:
    before = identities(space)
    edit_spec(space / file, field, value=value)
    after = identities(space)
    assert [name for name in after if after[name] != before[name]] == [node]


@pytest.mark.parametrize(
    ("file", "field", "value"),
    [
        ("license.yaml", "notes", "a remark"),
        ("emissions.yaml", "scope", ["training"]),
        ("model.yaml", "notes", "a remark"),
    ],
)
def test_prose_is_in_no_identity(space: Path, file: str, field: str, value: Any) -> None:
    before = identities(space)
    edit_spec(space / file, field, value=value)
    assert yaml.safe_load((space / file).read_text())["spec"][field] == value
    assert identities(space) == before
