"""The components of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="emissions.nameplate",
            version=1,
            slot="meter",
            factory="bigcode_emissions.nameplate:NameplateMeter",
            config="bigcode_emissions.config:NameplateConfig",
            summary="Energy and emissions from device hours, power per device, PUE and grid intensity.",
        ),
        Component(
            name="emissions.metered",
            version=1,
            slot="meter",
            factory="bigcode_emissions.metered:Metered",
            config="bigcode_emissions.config:MeteredConfig",
            summary="Energy and emissions from counters of the machines, and by device hours where there were none.",
        ),
    )
