"""Evaluation: suites run on a model."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bigcode.api.resource import Model, Prose, Ref, RefTo, Spec, Uses
from bigcode.spec.slots import Slot


class Claim(Model):
    """A comparison with another evaluation. Cards print it only where both results were measured by the same harness
    and the interval of their difference supports it."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    fact: Annotated[str, Field(pattern=r"^[a-z][^/\s]*$")]
    """The result that is compared, as both evaluations record it, for example `pass_at_1{suite=humaneval}`."""
    than: Annotated[Ref, RefTo("Evaluation")]
    relation: Literal["matches", "is-no-worse-than", "is-better-than"]
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """The difference that does not count, in the unit of the result."""
    lower: bool = False
    """Whether a smaller result is the better one, as of bits per byte."""
    suite: str = ""
    """The suite whose harness made the result, where its name holds no `suite=`, for example `evals.bits-per-byte`."""

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        if self.relation == "matches" and not self.margin:
            raise ValueError("`matches` needs a margin: no two results are known to be equal")
        return self


class EvaluationSpec(Spec):
    model: Annotated[Ref, RefTo("Model")]
    held_out: Annotated[Ref | None, RefTo("Dataset")] = None
    """The dataset whose validation split the suites read."""
    suites: Annotated[tuple[Uses, ...], Field(min_length=1), Slot("evaluator")]
    sandbox: Literal["none", "bubblewrap"] = "none"
    """Where programs that the model wrote are run; suites that run any refuse `none`."""
    seed: int = 0
    claims: Annotated[tuple[Claim, ...], Prose] = ()
    """What cards say of the results beside those of other evaluations, where it holds."""

    @model_validator(mode="after")
    def _claims_differ(self) -> Self:
        ids = [claim.id for claim in self.claims]
        if len(ids) != len(set(ids)):
            raise ValueError("two claims have one id")
        return self
