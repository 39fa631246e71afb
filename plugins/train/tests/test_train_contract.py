"""Loading this plugin costs nothing, and its settings survive JSON."""

from __future__ import annotations

import pytest

from bigcode.api import Component
from bigcode.testing.contract import assert_config_round_trip, assert_import_budget
from bigcode_train.plugin import bigcode_components

COMPONENTS = pytest.mark.parametrize("component", bigcode_components(), ids=lambda component: component.name)


@COMPONENTS
def test_loading_imports_nothing_heavy(component: Component) -> None:
    assert_import_budget(component)


@COMPONENTS
def test_settings_survive_json(component: Component) -> None:
    assert_config_round_trip(component, {})
