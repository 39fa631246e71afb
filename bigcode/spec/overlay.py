"""Overlays set Runtime fields; interpolation reads `vars.yaml` and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bigcode.api.diagnostics import Diagnostic
from bigcode.api.resource import tag_of
from bigcode.spec.text import Document, Path_, read_document


def interpolate(document: Document, variables: Mapping[str, Any]) -> tuple[Document, list[Diagnostic]]:
    """Resolve `${vars.NAME}` in all text of a document. Environment and other resolvers are not available."""
    found: list[Diagnostic] = []

    def walk(value: Any, path: Path_) -> Any:
        if isinstance(value, dict):
            return {k: walk(v, (*path, k)) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(v, (*path, i)) for i, v in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return _resolve(value, path)
        return value

    def _resolve(text: str, path: Path_) -> Any:
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException

        OmegaConf.clear_resolvers()
        try:
            holder = OmegaConf.create({"vars": dict(variables), "value": text})
            return OmegaConf.to_container(holder, resolve=True)["value"]  # type: ignore[call-overload,index]
        except OmegaConfBaseException:
            found.append(Diagnostic("E206", f"cannot resolve `{text}`", document.place(path),
                                    "Only ${vars.NAME} is read, from vars.yaml."))  # fmt: skip
            return text

    return Document(document.file, walk(document.value, ()), document.keys, document.values), found


def read_overlay(path: Path, shown: str) -> tuple[Document | None, list[Diagnostic]]:
    """An overlay: a mapping from addresses to parts of their specs."""
    if not path.exists():
        return None, [Diagnostic("E001", f"there is no overlay {shown}", None, "Overlays are env/NAME.yaml of the workspace.")]
    return read_document(path, shown)


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

    merged = OmegaConf.to_container(OmegaConf.merge(OmegaConf.create(values), OmegaConf.create(part)), resolve=False)
    keys, places = dict(document.keys), dict(document.values)
    for source, target in ((overlay.keys, keys), (overlay.values, places)):
        for path, place in source.items():
            if path[:1] == (address,) and len(path) > 1:
                target[("spec", *path[1:])] = place
    return merged, Document(document.file, document.value, keys, places), []


def _refuse_identity(model: type[BaseModel], part: Any, path: Path_, overlay: Document, address: str) -> list[Diagnostic]:
    if not isinstance(part, dict):
        return [Diagnostic("E203", f"the overlay for {address} is no mapping", overlay.place(path))]
    found: list[Diagnostic] = []
    by_alias = {info.alias or name: (name, info) for name, info in model.model_fields.items()}
    for key, value in part.items():
        here = (*path, key)
        if key not in by_alias:
            continue
        name, info = by_alias[key]
        tag = tag_of(model, name)
        if tag == "Runtime":
            continue
        inner = info.annotation if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel) else None
        if tag == "Identity" and inner is not None and isinstance(value, dict):
            found += _refuse_identity(inner, value, here, overlay, address)
        else:
            dotted = ".".join(str(p) for p in here[1:])
            found.append(Diagnostic("E203", f"an overlay may not change {address} {dotted}", overlay.place(here, key=True),
                                    "Overlays set Runtime fields; change the spec under review instead."))  # fmt: skip
    return found
