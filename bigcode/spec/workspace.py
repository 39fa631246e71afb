"""A workspace: all resources of a folder, checked together, all errors at once."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bigcode.api.canonical import key_of
from bigcode.api.diagnostics import Diagnostic, Place, Problem, raise_errors
from bigcode.api.resource import REF, Metadata, Resource, Uses, identity, references
from bigcode.host.registry import Registry
from bigcode.spec.check import check_model
from bigcode.spec.kinds import KINDS, POLICY_KINDS, spec_class
from bigcode.spec.lock import check_frozen
from bigcode.spec.overlay import apply_overlay, interpolate, read_overlay
from bigcode.spec.text import Document, Path_, read_document


@dataclass(frozen=True, slots=True)
class Workspace:
    """`resources` by address, in the order of addresses; `documents` hold the places of their fields."""

    root: Path
    name: str
    resources: Mapping[str, Resource]
    documents: Mapping[str, Document]

    @property
    def project(self) -> Resource:
        return next(r for r in self.resources.values() if r.kind == "Project")

    def address_of(self, reference: str) -> str:
        """The full address of a reference that may leave out the version.

        Raises:
            KeyError: when it names nothing or, without a version, several.
        """
        if reference in self.resources:
            return reference
        several = self.versions(reference)
        if "@" in reference or len(several) != 1:
            raise KeyError(reference)
        return several[0]

    def versions(self, reference: str) -> list[str]:
        stem = reference.split("@")[0]
        return [address for address in self.resources if address.split("@")[0] == stem]

    def get(self, reference: str) -> Resource:
        return self.resources[self.address_of(reference)]

    def place(self, address: str, *path: str | int, key: bool = False) -> Place:
        return self.documents[address].place(path, key=key)

    @property
    def digest(self) -> str:
        """Of everything that the specs say but Runtime fields."""
        return key_of({a: {"identity": identity(r.spec), "all": _prose(r)} for a, r in self.resources.items()})


def load_workspace(root: Path, registry: Registry, overlay: str = "") -> Workspace:
    """Read and check all resources of a folder.

    Raises:
        Problem: with every error that was found.
    """
    found: list[Diagnostic] = []
    variables = _variables(root, found)
    extra: Document | None = None
    if overlay:
        path = root / "env" / f"{overlay}.yaml"
        extra, more = read_overlay(path, _shown(path))
        found += more
    resources: dict[str, Resource] = {}
    documents: dict[str, Document] = {}
    for path in _files(root):
        document, more = read_document(path, _shown(path))
        found += more
        if document is None or any(d.severity == "error" for d in more):
            continue
        document, more = interpolate(document, variables)
        found += more
        resource, document, more = _load(document, extra)
        found += more
        if resource is None:
            continue
        if resource.address in resources:
            first = documents[resource.address].place(("metadata", "name"))
            found.append(Diagnostic("E205", f"{resource.address} is declared twice", document.place(("metadata", "name")),
                                    f"The other one is in {first.file}."))  # fmt: skip
            continue
        resources[resource.address] = resource
        documents[resource.address] = document
    ordered = {address: resources[address] for address in sorted(resources)}
    workspace = Workspace(root, root.resolve().name, ordered, documents)
    found += _check(workspace, registry, complete=not found, overlay=extra)
    raise_errors(found)
    return workspace


def _load(document: Document, overlay: Document | None) -> tuple[Resource | None, Document, list[Diagnostic]]:
    value = document.value
    if not isinstance(value, dict):
        return None, document, [Diagnostic("E105", "a resource is a mapping with apiVersion, kind, metadata and spec", document.place(()))]
    found: list[Diagnostic] = []
    for key in value:
        if key not in ("apiVersion", "kind", "metadata", "spec"):
            near = difflib.get_close_matches(key, ("apiVersion", "kind", "metadata", "spec"), n=1)
            found.append(Diagnostic("E104", f"unknown field `{key}`", document.place((key,), key=True),
                                    f"Did you mean `{near[0]}`?" if near else ""))  # fmt: skip
    for key in ("apiVersion", "kind", "metadata", "spec"):
        if key not in value:
            found.append(Diagnostic("E106", f"`{key}` is missing", document.place(())))
    if found:
        return None, document, found
    if value["apiVersion"] != "bigcode/v1":
        return None, document, [Diagnostic("E105", f"unknown apiVersion `{value['apiVersion']}`", document.place(("apiVersion",)), "Write `bigcode/v1`.")]
    kind = value["kind"]
    if kind not in KINDS:
        near = difflib.get_close_matches(str(kind), KINDS, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "Kinds: " + ", ".join(KINDS) + "."
        return None, document, [Diagnostic("E201", f"unknown kind `{kind}`", document.place(("kind",)), hint)]
    metadata, found = check_model(Metadata, value["metadata"], document, ("metadata",), "metadata")
    model = spec_class(kind)
    values = value["spec"]
    address = f"{kind}/{metadata.name}@{metadata.version}" if isinstance(metadata, Metadata) else ""
    if overlay is not None and isinstance(overlay.value, dict) and isinstance(values, dict):
        for name in (address, address.split("@")[0]):
            if name in overlay.value:
                values, document, more = apply_overlay(model, values, overlay, name, document)
                found += more
    spec, more = check_model(model, values, document, ("spec",), f"{kind}.spec")
    found += more
    if spec is None or metadata is None or found:
        return None, document, found
    return Resource(api_version="bigcode/v1", kind=kind, metadata=metadata, spec=spec), document, []


def _check(workspace: Workspace, registry: Registry, *, complete: bool, overlay: Document | None) -> Iterable[Diagnostic]:
    projects = [a for a, r in workspace.resources.items() if r.kind == "Project"]
    if complete and len(projects) != 1:
        names = ", ".join(projects) or "none"
        yield Diagnostic("E207", f"a workspace holds one Project; here: {names}", Place(_shown(workspace.root)))
    edges: dict[str, list[tuple[str, Path_]]] = {}
    for address, resource in workspace.resources.items():
        document = workspace.documents[address]
        if resource.kind in POLICY_KINDS and not resource.metadata.rationale:
            yield Diagnostic("E106", f"{resource.kind} needs metadata.rationale", document.place(("metadata",)),
                             "Name the decision record, for example governance/decisions/NNNN-title.md.")  # fmt: skip
        for path, text, kinds in references(resource.spec, ("spec",)):
            place = document.place(path)
            yield from _check_reference(workspace, text, kinds, place, complete)
            try:
                edges.setdefault(address, []).append((workspace.address_of(text), path))
            except KeyError:
                continue
        for path, uses in find_uses(resource.spec, ("spec",)):
            yield from _check_uses(registry, uses, document, path)
    yield from _cycles(workspace, edges)
    if overlay is not None and isinstance(overlay.value, dict):
        stems = {a.split("@")[0] for a in workspace.resources}
        for name in overlay.value:
            if name not in workspace.resources and name not in stems:
                yield Diagnostic("E202", f"the overlay names `{name}`, which is not here", overlay.place((name,), key=True))
    yield from check_frozen(workspace.root, workspace.resources, workspace.documents)


def _check_reference(workspace: Workspace, text: str, kinds: tuple[str, ...], place: Place, complete: bool) -> Iterable[Diagnostic]:
    match = REF.match(text)
    if match is None or match["kind"] not in kinds:
        yield Diagnostic("E202", f"`{text}` should name a {' or '.join(kinds)}", place)
        return
    several = workspace.versions(text)
    if "@" not in text and len(several) > 1:
        yield Diagnostic("E208", f"`{text}` could be any of {', '.join(several)}", place, "Add the version.")
    elif complete and text not in workspace.resources and ("@" in text or not several):
        near = difflib.get_close_matches(text, workspace.resources, n=1)
        yield Diagnostic("E202", f"`{text}` names nothing in this workspace", place, f"Did you mean `{near[0]}`?" if near else "")


def find_uses(value: Any, path: Path_) -> Iterable[tuple[Path_, Uses]]:
    """All components that a spec names, with their paths."""
    if isinstance(value, Uses):
        yield path, value
        return
    if hasattr(type(value), "model_fields"):
        for name, info in type(value).model_fields.items():
            yield from find_uses(getattr(value, name), (*path, info.alias or name))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from find_uses(item, (*path, index))


def _check_uses(registry: Registry, uses: Uses, document: Document, path: Path_) -> Iterable[Diagnostic]:
    try:
        component = registry.find(uses.uses, uses.version, document.place((*path, "uses")))
    except Problem as problem:
        yield from problem.diagnostics
        return
    _, found = check_model(registry.config_of(component), uses.with_, document, (*path, "with"), f"{uses.uses} with")
    yield from found


def _cycles(workspace: Workspace, edges: Mapping[str, list[tuple[str, Path_]]]) -> Iterable[Diagnostic]:
    state: dict[str, int] = {}

    def visit(address: str, trail: tuple[str, ...]) -> Iterable[Diagnostic]:
        state[address] = 1
        for target, path in edges.get(address, ()):
            if state.get(target) == 1:
                ring = (*trail[trail.index(target) :], target) if target in trail else (address, target)
                yield Diagnostic("E204", "references form a circle: " + " -> ".join(ring),
                                 workspace.documents[address].place(path))  # fmt: skip
            elif target not in state:
                yield from visit(target, (*trail, target))
        state[address] = 2

    for address in workspace.resources:
        if address not in state:
            yield from visit(address, (address,))


def _variables(root: Path, found: list[Diagnostic]) -> dict[str, Any]:
    path = root / "vars.yaml"
    if not path.exists():
        return {}
    document, more = read_document(path, _shown(path))
    found += more
    return document.value if document and isinstance(document.value, dict) else {}


def _files(root: Path) -> list[Path]:
    found = []
    for base, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and not (Path(base) == root and f == "env"))
        found += [Path(base) / n for n in sorted(names) if n.endswith((".yaml", ".yml")) and not n.startswith(".")]
    return [p for p in found if p != root / "vars.yaml"]


def _prose(resource: Resource) -> Any:
    from bigcode.api.resource import plain, select

    return {"metadata": plain(resource.metadata), "prose": select(resource.spec, keep="Prose")}


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
