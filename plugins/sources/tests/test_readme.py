"""What the README shows is what the collectors accept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bigcode.api import load_object
from bigcode_sources.plugin import bigcode_components

README = (Path(__file__).parents[1] / "README.md").read_text()
COMPONENTS = {c.name: c for c in bigcode_components()}


@pytest.mark.parametrize("name", sorted(COMPONENTS))
def test_each_component_is_shown_at_work(name: str) -> None:
    component = COMPONENTS[name]
    section = README.split(f"## `{name}`\n")[1].split("\n## ")[0]
    blocks = [yaml.safe_load(b) for b in re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)]
    assert blocks[0]["uses"] == name
    assert blocks[0]["version"] == component.version
    for block in blocks:
        config = load_object(component.config).model_validate(block["with"])
        assert load_object(component.factory)(config).config == config
