"""AnnotationCampaign: labelling by people, with what they were paid."""

from __future__ import annotations

from typing import Annotated

from bigcode.api.resource import Model, Prose, Ref, RefTo, Spec


class Sample(Model):
    dataset: Annotated[Ref, RefTo("Dataset")]
    size: int
    seed: int = 0


class PayFloor(Model):
    country: str
    amount: float
    currency: str = "USD"
    basis: str
    source: str = ""


class AnnotationCampaignSpec(Spec):
    sample: Sample | None = None
    vendor: Annotated[str, Prose] = ""
    workers: Annotated[int | None, Prose] = None
    countries: Annotated[tuple[str, ...], Prose] = ()
    hours: Annotated[float | None, Prose] = None
    pay: Annotated[tuple[PayFloor, ...], Prose] = ()
    cost: Annotated[float | None, Prose] = None
    currency: Annotated[str, Prose] = "USD"
    guidelines: Annotated[str, Prose] = ""
    access: Annotated[str, Prose] = "gated"
