"""The frozen registry: components by name and behaviour version, and who offers them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bigcode.api.components import Command, Component, load_object
from bigcode.api.diagnostics import Diagnostic, Place, Problem, fail

Check = Callable[[Any, Mapping[str, Any]], Iterable[Diagnostic]]


@dataclass(frozen=True, slots=True)
class Offer:
    """A component with the plugin and distribution that it comes from."""

    component: Component
    plugin: str
    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that could not be loaded; `trace` is for --debug."""

    plugin: str
    distribution: str
    code: str
    reason: str
    trace: str = ""


def no_checks(resource: Any, workspace: Mapping[str, Any]) -> Iterable[Diagnostic]:
    """The checks of no plugin."""
    return ()


@dataclass(frozen=True, slots=True)
class Registry:
    """What specs can name. Passed as a value; there is no global one.

    `contested` and `contested_commands` hold who claims a name, where several do; `checks` are the plugins' own
    checks of a resource, given with all resources by address.
    """

    offers: Mapping[str, Offer] = field(default_factory=lambda: MappingProxyType({}))
    commands: Mapping[str, Command] = field(default_factory=lambda: MappingProxyType({}))
    broken: tuple[Broken, ...] = ()
    contested: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    contested_commands: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    checks: Check = no_checks

    def find(self, name: str, version: int | None = None, place: Place | None = None) -> Component:
        """The component that a spec names.

        Raises:
            Problem: E301 contested, E303 broken plugin, E302 unknown, E306 another behaviour version.
        """
        if name in self.contested:
            raise fail(
                "E301",
                f"component `{name}` is claimed by {' and '.join(self.contested[name])}",
                place,
                "Uninstall one of them; neither is loaded.",
            )
        offer = self.offers.get(name)
        if offer is None:
            raise self._absent(name, place)
        if version is not None and offer.component.version != version:
            raise fail(
                "E306",
                f"`{name}` has behaviour version {offer.component.version}, the spec asks for {version}",
                place,
                f"Install a plugin that offers version {version}, "
                f"or review the change and write `version: {offer.component.version}`.",
            )
        return offer.component

    def config_of(self, component: Component) -> type[Any]:
        """The config class of a component.

        Raises:
            Problem: E303 when it cannot be imported.
        """
        loaded: type[Any] = self._load(component, component.config)
        return loaded

    def factory_of(self, component: Component) -> Any:
        """What makes the implementation of a component from its config.

        Raises:
            Problem: E303 when it cannot be imported.
        """
        return self._load(component, component.factory)

    def _load(self, component: Component, reference: str) -> Any:
        try:
            return load_object(reference)
        except Exception as error:
            offer = self.offers[component.name]
            raise fail(
                "E303",
                f"`{component.name}` of plugin `{offer.plugin}` cannot be loaded: {type(error).__name__}: {error}",
                hint=f"It comes from {offer.distribution} {offer.version}. `--debug` shows the traceback.",
            ) from error

    def _absent(self, name: str, place: Place | None) -> Problem:
        family = name.split(".")[0]
        for broken in self.broken:
            if broken.plugin in (name, family):
                if broken.code == "E301":
                    return fail(
                        "E301",
                        f"plugin `{broken.plugin}`, which `{name}` is of, is not loaded: {broken.reason}",
                        place,
                        "Uninstall one of them; neither is loaded.",
                    )
                return fail(
                    broken.code,
                    f"plugin `{broken.plugin}` cannot be loaded: {broken.reason}",
                    place,
                    f"It comes from {broken.distribution}. `bigcode plugins list --debug` shows the traceback.",
                )
        near = difflib.get_close_matches(name, self.offers, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "`bigcode plugins list` shows the components."
        if self.broken and not near:
            hint += f" Plugins that could not be loaded: {', '.join(b.plugin for b in self.broken)}."
        return fail("E302", f"unknown component `{name}`", place, hint)
