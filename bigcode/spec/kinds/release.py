"""Release: what is given out, under which terms, after which gates."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Model, Prose, Ref, RefTo, Seconds, Spec, Uses
from bigcode.spec.dates import Date
from bigcode.spec.kinds.dataset import Lifecycle
from bigcode.spec.slots import Slot


class Waiver(Model):
    gate: str
    by: str
    reason: str
    expires: Date


class Artifacts(Model):
    dataset: Annotated[Ref | None, RefTo("Dataset")] = None
    tokenizer: Annotated[Ref | None, RefTo("Tokenizer")] = None
    model: Annotated[Ref | None, RefTo("Model")] = None


class ReleaseSpec(Spec):
    artifacts: Artifacts
    license: Annotated[Ref | None, RefTo("License")] = None
    evaluations: Annotated[tuple[Ref, ...], RefTo("Evaluation")] = ()
    emissions: Annotated[Ref | None, RefTo("EmissionsPolicy")] = None
    terms: Annotated[str, Prose] = ""
    gates: tuple[Literal["opt-out-age", "approvals", "pii"], ...] = ("opt-out-age", "approvals", "pii")
    waivers: Annotated[tuple[Waiver, ...], Prose] = ()
    targets: Annotated[tuple[Uses, ...], Prose, Slot("target")] = ()
    declared_date: Annotated[Date | None, Prose] = None
    opt_out_max_age: Annotated[Seconds, Field(gt=0)] = 90 * 86400.0
    lifecycle: Annotated[Lifecycle, Prose] = Lifecycle()
