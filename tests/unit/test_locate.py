"""From SPEC to a workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from bigcode.api.diagnostics import Problem
from bigcode.spec.locate import locate, repository_root

PROJECT = "apiVersion: bigcode/v1\nkind: Project\nmetadata: {name: p}\nspec: {title: P}\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two workspaces, in which the commands stand."""
    (tmp_path / ".git").mkdir()
    for name in ("one", "two"):
        (tmp_path / "specs" / name / "datasets").mkdir(parents=True)
        (tmp_path / "specs" / name / "project.yaml").write_text(PROJECT)
        (tmp_path / "specs" / name / "datasets" / "d.yaml").write_text("kind: Dataset\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def code_of(spec: str, workspace: str = "") -> str:
    with pytest.raises(Problem) as error:
        locate(spec, workspace)
    (diagnostic,) = error.value.diagnostics
    assert error.value.exit_code == 2
    return diagnostic.code


@pytest.mark.parametrize(
    "spec",
    ["specs/one", "specs/one/", "specs/one/datasets", "specs/one/datasets/d.yaml", "specs/one/project.yaml"],
)
def test_a_folder_or_file_of_a_workspace_names_it(root: Path, spec: str) -> None:
    target = locate(spec)
    assert target.root.resolve() == root / "specs" / "one"
    assert target.address == ""
    assert (target.file is not None) == spec.endswith("yaml")


def test_an_address_is_of_the_workspace_named_or_of_the_current_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert locate("Dataset/d@1.0.0", "specs/two").address == "Dataset/d@1.0.0"
    assert code_of("Dataset/d") == "E002"
    monkeypatch.chdir(root / "specs" / "two" / "datasets")
    assert locate("Dataset/d").root.resolve() == root / "specs" / "two"
    assert locate("").root.resolve() == root / "specs" / "two"


def test_a_folder_that_looks_like_an_address_is_a_folder(root: Path) -> None:
    (root / "Dataset" / "d").mkdir(parents=True)
    assert code_of("Dataset/d") == "E001"


@pytest.mark.parametrize(
    "spec", ["nowhere", "specs/none", "specs/one/none.yaml", "Dataset", "dataset/d", "Dataset/D@1"]
)
def test_what_names_nothing(root: Path, spec: str) -> None:
    assert code_of(spec) == "E001"


@pytest.mark.parametrize("spec", ["", ".", "specs"])
def test_what_names_several(root: Path, spec: str) -> None:
    assert code_of(spec) == "E002"


def test_the_search_for_a_workspace_ends_at_the_checkout(root: Path) -> None:
    inner = root / "specs" / "one" / "vendored"
    (inner / ".git").mkdir(parents=True)
    (inner / "x.yaml").write_text("a: 1\n")
    assert code_of(str(inner / "x.yaml")) == "E001"


@pytest.mark.parametrize(
    "text",
    [
        "kind: Project\n",
        "kind: Project  # the one\n",
        "kind:   'Project'\n",
        '"kind": "Project"\n',
        "\ufeffkind: Project\n",
        "apiVersion: bigcode/v1\r\nkind: Project\r\n",
    ],
)
def test_a_project_is_known_however_it_is_written(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.yml").write_bytes(text.encode())
    assert locate(str(tmp_path)).root == tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "kind: Projects\n",
        "  kind: Project\n",
        "# kind: Project\n",
        "note: |\n  kind: Project\n",
        "kind: AppProject\n",
    ],
)
def test_what_only_looks_like_a_project_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    assert code_of(str(tmp_path)) == "E001"


def test_hidden_folders_folders_of_tools_and_bundles_are_not_looked_into(root: Path) -> None:
    for folder in (".bigcode", ".venv/lib", "node_modules/x", "evidence/specs"):
        (root / "specs" / "one" / folder).mkdir(parents=True)
        (root / "specs" / "one" / folder / "project.yaml").write_text(PROJECT)
    (root / "specs" / "one" / "evidence" / "bundle.json").write_text("{}")
    assert locate("specs/one").root == Path("specs/one")


def test_what_cannot_be_read_does_not_stop_the_search(root: Path) -> None:
    (root / "specs" / "one" / "a.yaml").symlink_to("gone.yaml")
    (root / "specs" / "one" / "folder.yaml").mkdir()
    assert locate("specs/one/datasets/d.yaml").root.resolve() == root / "specs" / "one"
    assert locate("specs/one").root == Path("specs/one")


def test_the_root_of_the_checkout(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert repository_root(root / "specs" / "one") == root
    assert repository_root(tmp_path_factory.mktemp("bare")) is None
