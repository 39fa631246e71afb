"""Dates that exist: `2026-02-30` has the form of one."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator

from bigcode.api.resource import Date as WrittenDate


def _exists(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is no day of the calendar") from None
    return text


Date = Annotated[WrittenDate, AfterValidator(_exists)]
