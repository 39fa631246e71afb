"""PIIPolicy: what is looked for in the text and what is done about it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Model, Share, Spec, Uses
from bigcode.spec.slots import Slot


class Entity(Model):
    action: Literal["mask", "surrogate", "drop", "keep"]
    min_score: Share = 0.5


class Gate(Model):
    """What a release asks of the detector for one entity."""

    precision: Share = 0.0
    recall: Share = 0.0
    basis: Literal["lower", "point"] = "lower"
    """What is compared: the lower bound of the interval, so that a small set does not pass by luck, or the estimate."""
    everywhere: bool = False
    """Whether findings on text that nobody labelled count as false, too."""
    set: str = ""
    """Name of the labelled set; all of them when empty."""


class PIIPolicySpec(Spec):
    detector: Annotated[Uses, Slot("observer")]
    entities: Annotated[dict[str, Entity], Field(min_length=1)]
    gates: dict[str, Gate] = Field(default_factory=dict)
    evaluated_on: Annotated[tuple[Uses, ...], Slot("labels")] = ()
    """Labelled sets on which the detector is measured, for the gates and for the card."""
