"""Evaluation: suites run on a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Ref, RefTo, Spec, Uses
from bigcode.spec.slots import Slot


class EvaluationSpec(Spec):
    model: Annotated[Ref, RefTo("Model")]
    held_out: Annotated[Ref | None, RefTo("Dataset")] = None
    """The dataset whose validation split the suites read."""
    suites: Annotated[tuple[Uses, ...], Field(min_length=1), Slot("evaluator")]
    sandbox: Literal["none", "bubblewrap"] = "none"
    """Where programs that the model wrote are run; suites that run any refuse `none`."""
    seed: int = 0
