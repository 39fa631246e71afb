"""Plugins that do not behave: what does not use them goes on."""

from __future__ import annotations

from typing import Any

import pytest

OFFER = """
from bigcode.api import Component, hookimpl

@hookimpl
def bigcode_components():
    return (Component(name="{name}", version=1, slot="observer", factory="{factory}", config="{config}", grain="blob"),)
"""
GOOD_CONFIG = "bigcode_quality.config:QualityConfig"


def offer(name: str, factory: str = "nowhere:Nothing", config: str = "nowhere:Nothing") -> str:
    return OFFER.format(name=name, factory=factory, config=config)


BROKEN = {
    "raises": ("raise RuntimeError('no such luck')", "E303", "RuntimeError: no such luck"),
    "misses a library": ("import a_library_that_is_not_here", "E303", "ModuleNotFoundError"),
    "is not Python": ("def (:\n", "E303", "SyntaxError"),
    "ends the program": ("import sys; sys.exit(3)", "E303", "SystemExit: 3"),
    "raises when it is asked": (
        "def bigcode_components():\n    raise KeyError('components')\n",
        "E303",
        "KeyError: 'components'",
    ),
    "returns no components": (
        "def bigcode_components():\n    return ['acme.thing']\n",
        "E303",
        "bigcode_components returned a str, not a Component",
    ),
    "returns nothing": ("def bigcode_components():\n    return None\n", "E303", "TypeError"),
    "has a hook of another form": (
        "from bigcode.api import hookimpl\n@hookimpl\ndef bigcode_run_started(runner):\n    pass\n",
        "E303",
        "PluginValidationError",
    ),
    "asks for another interface": ("requires_api = '>=7.0,<8'\n", "E304", "bigcode.api >=7.0,<8"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_that_nothing_uses_is_a_warning_in_the_list(bench: Any, site: Any, name: str) -> None:
    code, number, reason = BROKEN[name]
    site.install("acme-plugin", "acme", code)
    listed = bench.run("plugins", "list")
    assert listed.code == 0
    assert "pii.patterns" in listed.out
    assert listed.err.startswith(f"warning: {number}  plugin `acme` of acme-plugin 1.0: ")
    assert reason in listed.err
    assert "Traceback" not in listed.err
    (told,) = [b for b in bench.run("plugins", "list", "--json").document["broken"] if b["name"] == "acme"]
    assert told["code"] == number
    for command in ("validate", "plan", "apply", "show", "verify"):
        done = bench.run(command, str(bench.space))
        assert (done.code, "acme" in done.err + done.out) == (0, False), done.err
    site.uninstall()


@pytest.mark.parametrize("name", ["raises", "ends the program", "returns no components"])
def test_a_broken_plugin_that_a_spec_uses_is_an_error_there(bench: Any, site: Any, name: str) -> None:
    code, number, reason = BROKEN[name]
    site.install("acme-plugin", "acme", code)
    bench.change("pii.yaml", "pii.patterns", "acme.names")
    at = bench.spot("pii.yaml", "acme.names")
    for command in ("validate", "plan", "apply"):
        found = bench.refused(command).only(number, at=at, says=reason, hint="acme-plugin 1.0")
        assert "plugins list --debug" in found["hint"]
    site.uninstall()


def test_the_traceback_of_a_broken_plugin_is_for_debug(bench: Any, site: Any) -> None:
    module = site.install("acme-plugin", "acme", "raise RuntimeError('no such luck')")
    listed = bench.run("plugins", "list", "--debug")
    assert listed.code == 0
    assert f"{module}.py" in listed.err
    assert "Traceback" in listed.err
    site.uninstall()


def test_an_unknown_component_may_be_one_of_a_plugin_that_was_not_loaded(bench: Any, site: Any) -> None:
    site.install("acme-plugin", "acme", "raise RuntimeError('no such luck')")
    bench.change("pii.yaml", "pii.patterns", "zebra")
    at = bench.spot("pii.yaml", "zebra")
    bench.refused("validate").only("E302", at=at, hint="could not be loaded: acme")
    site.uninstall()


def test_two_plugins_with_one_name_are_both_left_out(bench: Any, site: Any) -> None:
    site.install("acme-one", "acme", offer("acme.names"))
    site.install("acme-two", "acme", offer("acme.words"))
    listed = bench.run("plugins", "list")
    assert listed.code == 0
    assert "E301  plugin `acme` of acme-one 1.0 and acme-two 1.0: the name is claimed by" in listed.err
    assert "acme" not in listed.out
    assert bench.run("apply", str(bench.space)).code == 0
    bench.change("pii.yaml", "pii.patterns", "acme.names")
    at = bench.spot("pii.yaml", "acme.names")
    found = bench.refused("validate").only("E301", at=at, hint="Uninstall one of them")
    assert "acme-one 1.0 and acme-two 1.0" in found["message"]
    site.uninstall()


def test_a_plugin_that_takes_the_name_of_a_built_in_one_is_named_with_it(bench: Any, site: Any) -> None:
    site.install("impostor", "pii", offer("pii.other"))
    found = bench.refused("validate").only("E301", at=bench.spot("pii.yaml", "pii.patterns"))
    assert "bigcode 0.1.0 and impostor 1.0" in found["message"]
    site.uninstall()


def test_two_plugins_with_one_component_are_an_error_where_it_is_used(bench: Any, site: Any) -> None:
    site.install("impostor", "impostor", offer("pii.patterns"))
    listed = bench.run("plugins", "list")
    assert listed.code == 0
    assert "E301  component `pii.patterns` is claimed by impostor (impostor) and pii (bigcode)" in listed.err
    contested = bench.run("plugins", "list", "--json").document["contested"]
    assert contested == {"pii.patterns": ["impostor (impostor)", "pii (bigcode)"]}
    at = bench.spot("pii.yaml", "pii.patterns")
    bench.refused("apply").only(
        "E301", at=at, says="impostor (impostor) and pii (bigcode)", hint="neither is loaded"
    )
    site.uninstall()


def test_two_plugins_with_one_command_have_neither(bench: Any, site: Any) -> None:
    code = "from bigcode.api import Command\ndef bigcode_commands():\n    return (Command('dance', 'Dance.', 'x:y'),)\n"
    site.install("acme-one", "one", code)
    site.install("acme-two", "two", code)
    assert (
        "command `dance` is claimed by one (acme-one) and two (acme-two)" in bench.run("plugins", "list").err
    )
    assert bench.run("dance").code == 2
    site.uninstall()


def test_settings_that_cannot_be_imported_are_a_fault_of_the_plugin(bench: Any, site: Any) -> None:
    site.install("acme-plugin", "acme", offer("acme.names"))
    bench.change("pii.yaml", "pii.patterns", "acme.names")
    at = bench.spot("pii.yaml", "acme.names")
    found = bench.refused("validate").only(
        "E303", at=at, says="No module named 'nowhere'", hint="acme-plugin 1.0"
    )
    assert "`acme.names` of plugin `acme` cannot be loaded" in found["message"]
    site.uninstall()


def test_settings_that_cannot_be_checked_are_a_fault_of_the_plugin(bench: Any, site: Any) -> None:
    code = offer("acme.names", config="acme_plugin_module:Settings") + (
        "from bigcode.api import Config\nfrom pydantic import field_validator\n"
        "class Settings(Config):\n    words: str = ''\n    @field_validator('words')\n"
        "    @classmethod\n    def look(cls, value):\n        return {}[value]\n"
    )
    site.install("acme-plugin", "acme", code)
    bench.change(
        "pii.yaml",
        "uses: pii.patterns\n    version: 1",
        "uses: acme.names\n    version: 1\n    with: {words: x}",
    )
    at = bench.spot("pii.yaml", "{words")
    bench.refused("validate").only("E303", at=at, says="KeyError: 'x'", hint="fault of the plugin")
    site.uninstall()


def test_a_check_of_a_plugin_adds_its_findings_and_one_that_raises_is_one(bench: Any, site: Any) -> None:
    site.install(
        "strict-plugin", "strict",
        "from bigcode.api import Diagnostic, hookimpl\n@hookimpl\ndef bigcode_validate(resource, workspace):\n"
        "    if resource.kind == 'Dataset':\n"
        "        yield Diagnostic('E105', f'{len(workspace)} resources are too few')\n",
    )  # fmt: skip
    at = bench.spot("dataset.yaml", "apiVersion")
    bench.refused("validate").only("E105", at=at, says="7 resources are too few")
    site.install(
        "clumsy-plugin", "clumsy",
        "from bigcode.api import hookimpl\n@hookimpl\ndef bigcode_validate(resource):\n"
        "    1 // (resource.kind != 'Card')\n    return ()\n",
    )  # fmt: skip
    found = bench.refused("validate").found
    assert [d["code"] for d in found] == ["E303", "E105"]
    assert found[0]["message"].startswith("the check of plugin `clumsy` failed: ZeroDivisionError")
    site.uninstall()


def test_a_collector_that_fails_while_a_plan_is_made(bench: Any, site: Any) -> None:
    code = offer("acme.source", "acme_plugin_module:Source", "acme_plugin_module:Settings").replace(
        "observer", "collector"
    ) + (
        "from bigcode.api import Config\nclass Settings(Config):\n    pass\n"
        "class Source:\n    def __init__(self, config):\n        pass\n    def units(self):\n        return [1][1]\n"
    )
    site.install("acme-plugin", "acme", code)
    bench.write(
        "second.yaml",
        "apiVersion: bigcode/v1\nkind: Snapshot\nmetadata: {name: second}\nspec:\n  collector: {uses: acme.source}\n",
    )
    at = bench.spot("second.yaml", "{uses")
    bench.refused("plan").only("E303", at=at, says="IndexError", hint="fault of the plugin")
    site.uninstall()


def test_an_observer_that_fails_at_work_is_named_and_what_was_done_stays(bench: Any, site: Any) -> None:
    code = offer("acme.names", "acme_plugin_module:Observer", GOOD_CONFIG) + (
        "class Observer:\n    def __init__(self, config):\n        pass\n"
        "    def run(self, table, ctx):\n        raise ValueError('no')\n"
    )
    site.install("acme-plugin", "acme", code)
    bench.change("pii.yaml", "pii.patterns", "acme.names")
    refusal = bench.refused("apply")
    assert {d["code"] for d in refusal.found} == {"E502"}
    assert all("Dataset/tiny@1.0.0#observe.pii" in d["message"] for d in refusal.found)
    assert all("ValueError: no" in d["message"] for d in refusal.found)
    assert refusal.ran.code == 1
    site.uninstall()
