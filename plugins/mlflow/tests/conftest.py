"""Views of runs and nodes, and a store whose tables are there already."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bigcode.api import NodeView, RunView
from bigcode_mlflow.mirror import open_writer


def _node(identifier: str, **more: Any) -> NodeView:
    resource = identifier.partition("#")[0]
    empty = NodeView(identifier, resource.partition("/")[0], resource, "x.y", False, 2.0, {}, {}, {}, [])
    return replace(empty, **more)


@pytest.fixture(scope="session")
def node() -> Callable[..., NodeView]:
    """A node by its id, and what else it has."""
    return _node


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with an empty database of MLflow."""
    store = tmp_path_factory.mktemp("made")
    open_writer(RunView("0", "demo", "bigcode-demo", "d" * 64, store / "runs", store, {}))
    return store


@pytest.fixture
def store(made_store: Path, tmp_path: Path) -> Path:
    shutil.copytree(made_store, tmp_path / "store")
    return tmp_path / "store"
