"""EmissionsPolicy: how energy becomes emissions, and what is counted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import CarbonIntensity, Model, Prose, Spec, Uses, Watts
from bigcode.spec.dates import Date
from bigcode.spec.slots import Slot


class Intensity(Model):
    value: CarbonIntensity
    source: str
    as_of: Date
    region: str = ""


class Pue(Model):
    value: Annotated[float, Field(ge=1)]
    source: str
    as_of: Date


class Power(Model):
    basis: Literal["nameplate", "measured", "constant"] = "nameplate"
    per_device: Watts
    source: str
    as_of: Date


class Embodied(Model):
    share: Annotated[float, Field(ge=0)] = 0.0
    source: str = ""


class EmissionsPolicySpec(Spec):
    meter: Annotated[Uses, Slot("meter")]
    grid_intensity: Intensity
    pue: Pue
    power: Power
    embodied: Embodied = Embodied()
    scope: Annotated[tuple[str, ...], Prose] = ("training", "data", "evaluation")
    rounding: Annotated[int, Field(ge=0, le=9), Prose] = 3
