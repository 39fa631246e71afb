"""JSON Schemas of the kinds, for editors."""

from __future__ import annotations

from typing import Any

from bigcode.api.resource import Metadata
from bigcode.spec.kinds import KINDS, spec_class


def json_schema(kind: str) -> dict[str, Any]:
    """The schema of a whole resource file of this kind (draft 2020-12).

    Raises:
        KeyError: when there is no such kind.
    """
    spec = spec_class(kind).model_json_schema(by_alias=True, mode="validation")
    metadata = Metadata.model_json_schema(by_alias=True, mode="validation")
    definitions = {**spec.pop("$defs", {}), **metadata.pop("$defs", {})}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": "bigcode/v1"},
            "kind": {"const": kind},
            "metadata": metadata,
            "spec": spec,
        },
        "$defs": definitions,
    }


def all_schemas() -> dict[str, Any]:
    return {kind: json_schema(kind) for kind in KINDS}
