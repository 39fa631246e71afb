"""The reviewed table of accelerators: peak rate, memory and power of each, with where the numbers come from."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bigcode.api.diagnostics import Place, fail


@dataclass(frozen=True, slots=True)
class Device:
    """Peak in FLOP/s of dense products in `arithmetic`, memory in bytes, power in W."""

    name: str
    peak: float
    arithmetic: str
    memory: float
    power: float
    source: str


@cache
def devices() -> Mapping[str, Device]:
    """All devices by name, in the order of the table."""
    rows = json.loads(Path(__file__).with_name("devices.json").read_text("utf-8"))["devices"]
    return {
        row["name"]: Device(
            row["name"],
            row["peak_flops"],
            row["arithmetic"],
            row["memory_gb"] * 1e9,
            row["tdp_watts"],
            row["source"],
        )
        for row in rows
    }


def device(name: str, place: Place | None = None) -> Device:
    """The device of that name.

    Raises:
        Problem: E105 when the table has none.
    """
    table = devices()
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else f"The table has {', '.join(table)}."
        raise fail("E105", f"no device is called `{name}`", place, hint)
    return table[name]
