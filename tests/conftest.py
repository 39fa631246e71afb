"""What tests of the whole engine share: a tiny workspace, blank or applied, and quick settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from workspaces import apply, copy_space, data_workspace

settings.register_profile(
    "bigcode",
    derandomize=True,
    deadline=None,
    database=None,
    # Fixtures that are shared by the examples of a property are stores, which every example adds to.
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
    ],
)
settings.load_profile("bigcode")


@pytest.fixture(autouse=True, scope="session")
def quick_disk() -> Iterator[None]:
    """What a dead process wrote is there without syncing; only a power cut could tell the difference."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session")
def blank_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_workspace(tmp_path_factory.mktemp("blank"))


@pytest.fixture(scope="session")
def applied_template(blank_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = copy_space(blank_template, tmp_path_factory.mktemp("applied"), store=True)
    apply(space)
    return space


@pytest.fixture
def blank(blank_template: Path, tmp_path: Path) -> Path:
    """A data-only workspace with an empty opt-out list that was never applied."""
    return copy_space(blank_template, tmp_path, store=True)


@pytest.fixture
def applied(applied_template: Path, tmp_path: Path) -> Path:
    """The same workspace after one apply."""
    return copy_space(applied_template, tmp_path, store=True)


@pytest.fixture(autouse=True)
def _no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIGCODE_FAULT", raising=False)


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the next run of this process fail at a named point, once; an empty name takes it back."""
    from bigcode.run import faults

    def set_fault(wanted: str) -> None:
        faults.reset()
        monkeypatch.setenv("BIGCODE_FAULT", wanted)

    return set_fault
