"""The components of this plugin keep the contract of the engine."""

from __future__ import annotations

import pytest

from bigcode.api import Component, load_object
from bigcode.testing.contract import assert_config_round_trip, assert_contract, assert_import_budget
from bigcode_pii.plugin import bigcode_components

COMPONENTS = {component.name: component for component in bigcode_components()}
BROUGHT = {"pii.ner"}
"""Observers that need what only a user can bring; `test_ner` runs them."""


@pytest.mark.parametrize(
    "component",
    [c for c in COMPONENTS.values() if c.slot == "observer" and c.name not in BROUGHT],
    ids=lambda c: c.name,
)
def test_contract(component: Component) -> None:
    assert component.golden
    assert_contract(component)


@pytest.mark.parametrize("component", COMPONENTS.values(), ids=lambda c: c.name)
def test_all_are_cheap_to_load_and_their_settings_survive_json(component: Component) -> None:
    assert_import_budget(component)
    assert_config_round_trip(component, {})
    assert load_object(component.factory)


def test_the_contract_holds_for_other_settings_too() -> None:
    assert_contract(COMPONENTS["pii.gated"], settings={"copyrightNames": True, "entities": ["NAME", "KEY"]})
