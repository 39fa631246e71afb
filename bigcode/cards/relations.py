"""How the resources of a workspace hang together, read from the references in their specs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bigcode.api.resource import REF


class Name(str):
    """A string of a resource. Printed on its own it becomes a traced name; glued to others it is plain text."""

    __slots__ = ()


View = Mapping[str, Any]
"""A resource as templates see it: plain JSON with its `address`, every string a Name."""


def address_of(resource: Mapping[str, Any]) -> str:
    """`Kind/name@version`."""
    meta = resource["metadata"]
    return f"{resource['kind']}/{meta['name']}@{meta.get('version', '1.0.0')}"


def view_of(resource: Mapping[str, Any]) -> View:
    view: View = _named({**resource, "address": address_of(resource)})
    return view


class Relations:
    """References between resources, both ways. A Project refers to every resource of its workspace."""

    def __init__(self, resources: Mapping[str, Mapping[str, Any]]) -> None:
        self._views = {address: view_of(resource) for address, resource in sorted(resources.items())}
        self._outward = {address: self._targets(resource) for address, resource in sorted(resources.items())}

    def view(self, address: str) -> View | None:
        return self._views.get(address)

    def resolve(self, reference: str) -> str | None:
        """The address that `Kind/name@version` or `Kind/name` stands for; None where it stands for none, or several."""
        match = REF.match(reference)
        if match is None or reference in self._views:
            return reference if match else None
        versions = [address for address in self._views if address.startswith(f"{reference}@")]
        return versions[0] if match["version"] is None and len(versions) == 1 else None

    def of_kind(self, kind: str) -> list[View]:
        return [view for view in self._views.values() if view["kind"] == kind]

    def users(self, address: str, kind: str) -> list[View]:
        """Resources of `kind` that name `address` in their spec."""
        return [
            self._views[source]
            for source, targets in self._outward.items()
            if address in targets and self._views[source]["kind"] == kind
        ]

    def related(self, address: str, kind: str) -> list[View]:
        """Resources of `kind` that `address` is made from, nearest first; where there are none, those that what
        uses `address` is made from. So a model's datasets are those it was trained on, and its licence is that of
        its release.
        """
        if address.startswith("Project/"):
            return self.of_kind(kind)
        users = [source for source, targets in self._outward.items() if address in targets]
        for start in ([address], users):
            found = [a for a in self._reach(start) if a != address and self._views[a]["kind"] == kind]
            if found:
                return [self._views[a] for a in found]
        return []

    def _reach(self, start: list[str]) -> list[str]:
        seen = list(dict.fromkeys(start))
        for address in seen:
            seen.extend(target for target in self._outward.get(address, ()) if target not in seen)
        return seen

    def _targets(self, resource: Mapping[str, Any]) -> list[str]:
        found = (self.resolve(text) for text in _texts(resource.get("spec", {})))
        return list(dict.fromkeys(address for address in found if address))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _named(value: Any) -> Any:
    if isinstance(value, str):
        return Name(value)
    if isinstance(value, Mapping):
        return {key: _named(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_named(item) for item in value)
    return value
