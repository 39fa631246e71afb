"""Fixtures for authors of plugins; `pytest_plugins = ["bigcode.testing.pytest_plugin"]` in a conftest brings them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bigcode.testing.contract import assert_contract, without_network
from bigcode.testing.corpus import build_corpus


@pytest.fixture
def tiny_corpus() -> list[dict[str, Any]]:
    """The rows of the tiny corpus."""
    return build_corpus()


@pytest.fixture
def contract() -> Callable[..., None]:
    """`contract(component)` checks a component as `assert_contract` does."""
    return assert_contract


@pytest.fixture
def no_network() -> Any:
    """Opening a socket raises for the length of the test."""
    with without_network():
        yield
