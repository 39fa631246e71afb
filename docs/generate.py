"""The pages that are made from the code: `.venv/bin/python docs/generate.py` writes them anew.

The suite compares them with what this gives, so that a changed field, hook, option or code shows in review.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from bigcode.api import hooks
from bigcode.api.codes import CODES
from bigcode.api.components import Command, Component
from bigcode.api.resource import Metadata, tag_of
from bigcode.cli import COMMANDS, group
from bigcode.spec.kinds import KINDS, spec_class
from bigcode.spec.schema import json_schema

DOCS = Path(__file__).parent
HEAD = "<!-- Made by docs/generate.py; edit the code and run it again. -->\n"
EXITS = {
    0: "done",
    1: "a run failed",
    2: "the command was not understood",
    3: "specs are invalid, or consent is missing",
    4: "changes are pending (`plan --exit-code`)",
    5: "a gate refused",
    6: "the plan is stale",
    7: "another run moved a reference",
    8: "evidence does not match",
    130: "interrupted",
}
FAMILIES = {
    "E0": "What the command was asked",
    "E1": "The text of a spec",
    "E2": "Resources and their references",
    "E3": "Plugins",
    "E4": "Consent",
    "E5": "The run and the store",
    "E6": "Facts and evidence",
    "E7": "Collecting",
    "E8": "Licences and models",
}


def pages() -> dict[str, str]:
    """All generated pages, by their name below docs/."""
    return {
        "errors.md": _errors(),
        "reference/cli.md": _cli(),
        "reference/hooks.md": _hooks(),
        "reference/kinds.md": _kinds(),
    }


def _page(title: str, lead: str, body: Iterator[str]) -> str:
    return "\n".join([HEAD, f"# {title}\n", f"{lead}\n", *body]).rstrip() + "\n"


# ---------------------------------------------------------------- errors


def _errors() -> str:
    lead = (
        "A diagnostic reads `file:line:column CODE message`, with a hint below. `bigcode explain CODE` prints the "
        "text that stands here, and `--json` gives diagnostics as a document. The exit code is the highest of all "
        "that were found."
    )
    return _page("Diagnostics", lead, _error_lines())


def _error_lines() -> Iterator[str]:
    yield "| Exit | |\n| ---: | --- |"
    yield from (f"| {number} | {text} |" for number, text in EXITS.items())
    for family, title in FAMILIES.items():
        yield f"\n## {title}\n\n| Code | | Exit | |\n| --- | --- | ---: | --- |"
        for code, (name, exit_, explain) in CODES.items():
            if code.startswith(family):
                yield f"| {code} | {name} | {exit_} | {_cell(explain)} |"


# ---------------------------------------------------------------- kinds


def _kinds() -> str:
    lead = (
        "One resource a file: `apiVersion: bigcode/v1`, `kind`, `metadata` and `spec`. A field without a mark is "
        "*identity*: it enters the keys of what is built from it, and no overlay may touch it. *Runtime* fields enter "
        "no key and are what overlays set; *prose* re-renders cards and nothing else. `bigcode schema KIND` prints "
        "the JSON Schema."
    )
    return _page("Kinds", lead, _kind_lines())


def _kind_lines() -> Iterator[str]:
    yield "## metadata\n"
    yield from _fields(Metadata, _definition(json_schema("Project"), "metadata"))
    for kind, (module, _) in KINDS.items():
        doc = inspect.getdoc(importlib.import_module(f"bigcode.spec.kinds.{module}")) or ""
        said = doc.partition(":")[2].strip()
        yield f"\n## {kind}\n\n{said[:1].upper()}{said[1:]}\n"
        schema = json_schema(kind)
        yield from _fields(spec_class(kind), _definition(schema, "spec"))
        for name in sorted(schema["$defs"]):
            inner = _class_named(spec_class(kind), name)
            if inner is not None and name not in ("Uses", "DeclaredFact"):
                yield f"\n### {kind}: {name}\n"
                own = vars(inner).get("__doc__")
                if own:
                    yield f"{_paragraphs(inspect.cleandoc(own))}\n"
                yield from _fields(inner, schema["$defs"][name])
    yield "\n## What several kinds share\n"
    shared = json_schema("Snapshot")["$defs"]
    for name, about in (
        ("Uses", "A component: its name, its behaviour version, and its own settings."),
        ("DeclaredFact", "A fact that people declare."),
    ):
        yield f"\n### {name}\n\n{about}\n"
        inner = _class_named(spec_class("Snapshot"), name)
        assert inner is not None
        yield from _fields(inner, shared[name])


def _definition(schema: dict[str, Any], part: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"][part]
    return found


def _fields(model: type[BaseModel], schema: dict[str, Any]) -> Iterator[str]:
    yield "| Field | Type | Default | |\n| --- | --- | --- | --- |"
    for name, info in model.model_fields.items():
        alias = info.alias or name
        field = schema["properties"][alias]
        tag = tag_of(model, name)
        default = "required" if alias in schema.get("required", ()) else _default(field)
        about = " ".join(
            filter(None, (f"*{tag.lower()}*" if tag != "Identity" else "", field.get("description", "")))
        )
        yield f"| `{alias}` | {_cell(_type(field))} | {default} | {_cell(about)} |"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if "const" in field or "enum" in field:
        return " or ".join(
            f"`{value}`" if value != "" else "empty" for value in field.get("enum", [field.get("const")])
        )
    if "anyOf" in field:
        return " or ".join(
            dict.fromkeys(_type(part) for part in field["anyOf"] if part.get("type") != "null")
        )
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}" if "items" in field else "list"
    if field.get("type") == "object":
        of = field.get("additionalProperties")
        return f"mapping to {_type(of)}" if isinstance(of, dict) else "mapping"
    named = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    if "pattern" in field and field["pattern"].startswith(r"^\s*[0-9]"):
        return "quantity with its unit"
    return named.get(field.get("type", ""), "anything")


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if value is None or value in ("", [], {}):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) < 60 else "see the schema"


def _class_named(
    model: type[BaseModel], name: str, seen: frozenset[type] = frozenset()
) -> type[BaseModel] | None:
    """A model that is used below another one."""
    for info in model.model_fields.values():
        for inner in _models_in(info.annotation):
            if inner.__name__ == name:
                return inner
            if inner not in seen:
                found = _class_named(inner, name, seen | {inner})
                if found is not None:
                    return found
    return None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models_in(part)


# ---------------------------------------------------------------- hooks


def _hooks() -> str:
    lead = (
        "What a plugin may define, in the module that its entry point of the group `bigcode.plugins` names. Each "
        "function is marked with `bigcode.api.hookimpl` and may leave out arguments. A plugin imports `bigcode.api` "
        "and nothing else of bigcode; its module names implementations by string, so that loading it costs nothing."
    )
    return _page("Hooks", lead, _hook_lines())


def _hook_lines() -> Iterator[str]:
    for name, function in inspect.getmembers(hooks, inspect.isfunction):
        if name.startswith("bigcode_"):
            signature = str(inspect.signature(function)).replace("'", "")
            about = _paragraphs(inspect.getdoc(function) or "")
            yield f"## {name}\n\n```python\ndef {name}{signature}\n```\n\n{about}\n"
    for value in (Component, Command):
        yield f"## {value.__name__}\n\n{_paragraphs(inspect.getdoc(value) or '')}\n"
        yield "| Field | Type | Default |\n| --- | --- | --- |"
        for field in dataclasses.fields(value):
            default = "required" if field.default is dataclasses.MISSING else f"`{field.default!r}`"
            yield f"| `{field.name}` | `{str(field.type).replace('|', 'or')}` | {default} |"
        yield ""
    from bigcode.api import components

    slots = ", ".join(f"`{slot}`" for slot in components.Slot.__args__)
    yield f"Slots: {slots}."


# ---------------------------------------------------------------- command line


def _cli() -> str:
    lead = (
        "`--help` after a command prints the same. `--debug` shows tracebacks; stdout is the result, stderr the "
        "progress."
    )
    return _page("The command line", lead, _cli_lines())


def _cli_lines() -> Iterator[str]:
    top = click.Context(group, info_name="bigcode", terminal_width=100, max_content_width=100)
    for name in COMMANDS:
        command = group.get_command(top, name)
        assert command is not None
        yield from _command(command, name, top, f"bigcode {name}")


def _command(command: click.Command, name: str, parent: click.Context, title: str) -> Iterator[str]:
    context = click.Context(command, parent, name, terminal_width=100, max_content_width=100)
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"## {title}\n\n```text\n{text}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _command(found, inner, context, f"{title} {inner}")


def _paragraphs(text: str) -> str:
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def main() -> None:
    for name, text in pages().items():
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
