"""JSON Schemas for editors: they take what is taken, and say what is wrong where it is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from workspaces import specs

from bigcode.cli import run
from bigcode.spec.kinds import KINDS, spec_class
from bigcode.spec.schema import all_schemas, json_schema
from bigcode.spec.text import parse_document

DEMO = Path(__file__).parents[2] / "specs" / "demo"
NOTES = {"$schema", "$defs", "title", "description", "default"}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def errors(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str = "") -> list[str]:
    """Paths at which a value does not fit, for the words of JSON Schema that are used here; others are an error."""
    found: list[str] = []
    for word, said in schema.items():
        match word:
            case "$ref":
                found += errors(value, root["$defs"][said.removeprefix("#/$defs/")], root, path)
            case "const":
                found += [path] * (value != said)
            case "enum":
                found += [path] * (value not in said)
            case "type":
                fits = isinstance(value, TYPES[said]) and (said == "boolean" or not isinstance(value, bool))
                found += [path] * (not fits)
            case "anyOf":
                choices = [errors(value, choice, root, path) for choice in said]
                found += [] if any(not c for c in choices) else min(choices, key=len)
            case "properties" if isinstance(value, dict):
                for name in said.keys() & value.keys():
                    found += errors(value[name], said[name], root, f"{path}.{name}")
            case "required" if isinstance(value, dict):
                found += [f"{path}.{name}" for name in said if name not in value]
            case "additionalProperties" if isinstance(value, dict):
                for name in value.keys() - schema.get("properties", {}).keys():
                    inner = (
                        errors(value[name], said, root, f"{path}.{name}") if isinstance(said, dict) else []
                    )
                    found += inner if said is not False else [f"{path}.{name}"]
            case "items" if isinstance(value, list):
                for index, item in enumerate(value):
                    found += errors(item, said, root, f"{path}.{index}")
            case "minItems" if isinstance(value, list):
                found += [path] * (len(value) < said)
            case "minProperties" if isinstance(value, dict):
                found += [path] * (len(value) < said)
            case "pattern" if isinstance(value, str):
                found += [path] * (not re.search(said, value))
            case "minimum" | "exclusiveMinimum" if isinstance(value, int | float):
                found += [path] * (value < said or (word != "minimum" and value == said))
            case "maximum" if isinstance(value, int | float):
                found += [path] * (value > said)
            case (
                "properties"
                | "required"
                | "additionalProperties"
                | "items"
                | "minItems"
                | "minProperties"
                | "pattern"
            ):
                pass
            case "minimum" | "exclusiveMinimum" | "maximum":
                pass
            case _:
                assert word in NOTES, f"{word} at {path}"
    return found


def read(path: Path) -> Any:
    document, found = parse_document(path.read_text("utf-8"), path.name)
    assert document is not None
    assert found == []
    return document.value


FILES = sorted(DEMO.rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(DEMO)))
def test_the_specs_of_the_demo_fit_the_schemas(path: Path) -> None:
    value = read(path)
    schema = json_schema(value["kind"])
    assert errors(value, schema, schema) == []


@pytest.mark.parametrize("name", specs())
def test_so_do_those_of_the_tests(name: str) -> None:
    value = specs()[name]
    schema = json_schema(value["kind"])
    assert errors(json.loads(json.dumps(value)), schema, schema) == []


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("snapshot.yaml", ("buckets",), "4"),
        ("snapshot.yaml", ("buckets",), 0),
        ("snapshot.yaml", ("bukets",), 4),
        ("snapshot.yaml", ("blob_partitions",), 4),
        ("dataset.yaml", ("split", "validation"), 1.5),
        ("dataset.yaml", ("split", "seed"), 1.5),
        ("dataset.yaml", ("sibling",), "cousins"),
        ("dataset.yaml", ("export",), {"shardBytes": "many"}),
        ("optout.yaml", ("asOf",), "yesterday"),
        ("optout.yaml", ("scopes",), ["country"]),
        ("licenses.yaml", ("allow",), []),
        ("licenses.yaml", ("fileOverRepository",), "yes"),
        ("pii.yaml", ("entities", "EMAIL"), {"action": "forget"}),
    ],
)
def test_what_is_refused_has_its_error_at_the_same_place(
    name: str, path: tuple[str, ...], value: Any
) -> None:
    spoilt = json.loads(json.dumps(specs()[name]))
    target = spoilt["spec"]
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    schema = json_schema(spoilt["kind"])
    (found, *_) = errors(spoilt, schema, schema)
    assert found.startswith(".".join(("", "spec", *path)))


@pytest.mark.parametrize(
    ("kind", "field", "values"),
    [
        ("Tokenizer", "sample", ["64MiB", "1 GB", 4096]),
        ("Release", "optOutMaxAge", ["90d", "1.5 d", 3600]),
        ("OptOutSnapshot", "honourWithin", ["90d"]),
    ],
)
def test_a_quantity_is_a_number_or_text_with_a_unit(kind: str, field: str, values: list[Any]) -> None:
    schema = json_schema(kind)
    for value in values:
        assert errors(value, schema["properties"]["spec"]["properties"][field], schema) == []
    assert errors(-1, schema["properties"]["spec"]["properties"][field], schema) != []


@pytest.mark.parametrize("kind", KINDS)
def test_every_schema_stands_by_itself(kind: str) -> None:
    schema = all_schemas()[kind]
    text = json.dumps(schema)
    assert set(re.findall(r"#/\$defs/(\w+)", text)) <= set(schema["$defs"])
    assert schema["properties"]["kind"] == {"const": kind}
    fields = {info.alias or name for name, info in spec_class(kind).model_fields.items()}
    assert set(schema["properties"]["spec"]["properties"]) == fields
    assert schema["properties"]["spec"]["additionalProperties"] is False


def test_schemas_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert capsys.readouterr().out.split() == list(KINDS)
    assert run(["schema", "Dataset"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema("Dataset")
    assert run(["schema", "--output", str(tmp_path / "schemas")]) == 0
    assert sorted(p.name for p in (tmp_path / "schemas").iterdir()) == sorted(
        f"{kind}.schema.json" for kind in KINDS
    )
    assert json.loads((tmp_path / "schemas" / "Model.schema.json").read_text()) == json_schema("Model")
