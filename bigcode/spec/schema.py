"""JSON Schemas of the kinds, for editors."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from bigcode.api.resource import Metadata
from bigcode.spec.kinds import KINDS, spec_class


class _AsWritten(GenerateJsonSchema):
    """Schemas of what a file says, before it is read: a quantity is a number, or text with a unit."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        inner = super().function_before_schema(schema)
        if inner.get("type") in ("integer", "number"):
            return {"anyOf": [inner, {"type": "string", "pattern": r"^\s*[0-9]"}]}
        return inner


def _bounded(schema: Any) -> Any:
    """The bounds of a quantity, which pydantic leaves beside the choice, as bounds of its number."""
    if isinstance(schema, list):
        return [_bounded(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _bounded(value) for key, value in schema.items()}
    if "anyOf" in out and isinstance(out["anyOf"], list):
        for bound, word in (("ge", "minimum"), ("gt", "exclusiveMinimum")):
            if isinstance(out.get(bound), int | float):
                out["anyOf"][0][word] = out.pop(bound)
    return out


def json_schema(kind: str) -> dict[str, Any]:
    """The schema of a whole resource file of this kind (draft 2020-12).

    Raises:
        KeyError: when there is no such kind.
    """
    spec = spec_class(kind).model_json_schema(by_alias=True, mode="validation", schema_generator=_AsWritten)
    metadata = Metadata.model_json_schema(by_alias=True, mode="validation", schema_generator=_AsWritten)
    definitions = {**spec.pop("$defs", {}), **metadata.pop("$defs", {})}
    whole = {
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
    bounded: dict[str, Any] = _bounded(whole)
    return bounded


def all_schemas() -> dict[str, Any]:
    return {kind: json_schema(kind) for kind in KINDS}
