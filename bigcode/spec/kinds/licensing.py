"""LicensePolicy: which licences admit a file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Share, Spec, Uses
from bigcode.spec.slots import Slot


class LicensePolicySpec(Spec):
    classifier: Annotated[Uses, Slot("observer")]
    allow: Annotated[tuple[str, ...], Field(min_length=1)]
    """SPDX identifiers; an expression is admitted when its operands are (AND: all, OR: any)."""
    attribution: Literal["allow", "exclude"] = "allow"
    """What becomes of licences that ask for attribution."""
    file_over_repository: bool = True
    """A verdict on the file itself beats that of its repository."""
    unknown: Literal["deny"] = "deny"
    min_confidence: Share = 0.9
