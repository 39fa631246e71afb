"""Plugins are loaded in isolation, and what they offer is frozen."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from bigcode.api.components import Command, Component
from bigcode.api.diagnostics import Diagnostic, Place, Problem
from bigcode.api.hooks import hookimpl
from bigcode.host.manager import GROUP, load_host
from bigcode.host.registry import Registry

HERE = Place("s.yaml", 3, 7)


def component(name: str, version: int = 1, **more: Any) -> Component:
    return Component(
        name, version, "observer", more.pop("factory", "os:getcwd"), more.pop("config", "json:loads"), **more
    )


class Modules:
    """Modules that exist for one test, as entry points."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def point(self, plugin: str, module: str = "", **members: Any) -> EntryPoint:
        name = module or f"made_for_a_test_{plugin}"
        made = types.ModuleType(name)
        vars(made).update(members)
        sys.modules[name] = made
        self.names.append(name)
        return EntryPoint(plugin, name, GROUP)

    def offering(self, plugin: str, *components: Component, **members: Any) -> EntryPoint:
        return self.point(plugin, bigcode_components=hookimpl(lambda: components), **members)


@pytest.fixture
def modules() -> Iterator[Modules]:
    made = Modules()
    yield made
    for name in made.names:
        del sys.modules[name]


def code_of(registry: Registry, *arguments: Any) -> tuple[str, str]:
    with pytest.raises(Problem) as error:
        registry.find(*arguments)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.place == HERE
    assert diagnostic.hint
    return diagnostic.code, diagnostic.message


def test_what_is_offered_is_found_by_its_name(modules: Modules) -> None:
    host = load_host([modules.offering("acme", component("acme.one"), component("acme.two", 3))])
    assert host.plugins == (("acme", "?", "?"),)
    assert host.registry.find("acme.two", 3, HERE).version == 3
    assert host.registry.find("acme.two").version == 3
    assert list(host.registry.offers) == ["acme.one", "acme.two"]


def test_the_registry_is_frozen(modules: Modules) -> None:
    registry = load_host([modules.offering("acme", component("acme.one"))]).registry
    with pytest.raises(TypeError):
        registry.offers["acme.one"] = registry.offers["acme.one"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        registry.broken = ()  # type: ignore[misc]


def test_the_order_in_which_plugins_are_installed_does_not_matter(modules: Modules) -> None:
    points = [modules.offering(name, component(f"{name}.x")) for name in ("c", "a", "b")]
    one, two = load_host(points), load_host(points[::-1])
    assert one.plugins == two.plugins
    assert list(one.registry.offers) == list(two.registry.offers) == ["a.x", "b.x", "c.x"]


def test_what_is_not_offered(modules: Modules) -> None:
    registry = load_host([modules.offering("acme", component("acme.names"))]).registry
    assert code_of(registry, "acme.nmaes", 1, HERE) == ("E302", "unknown component `acme.nmaes`")
    assert code_of(registry, "acme.names", 2, HERE)[0] == "E306"
    assert code_of(Registry(), "anything", 1, HERE)[0] == "E302"


def test_one_that_raises_harms_nobody_else(modules: Modules) -> None:
    def fail() -> Any:
        raise ZeroDivisionError("on purpose")

    points = [
        modules.offering("good", component("good.one")),
        modules.point("raises", bigcode_components=hookimpl(fail)),
        modules.point("wrong", bigcode_components=hookimpl(lambda: [component("wrong.one"), 3])),
        modules.point("commands", bigcode_commands=hookimpl(lambda: ["dance"])),
        EntryPoint("absent", "a_module_that_is_not_here", GROUP),
        EntryPoint("nameless", "made_for_a_test_good:nothing", GROUP),
    ]
    host = load_host(points)
    assert [name for name, _, _ in host.plugins] == ["good"]
    assert {b.plugin: b.code for b in host.registry.broken} == dict.fromkeys(
        ("absent", "commands", "nameless", "raises", "wrong"), "E303"
    )
    assert list(host.registry.offers) == ["good.one"]
    assert code_of(host.registry, "raises.anything", 1, HERE) == (
        "E303",
        "plugin `raises` cannot be loaded: ZeroDivisionError: on purpose",
    )
    assert all("Traceback" in broken.trace for broken in host.registry.broken)
    assert {name for name, plugin in host.hooks.list_name_plugin() if plugin} == {"good"}, (
        "nor is it asked later"
    )


@pytest.mark.parametrize(
    ("wanted", "loaded"),
    [
        ("", True),
        (">=1.0", True),
        (">=1.0,<2", True),
        ("~=1.0", True),
        ("==1.0", True),
        (">=2.0", False),
        ("==0.9", False),
    ],
)
def test_a_plugin_says_which_interface_it_is_made_for(modules: Modules, wanted: str, loaded: bool) -> None:
    registry = load_host([modules.offering("acme", component("acme.one"), requires_api=wanted)]).registry
    assert ("acme.one" in registry.offers) == loaded
    if not loaded:
        assert code_of(registry, "acme.one", 1, HERE)[0] == "E304"


def test_a_name_that_is_claimed_twice_is_nobodys(modules: Modules) -> None:
    one = modules.offering("acme", component("acme.one"))
    two = modules.point(
        "acme", "made_for_a_test_other", bigcode_components=hookimpl(lambda: (component("acme.two"),))
    )
    host = load_host([one, two])
    assert (host.plugins, dict(host.registry.offers)) == ((), {})
    code, message = code_of(host.registry, "acme.one", 1, HERE)
    assert code == "E301"
    assert one.value in message
    assert two.value in message


def test_a_component_that_is_claimed_twice_is_nobodys_and_the_rest_is_offered(modules: Modules) -> None:
    points = [
        modules.offering("one", component("shared"), component("one.own")),
        modules.offering("two", component("shared", 2)),
    ]
    registry = load_host(points).registry
    assert list(registry.offers) == ["one.own"]
    assert code_of(registry, "shared", 1, HERE) == (
        "E301",
        "component `shared` is claimed by one (?) and two (?)",
    )


def test_a_command_that_is_claimed_twice_is_nobodys(modules: Modules) -> None:
    points = [
        modules.point(name, bigcode_commands=hookimpl(lambda: (Command("dance", "Dance.", "a:b"),)))
        for name in ("one", "two")
    ]
    registry = load_host(points).registry
    assert dict(registry.commands) == {}
    assert dict(registry.contested_commands) == {"dance": ("one (?)", "two (?)")}


def test_what_a_component_names_is_imported_when_it_is_asked_for(modules: Modules) -> None:
    registry = load_host(
        [
            modules.offering(
                "acme",
                component("acme.good"),
                component("acme.bad", factory="nowhere:X", config="json:nothing"),
            )
        ]
    ).registry
    assert callable(registry.factory_of(registry.find("acme.good")))
    for look in (registry.factory_of, registry.config_of):
        with pytest.raises(Problem, match=r"E303  `acme\.bad` of plugin `acme` cannot be loaded"):
            look(registry.find("acme.bad"))


def test_checks_of_plugins_are_asked_each_for_itself(modules: Modules) -> None:
    def look(resource: Any, workspace: Any) -> Any:
        return [Diagnostic("E105", f"{resource} of {len(workspace)}")]

    def fail(resource: Any) -> Any:
        raise KeyError(resource)

    registry = load_host(
        [
            modules.point("fails", bigcode_validate=hookimpl(fail)),
            modules.point("looks", bigcode_validate=hookimpl(look)),
            modules.point("silent", bigcode_validate=hookimpl(lambda resource: ())),
        ]
    ).registry
    found = list(registry.checks("thing", {"a": 1}))
    assert sorted((d.code, d.message) for d in found) == [
        ("E105", "thing of 1"),
        ("E303", "the check of plugin `fails` failed: KeyError: 'thing'"),
    ]
    assert list(Registry().checks("thing", {})) == []


def test_the_built_in_plugins_are_whole() -> None:
    host = load_host()
    assert (host.registry.broken, dict(host.registry.contested)) == ((), {})
    for offer in host.registry.offers.values():
        assert offer.component.name.split(".")[0] == offer.plugin, (
            "so that a broken plugin can be named for it"
        )
        host.registry.config_of(offer.component)
