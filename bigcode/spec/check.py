"""Pydantic's errors as diagnostics, at the place in the text, with a hint."""

from __future__ import annotations

import difflib
import json
import re
import typing
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from bigcode.api.diagnostics import Diagnostic, Place
from bigcode.spec.text import Document, Path_

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "none_required": "null",
}


def check_model(
    model: type[BaseModel], value: Any, document: Document, base: Path_, owner: str
) -> tuple[BaseModel | None, list[Diagnostic]]:
    """Build a model from the part of the document at `base`.

    Types are taken strictly, so that text which happens to look like a number is not one; fields go by their names
    in YAML only. `owner` names what declares the fields, for messages (`Dataset.spec`).
    """
    try:
        return model.model_validate_json(json.dumps(value), strict=True, by_alias=True, by_name=False), []
    except ValidationError as error:
        return None, _diagnose(model, error.errors(include_url=False), document, base, owner)


def _diagnose(
    model: type[BaseModel], errors: Sequence[Any], document: Document, base: Path_, owner: str
) -> list[Diagnostic]:
    """One diagnostic for each place: what a union of types says at length is said once."""
    by_place: dict[tuple[Path_, Place], list[Any]] = {}
    for error in errors:
        loc: Path_ = error["loc"]
        strange = error["type"] == "extra_forbidden"
        known = loc if strange else _known(document, base, loc)
        absent = (loc[-1],) if error["type"] == "missing" else ()
        place = document.place((*base, *known), key=strange)
        by_place.setdefault(((*known, *absent), place), []).append(error)
    return [_one(model, same, path, place, document, base, owner) for (path, place), same in by_place.items()]


def _one(
    model: type[BaseModel],
    errors: Sequence[Any],
    path: Path_,
    place: Place,
    document: Document,
    base: Path_,
    owner: str,
) -> Diagnostic:
    error, last = errors[0], path[-1] if path else ""
    parent, where = (".".join([owner, *map(str, part)]) for part in (path[:-1], path))
    if error["type"] == "extra_forbidden":
        names = _fields(model, path[:-1])
        near = difflib.get_close_matches(str(last), names, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "Fields here: " + ", ".join(sorted(names)) + "."
        return Diagnostic("E104", f"unknown field `{last}` in {parent}", place, hint)
    if error["type"] == "missing":
        return Diagnostic("E106", f"`{last}` is missing in {parent}", place)
    shown = document.raws.get((*base, *path), "")
    got = f", not `{shown}`" if shown and len(shown) < 80 and "\n" not in shown else ""
    wanted = list(dict.fromkeys(_WANTED[e["type"]] for e in errors if e["type"] in _WANTED))
    if wanted:
        return Diagnostic(
            "E105", f"{where}: should be {' or '.join(wanted)}{got}", place, _hint(wanted, error["input"])
        )
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should", "should")
    choices = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    near = difflib.get_close_matches(str(error["input"]), choices, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else ""
    return Diagnostic("E105", f"{where}: {message}{'' if '`' in message else got}", place, hint)


def _hint(wanted: Sequence[str], found: Any) -> str:
    if wanted == ["text"] and isinstance(found, int | float):
        return "Quote it to mean the text."
    if wanted[0] in ("a whole number", "a number") and isinstance(found, str):
        return "Write it in decimal digits, without quotes."
    return ""


def _known(document: Document, base: Path_, loc: Path_) -> Path_:
    """The parts of pydantic's location that are in the text; it adds names of union members."""
    kept: Path_ = ()
    for part in loc:
        if (*base, *kept, part) in document.values:
            kept = (*kept, part)
    return kept


def _fields(model: Any, loc: Path_) -> list[str]:
    for part in loc:
        if isinstance(part, int):
            continue
        model = _inner(model, part)
        if model is None:
            return []
    return [info.alias or name for name, info in model.model_fields.items()]


def _inner(model: type[BaseModel], alias: str) -> type[BaseModel] | None:
    for name, info in model.model_fields.items():
        if alias in (name, info.alias):
            return _model_in(info.annotation)
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    for argument in typing.get_args(annotation):
        found = _model_in(argument)
        if found:
            return found
    return None
