"""AttributionIndex: where did this come from, for a dataset version."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bigcode.api.resource import Prose, Ref, RefTo, Spec, Uses


class AttributionIndexSpec(Spec):
    dataset: Annotated[Ref, RefTo("Dataset")]
    methods: Annotated[tuple[Uses, ...], Field(min_length=1)]
    terms: Annotated[str, Prose] = ""
