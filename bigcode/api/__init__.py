"""All that a plugin may import. Names are loaded when they are first used."""

from __future__ import annotations

import importlib
from typing import Any

API_VERSION = "1.0"

_HOMES = {
    "bigcode.api.components": ("Column", "Command", "Component", "load_object"),
    "bigcode.api.diagnostics": ("Diagnostic", "Place", "Problem", "fail", "raise_errors"),
    "bigcode.api.facts": ("Fact", "Query", "Series"),
    "bigcode.api.hooks": ("hookimpl", "hookspec"),
    "bigcode.api.resource": (
        "Bytes", "CarbonIntensity", "Config", "Date", "Metadata", "Model", "Prose", "Ref", "RefTo", "Resource",
        "Runtime", "Seconds", "Share", "Spec", "Tokens", "Uses", "Watts",
    ),
    "bigcode.api.run": ("NodeView", "ReleaseView", "RunView"),
    "bigcode.api.shapes": (
        "Clusterer", "Collector", "Context", "Entry", "Executor", "FetchContext", "Labels", "PartitionStage", "Process",
        "ProcessContext", "Renderer", "Unit",
    ),
    "bigcode.api.units": ("UNITS", "parse_unit"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["API_VERSION", *sorted(_HOME_OF)]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
