"""Evaluation: suites run on a model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bigcode.api.resource import Ref, RefTo, Spec, Uses
from bigcode.spec.slots import Slot


class EvaluationSpec(Spec):
    model: Annotated[Ref, RefTo("Model")]
    held_out: Annotated[Ref | None, RefTo("Dataset")] = None
    """The dataset whose validation split the suites read."""
    suites: Annotated[tuple[Uses, ...], Field(min_length=1), Slot("evaluator")]
    sandbox: str = "none"
    decontaminate_against: Annotated[tuple[Ref, ...], RefTo("Dataset")] = ()
    seed: int = 0
