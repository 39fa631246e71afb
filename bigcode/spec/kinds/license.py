"""License: the terms of a model or dataset, as structured restrictions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Model, Ref, RefTo, Spec, Uses
from bigcode.spec.slots import Slot


class Restriction(Model):
    """A use restriction beyond those of the base, or one that stands for a parent's by a reviewed equivalence."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    text: str
    equivalent_to: str = ""
    reviewer: str = ""


class LicenseSpec(Spec):
    generator: Annotated[Uses, Slot("license")]
    title: str
    prefix: Literal["open", "research", ""] = "open"
    artifact: tuple[Literal["data", "application", "model", "source"], ...] = ("model",)
    licensor: str
    restrictions: tuple[str, ...] = ()
    """Ids of the base's restrictions; all of them when empty."""
    added: tuple[Restriction, ...] = ()
    flow_down: bool = True
    parent: Annotated[Ref | None, RefTo("License")] = None
    text_source: str = ""
