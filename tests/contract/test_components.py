"""Every component of every installed plugin keeps the contract that authors of plugins are held to."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from bigcode.api import Component, load_object
from bigcode.host.manager import GROUP, load_host
from bigcode.spec.text import parse_document
from bigcode.testing.contract import HEAVY, assert_contract

PLUGINS = Path(__file__).parents[2] / "plugins"
OFFERS = load_host().registry.offers
COMPONENTS = [offer.component for offer in OFFERS.values()]
STAGES = [c for c in COMPONENTS if c.slot in ("observer", "clusterer") and c.deterministic]
OWN = ("numpy", "tokenizers", "datasets", "enry", "re2", "unearth", "licenseclassifier")
"""What only the implementations of single plugins need."""
NAMES = sorted(point.name for point in entry_points(group=GROUP))


def named(component: Component) -> str:
    return component.name


def test_all_plugins_of_the_repository_are_installed_and_none_is_broken() -> None:
    host = load_host()
    assert host.registry.broken == ()
    assert host.registry.contested == {}
    assert sorted(p.name for p in PLUGINS.iterdir() if (p / f"bigcode_{p.name}").is_dir()) == NAMES


@pytest.mark.parametrize("component", STAGES, ids=named)
def test_a_stage_keeps_the_contract(component: Component) -> None:
    assert component.golden, f"{component.name} has no golden digest; `golden_of` gives it"
    assert_contract(component)


def test_loading_all_plugins_and_their_settings_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from bigcode.host.manager import load_host\n"
        "registry = load_host().registry\n"
        "for offer in registry.offers.values():\n"
        "    registry.config_of(offer.component)\n"
        f"print(*sorted({{*{HEAVY!r}, *{OWN!r}}} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("component", COMPONENTS, ids=named)
def test_settings_load_and_their_schema_reads_back(component: Component) -> None:
    model = load_object(component.config)
    schema = model.model_json_schema(by_alias=True)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["additionalProperties"] is False
    required = set(schema.get("required", ()))
    if not required:
        settings = model().model_dump(mode="json", by_alias=True)
        assert set(settings) == set(schema.get("properties", {}))
        assert model.model_validate(json.loads(json.dumps(settings))) == model()


@pytest.mark.parametrize("component", COMPONENTS, ids=named)
def test_a_component_is_told_in_a_line_and_loads_when_asked_for(component: Component) -> None:
    assert component.summary
    assert "\n" not in component.summary
    assert component.version >= 1
    assert callable(load_object(component.factory))


@pytest.mark.parametrize("name", NAMES)
def test_a_readme_names_all_that_a_plugin_offers(name: str) -> None:
    readme = PLUGINS / name / "README.md"
    assert readme.is_file(), f"plugins/{name} has no README.md"
    text = readme.read_text(encoding="utf-8")
    offered = [offer.component.name for offer in OFFERS.values() if offer.plugin == name]
    assert [component for component in offered if component not in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_examples_of_a_readme_are_settings_that_the_component_takes(name: str) -> None:
    for block in yaml_blocks((PLUGINS / name / "README.md").read_text(encoding="utf-8")):
        document, found = parse_document(block, f"plugins/{name}/README.md")
        assert not found, found
        assert document is not None
        value = document.value
        if isinstance(value, dict):
            value = value.get("dedup", value)
        if isinstance(value, dict) and "uses" in value:
            model = load_object(OFFERS[value["uses"]].component.config)
            model.model_validate(value.get("with", {}))


def yaml_blocks(text: str) -> list[str]:
    """The fenced YAML blocks of a Markdown text."""
    return [part.partition("```")[0] for part in text.split("```yaml\n")[1:]]
