"""PIIPolicy: what is looked for in the text and what is done about it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Model, Ref, RefTo, Share, Spec, Uses
from bigcode.spec.slots import Slot


class Entity(Model):
    action: Literal["mask", "surrogate", "drop", "keep"]
    min_score: Share = 0.5


class Gate(Model):
    precision: Share = 0.0
    recall: Share = 0.0


class PIIPolicySpec(Spec):
    detector: Annotated[Uses, Slot("observer")]
    entities: Annotated[dict[str, Entity], Field(min_length=1)]
    gates: dict[str, Gate] = Field(default_factory=dict)
    evaluated_on: Annotated[Ref | None, RefTo("AnnotationCampaign", "Dataset")] = None
