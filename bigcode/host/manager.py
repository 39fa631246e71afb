"""Loading plugins, each in isolation: one that raises is reported and harms nobody who does not use it."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

import pluggy

from bigcode.api import API_VERSION, hooks
from bigcode.api.components import Command, Component
from bigcode.api.diagnostics import Diagnostic
from bigcode.host.registry import Broken, Check, Offer, Registry

GROUP = "bigcode.plugins"


@dataclass(frozen=True, slots=True)
class Host:
    """The plugins of one command: a frozen registry, and the hooks that observe."""

    registry: Registry
    hooks: pluggy.PluginManager
    plugins: tuple[tuple[str, str, str], ...]
    """Name, distribution and version of each loaded plugin."""


def load_host(points: Sequence[EntryPoint] | None = None) -> Host:
    """Load all installed plugins, in the order of their names."""
    manager = pluggy.PluginManager("bigcode")
    manager.add_hookspecs(hooks)
    broken: list[Broken] = []
    loaded: list[tuple[str, str, str]] = []
    found = sorted(
        entry_points(group=GROUP) if points is None else points, key=lambda p: (p.name, _origin(p))
    )
    offers: dict[str, list[Offer]] = {}
    commands: dict[str, list[tuple[str, Command]]] = {}
    claims: dict[str, list[EntryPoint]] = {}
    for point in found:
        claims.setdefault(point.name, []).append(point)
    for name, claimants in claims.items():
        if len(claimants) > 1:
            sources = " and ".join(_origin(p) for p in claimants)
            broken.append(Broken(name, sources, "E301", f"the name is claimed by {sources}"))
            continue
        point = claimants[0]
        try:
            module = point.load()
            _check_api(module)
            offered, added = _ask(manager, name, module)
        # A module that ends the program while it is imported is broken like any other.
        except (Exception, SystemExit) as error:
            broken.append(Broken(name, _origin(point), _code(error), _reason(error), traceback.format_exc()))
            continue
        dist = point.dist
        loaded.append((name, dist.name if dist else "?", dist.version if dist else "?"))
        for component in offered:
            offers.setdefault(component.name, []).append(Offer(component, name, *loaded[-1][1:]))
        for command in added:
            commands.setdefault(command.name, []).append((f"{name} ({loaded[-1][1]})", command))
    registry = Registry(
        MappingProxyType({name: several[0] for name, several in sorted(offers.items()) if len(several) == 1}),
        MappingProxyType(
            {name: several[0][1] for name, several in sorted(commands.items()) if len(several) == 1}
        ),
        tuple(broken),
        MappingProxyType(
            {
                name: tuple(f"{o.plugin} ({o.distribution})" for o in several)
                for name, several in sorted(offers.items())
                if len(several) > 1
            }
        ),
        MappingProxyType(
            {
                name: tuple(who for who, _ in several)
                for name, several in sorted(commands.items())
                if len(several) > 1
            }
        ),
        _checks(manager),
    )
    return Host(registry, manager, tuple(loaded))


class _Incompatible(Exception):
    pass


def _ask(manager: pluggy.PluginManager, name: str, module: Any) -> tuple[list[Component], list[Command]]:
    manager.register(module, name)
    try:
        return _call(module, "bigcode_components", Component), _call(module, "bigcode_commands", Command)
    except (Exception, SystemExit):
        manager.unregister(name=name)
        raise


def _call(module: Any, hook: str, kind: type[Any]) -> list[Any]:
    function = getattr(module, hook, None)
    answer = list(function()) if function is not None else []
    for item in answer:
        if not isinstance(item, kind):
            raise TypeError(f"{hook} returned a {type(item).__name__}, not a {kind.__name__}")
    return answer


def _checks(manager: pluggy.PluginManager) -> Check:
    """The plugins' checks of a resource. One that raises is a diagnostic, and the others are asked all the same."""
    asked = [
        (name, plugin) for name, plugin in manager.list_name_plugin() if hasattr(plugin, "bigcode_validate")
    ]
    callers = [
        (
            name,
            manager.subset_hook_caller(
                "bigcode_validate", [other for _, other in asked if other is not plugin]
            ),
        )
        for name, plugin in asked
    ]

    def check(resource: Any, workspace: Mapping[str, Any]) -> Iterable[Diagnostic]:
        for name, call in callers:
            try:
                yield from [
                    item for answer in call(resource=resource, workspace=workspace) for item in answer
                ]
            except Exception as error:
                yield Diagnostic(
                    "E303",
                    f"the check of plugin `{name}` failed: {type(error).__name__}: {error}",
                    hint="This is a fault of the plugin.",
                )

    return check


def _check_api(module: Any) -> None:
    wanted = getattr(module, "requires_api", "")
    if not wanted:
        return
    major = API_VERSION.split(".")[0]
    if not any(
        part.strip().startswith((f">={major}.", f"=={major}.", f"~={major}.")) for part in wanted.split(",")
    ):
        raise _Incompatible(f"it asks for bigcode.api {wanted}, this is {API_VERSION}")


def _code(error: BaseException) -> str:
    return "E304" if isinstance(error, _Incompatible) else "E303"


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, _Incompatible) else f"{type(error).__name__}: {error}"


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
