"""Pydantic's errors as diagnostics, at the place in the text, with a hint."""

from __future__ import annotations

import difflib
import types
import typing
from typing import Any

from pydantic import BaseModel, ValidationError

from bigcode.api.diagnostics import Diagnostic
from bigcode.spec.text import Document, Path_

_ARTICLES = {"string_type": "text", "int_type": "a whole number", "float_type": "a number", "bool_type": "true or false"}


def check_model(
    model: type[BaseModel], value: Any, document: Document, base: Path_, owner: str
) -> tuple[BaseModel | None, list[Diagnostic]]:
    """Build a model from the part of the document at `base`.

    `owner` names what declares the fields, for messages (`Dataset.spec`).
    """
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        found = [_diagnose(model, item, document, base, owner) for item in error.errors(include_url=False)]
        unique = {(d.code, d.message, d.place): d for d in found}
        return None, list(unique.values())


def _diagnose(model: type[BaseModel], error: Any, document: Document, base: Path_, owner: str) -> Diagnostic:
    loc: Path_ = error["loc"]
    known = _known(document, base, loc)
    where = ".".join(str(part) for part in known)
    kind = error["type"]
    if kind == "extra_forbidden":
        parent = ".".join([owner, *(str(part) for part in loc[:-1])])
        names = _fields(model, loc[:-1])
        near = difflib.get_close_matches(str(loc[-1]), names, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "Fields here: " + ", ".join(sorted(names)) + "."
        return Diagnostic("E104", f"unknown field `{loc[-1]}` in {parent}", document.place((*base, *loc), key=True), hint)
    place = document.place((*base, *known))
    if kind == "missing":
        return Diagnostic("E106", f"`{loc[-1]}` is missing in {'.'.join([owner, *map(str, loc[:-1])])}", place)
    message = str(error["msg"]).removeprefix("Value error, ")
    shown = error.get("input")
    got = f", not `{shown}`" if isinstance(shown, str | int | float | bool) and "`" not in message else ""
    wanted = _ARTICLES.get(kind)
    text = f"{owner}.{where}: should be {wanted}{got}" if wanted else f"{owner}.{where}: {message}{got}"
    hint = "Quote it to mean the text." if kind == "string_type" and isinstance(shown, int | float) else ""
    return Diagnostic("E105", text, place, hint)


def _known(document: Document, base: Path_, loc: Path_) -> Path_:
    """The parts of pydantic's location that are in the text; it adds names of union members."""
    kept: Path_ = ()
    for part in loc:
        if (*base, *kept, part) in document.values:
            kept = (*kept, part)
    return kept or loc


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
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    for argument in typing.get_args(annotation):
        found = _model_in(argument)
        if found:
            return found
    return None
