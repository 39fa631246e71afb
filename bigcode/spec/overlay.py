"""Overlays set Runtime fields; interpolation reads `vars.yaml` and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from bigcode.api.diagnostics import Diagnostic
from bigcode.api.resource import tag_of
from bigcode.spec.text import Document, Path_, read_document

Of = TypeVar("Of")
_VARIABLE = re.compile(r"\$\{vars(\.[A-Za-z_][A-Za-z0-9_-]*)+\}")


def interpolate(document: Document, variables: Mapping[str, Any]) -> tuple[Document, list[Diagnostic]]:
    """Resolve `${vars.NAME}` in all text of a document. Environment and other resolvers are not available."""
    found: list[Diagnostic] = []

    def walk(value: Any, path: Path_) -> Any:
        if isinstance(value, dict):
            return {k: walk(v, (*path, k)) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(v, (*path, i)) for i, v in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return resolve(value, path)
        return value

    def resolve(text: str, path: Path_) -> Any:
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException

        # The library's own resolvers read the environment, so what is let through is decided here.
        if "${" not in _VARIABLE.sub("", text):
            try:
                holder = OmegaConf.create({"vars": dict(variables), "value": text})
                return OmegaConf.to_container(holder, resolve=True)["value"]  # type: ignore[call-overload,index]
            except OmegaConfBaseException:
                pass
        named = ", ".join(variables) or "nothing"
        hint = f"Only ${{vars.NAME}} is read, from vars.yaml, which holds {named}."
        found.append(Diagnostic("E206", f"cannot resolve `{text}`", document.place(path), hint))
        return text

    return replace(document, value=walk(document.value, ())), found


def read_overlay(path: Path, shown: str) -> tuple[Document | None, list[Diagnostic]]:
    """An overlay: a mapping from addresses to parts of their specs. The document is None when it is not usable."""
    if not path.exists() and not path.is_symlink():
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml"))) or "none"
        return None, [
            Diagnostic(
                "E001",
                f"there is no overlay {shown}",
                None,
                f"Overlays are env/NAME.yaml of the workspace; here: {there}.",
            )
        ]
    document, found = read_document(path, shown)
    if document is not None and not isinstance(document.value, dict | None):
        found.append(
            Diagnostic("E105", "an overlay is a mapping from addresses to Runtime fields", document.place(()))
        )
    usable = document is not None and isinstance(document.value, dict) and not found
    return document if usable else None, found


def read_variables(path: Path, shown: str) -> tuple[dict[str, Any], list[Diagnostic]]:
    """`vars.yaml`: a mapping from names to plain values; empty when there is none."""
    if not path.exists() and not path.is_symlink():
        return {}, []
    document, found = read_document(path, shown)
    if document is None or document.value is None:
        return {}, found
    if not isinstance(document.value, dict):
        return {}, [
            *found,
            Diagnostic("E105", "vars.yaml is a mapping from names to values", document.place(())),
        ]
    resolved, more = interpolate(document, document.value)
    return resolved.value, [*found, *more]


def apply_overlay(
    model: type[BaseModel], values: Any, overlay: Document, address: str, document: Document
) -> tuple[Any, Document, list[Diagnostic]]:
    """Merge the part of an overlay for `address` into the values of a spec.

    The document returned carries the overlay's places for the fields that it set.
    """
    part = overlay.value[address]
    refused = _refuse_identity(model, part, (address,), overlay, address)
    if refused:
        return values, document, refused
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        both = OmegaConf.merge(OmegaConf.create(values), OmegaConf.create(part))
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        message = f"the overlay for {address} does not fit: {str(error).splitlines()[0]}"
        return values, document, [Diagnostic("E105", message, overlay.place((address,)))]
    placed = replace(
        document,
        keys=document.keys | _moved(overlay.keys, address),
        values=document.values | _moved(overlay.values, address),
        raws=document.raws | _moved(overlay.raws, address),
    )
    return OmegaConf.to_container(both, resolve=False), placed, []


def _moved(found: Mapping[Path_, Of], address: str) -> dict[Path_, Of]:
    """What an overlay holds below an address, by its path in the spec."""
    return {("spec", *path[1:]): item for path, item in found.items() if path[:1] == (address,) and path[1:]}


def _refuse_identity(
    model: type[BaseModel], part: Any, path: Path_, overlay: Document, address: str
) -> list[Diagnostic]:
    if not isinstance(part, dict):
        return [Diagnostic("E105", f"the overlay for {address} is no mapping of fields", overlay.place(path))]
    found: list[Diagnostic] = []
    by_alias = {info.alias or name: (name, info) for name, info in model.model_fields.items()}
    for key, value in part.items():
        here = (*path, key)
        # What is no field at all is said by the check of the merged values, with the names there are.
        if key not in by_alias:
            continue
        name, info = by_alias[key]
        tag = tag_of(model, name)
        if tag == "Runtime":
            continue
        inner = (
            info.annotation
            if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
            else None
        )
        if tag == "Identity" and inner is not None and isinstance(value, dict):
            found += _refuse_identity(inner, value, here, overlay, address)
        else:
            dotted = ".".join(str(p) for p in here[1:])
            found.append(
                Diagnostic(
                    "E203",
                    f"an overlay may not change {address} {dotted}",
                    overlay.place(here, key=True),
                    "Overlays set Runtime fields; change the spec under review instead.",
                )
            )
    return found
