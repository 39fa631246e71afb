"""What SPEC may name, and what is said when it names nothing, or too much."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

COMMANDS = ["validate", "plan", "apply", "show", "graph", "verify", "card", "release"]


@pytest.mark.parametrize("command", COMMANDS)
def test_spec_names_nothing(bench: Any, command: str) -> None:
    found = bench.refused(command, spec="nowhere").only(
        "E001", says="`nowhere` is no folder, no file and no address"
    )
    assert found["hint"] == "An address reads Kind/name@version."


def test_a_folder_that_holds_no_workspace(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    bench.refused("validate", spec=str(tmp_path / "empty")).only(
        "E001", says="is not in a workspace", hint="one Project"
    )


def test_a_file_that_is_in_no_workspace(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text("kind: Dataset\n")
    bench.refused("plan", spec=str(tmp_path / "outside.yaml")).only("E001", says="is not in a workspace")


def test_the_current_folder_is_no_workspace(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path / "empty")
        done = bench.run("validate")
    assert done.code == 2
    assert "E001" in done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_spec_names_several_workspaces(bench: Any, tmp_path: Path, command: str) -> None:
    for name in ("one", "two"):
        shutil.copytree(bench.space, tmp_path / "many" / name)
    found = bench.refused(command, spec="many").only("E002", hint="Name one of them.")
    assert found["message"] == "`many` holds several workspaces: many/one, many/two"


def test_an_address_in_several_workspaces_needs_one_named(bench: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(bench.space, tmp_path / "many" / name)
    bench.refused("plan", "-w", "many", spec="Dataset/tiny").only("E002")
    assert bench.run("plan", "Dataset/tiny", "-w", "many/one").code == 0


@pytest.mark.parametrize(
    "address", ["Dataset/tinny@1.0.0", "Dataset/tiny@9.9.9", "Model/tiny", "Sandwich/tiny"]
)
def test_an_unknown_address(bench: Any, address: str) -> None:
    for command in ("plan", "apply", "show"):
        refusal = bench.refused(command, "-w", str(bench.space), spec=address)
        refusal.only("E003", says=f"`{address}` is not in this workspace", hint="Dataset/tiny@1.0.0")
        assert refusal.ran.code == 2


def test_an_address_whose_workspace_is_not_there(bench: Any) -> None:
    bench.refused("plan", "-w", "nowhere", spec="Dataset/tiny").only(
        "E001", says="there is no folder `nowhere`"
    )


def test_an_ambiguous_address(bench: Any) -> None:
    bench.write("dataset-2.yaml", bench.text("dataset.yaml").replace("version: 1.0.0", "version: 2.0.0"))
    bench.change("card.yaml", "Dataset/tiny", "Dataset/tiny@1.0.0")
    bench.refused("plan", "-w", str(bench.space), spec="Dataset/tiny").only("E003", hint="Dataset/tiny@2.0.0")


@pytest.mark.parametrize("name", ["corpus.jsonl", "optouts/list.json.sig"])
def test_a_file_of_the_workspace_that_declares_no_resource(bench: Any, name: str) -> None:
    for command in ("plan", "apply", "show"):
        bench.refused(command, spec=str(bench.path(name))).only(
            "E003", says="declares no resource", hint="Name the workspace"
        )


@pytest.mark.parametrize("spec", ["tiny", "tiny/", "tiny/dataset.yaml", "tiny/governance", "./tiny/../tiny"])
def test_a_folder_or_a_file_of_a_workspace_names_it(bench: Any, spec: str) -> None:
    assert bench.run("validate", spec).code == 0
    assert bench.run("plan", spec, "--exit-code").code == 0


def test_an_unknown_command_and_an_unknown_option(bench: Any) -> None:
    for argv in (["biuld"], ["plan", "--frobnicate"], ["schema", "Dataset", "Extra"], ["optout", "forget"]):
        done = bench.run(*argv)
        assert done.code == 2
        assert "Usage:" in done.err
        assert "Traceback" not in done.err


def test_a_topic_that_cannot_be_explained(bench: Any) -> None:
    space = str(bench.space)
    for topic in (
        ["E999"],
        ["nonsense"],
        ["Dataset/tiny@1.0.0#nothing"],
        ["Dataset/tiny", "x/y/z:nothing.py"],
    ):
        done = bench.run("explain", *topic, "-w", space)
        assert done.code == 2
        assert done.err.startswith("E004")
        assert "Traceback" not in done.err


def test_a_kind_that_there_is_no_schema_of(bench: Any) -> None:
    done = bench.run("schema", "Datset")
    assert done.code == 3
    assert done.err == "E201  unknown kind `Datset`\n    Did you mean `Dataset`?\n"
