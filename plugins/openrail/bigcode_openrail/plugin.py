"""The component `openrail.m`."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="openrail.m",
            version=1,
            slot="license",
            factory="bigcode_openrail.generate:OpenRail",
            config="bigcode_openrail.config:OpenRailConfig",
            summary="The text of an OpenRAIL-M style licence, with restrictions that flow down.",
        ),
    )
