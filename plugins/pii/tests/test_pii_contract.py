"""The components of this plugin keep the contract of the engine."""

from __future__ import annotations

import pytest

from bigcode.api import Component
from bigcode.testing.contract import assert_contract
from bigcode_pii.plugin import bigcode_components


@pytest.mark.parametrize("component", bigcode_components(), ids=lambda component: component.name)
def test_contract(component: Component) -> None:
    assert component.golden
    assert_contract(component)
