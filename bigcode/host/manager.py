"""Loading plugins, each in isolation: one that raises is reported and harms nobody who does not use it."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

import pluggy

from bigcode.api import API_VERSION, hooks
from bigcode.api.components import Command, Component
from bigcode.host.registry import Broken, Offer, Registry

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
    found = sorted(entry_points(group=GROUP) if points is None else points, key=lambda p: (p.name, _origin(p)))
    contested: dict[str, tuple[str, ...]] = {}
    offers: dict[str, list[Offer]] = {}
    commands: dict[str, Command] = {}
    claims: dict[str, list[EntryPoint]] = {}
    for point in found:
        claims.setdefault(point.name, []).append(point)
    for name, claimants in claims.items():
        if len(claimants) > 1:
            sources = tuple(_origin(p) for p in claimants)
            broken.append(Broken(name, " and ".join(sources), "E301", f"the name is claimed by {' and '.join(sources)}"))
            continue
        point = claimants[0]
        try:
            module = point.load()
            _check_api(module)
            offered, added = _ask(manager, name, module)
        except Exception as error:
            broken.append(Broken(name, _origin(point), _code(error), _reason(error), traceback.format_exc()))
            continue
        dist = point.dist
        loaded.append((name, dist.name if dist else "?", dist.version if dist else "?"))
        for component in offered:
            offers.setdefault(component.name, []).append(Offer(component, name, *loaded[-1][1:]))
        commands |= {command.name: command for command in added}
    single = {}
    for name, several in sorted(offers.items()):
        if len(several) > 1:
            contested[name] = tuple(f"{o.plugin} ({o.distribution})" for o in several)
        else:
            single[name] = several[0]
    registry = Registry(
        MappingProxyType(single), MappingProxyType(commands), tuple(broken), MappingProxyType(contested)
    )
    return Host(registry, manager, tuple(loaded))


class _Incompatible(Exception):
    pass


def _ask(manager: pluggy.PluginManager, name: str, module: Any) -> tuple[list[Component], list[Command]]:
    manager.register(module, name)
    try:
        return (
            list(_call(module, "bigcode_components")),
            list(_call(module, "bigcode_commands")),
        )
    except Exception:
        manager.unregister(name=name)
        raise


def _call(module: Any, hook: str) -> Iterable[Any]:
    function = getattr(module, hook, None)
    return function() if function is not None else ()


def _check_api(module: Any) -> None:
    wanted = getattr(module, "requires_api", "")
    if not wanted:
        return
    major = API_VERSION.split(".")[0]
    if not any(part.strip().startswith((f">={major}.", f"=={major}.", f"~={major}.")) for part in wanted.split(",")):
        raise _Incompatible(f"it asks for bigcode.api {wanted}, this is {API_VERSION}")


def _code(error: Exception) -> str:
    return "E304" if isinstance(error, _Incompatible) else "E303"


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, _Incompatible) else f"{type(error).__name__}: {error}"


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
