"""What a plan says of cost before anything runs: estimates with their method, never facts of a card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimated quantity of a resource: `low` and `high` bound it where the method gives bounds."""

    subject: str
    """Address of the resource."""
    name: str
    value: float
    unit: str
    method: str
    low: float | None = None
    high: float | None = None
    detail: str = ""
    """What the value is of or for, where the name does not say it: a step, a limit, a number of workers."""

    def as_json(self) -> dict[str, Any]:
        """As `bigcode plan --json` lists it; what the method does not give is null or empty."""
        return {name: getattr(self, name) for name in type(self).__dataclass_fields__}
