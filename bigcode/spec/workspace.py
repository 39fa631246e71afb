"""A workspace: all resources of a folder, checked together, all errors at once."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bigcode.api.canonical import key_of
from bigcode.api.diagnostics import Diagnostic, Place, raise_errors
from bigcode.api.resource import Metadata, Resource, identity
from bigcode.host.registry import Registry
from bigcode.spec.check import check_model
from bigcode.spec.kinds import KINDS, POLICY_KINDS, spec_class
from bigcode.spec.locate import yaml_files
from bigcode.spec.lock import check_frozen
from bigcode.spec.overlay import apply_overlay, interpolate, read_overlay, read_variables
from bigcode.spec.relations import check_components, check_references
from bigcode.spec.reviews import check_reviews
from bigcode.spec.text import Document, read_document

_ENVELOPE = ("apiVersion", "kind", "metadata", "spec")


@dataclass(frozen=True, slots=True)
class Workspace:
    """`resources` by address, in the order of addresses; `documents` hold the places of their fields."""

    root: Path
    name: str
    resources: Mapping[str, Resource]
    documents: Mapping[str, Document]
    _versions: dict[str, list[str]] = field(init=False, repr=False, compare=False, default_factory=dict)
    _projects: list[str] = field(init=False, repr=False, compare=False, default_factory=list)

    def __post_init__(self) -> None:
        for address in self.resources:
            self._versions.setdefault(address.split("@")[0], []).append(address)
            if address.startswith("Project/"):
                self._projects.append(address)

    @property
    def project(self) -> Resource:
        return self.resources[self._projects[0]]

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
        return list(self._versions.get(reference.split("@")[0], ()))

    def get(self, reference: str) -> Resource:
        return self.resources[self.address_of(reference)]

    def place(self, address: str, *path: str | int, key: bool = False) -> Place:
        return self.documents[address].place(path, key=key)

    @property
    def digest(self) -> str:
        """Of everything that the specs say but Runtime fields."""
        return key_of(
            {a: {"identity": identity(r.spec), "all": _prose(r)} for a, r in self.resources.items()}
        )


def load_workspace(root: Path, registry: Registry, overlay: str = "") -> Workspace:
    """Read and check all resources of a folder.

    Raises:
        Problem: with every error that was found.
    """
    variables, found = read_variables(root / "vars.yaml", _shown(root / "vars.yaml"))
    extra: Document | None = None
    if overlay:
        path = root / "env" / f"{overlay}.yaml"
        extra, more = read_overlay(path, _shown(path))
        found += more
    resources: dict[str, Resource] = {}
    documents: dict[str, Document] = {}
    nameless = False
    for path in _files(root):
        loaded = _load_file(path, variables, extra)
        found += loaded.found
        nameless |= not loaded.address
        first = documents.get(loaded.address)
        if first is not None and loaded.address:
            found.append(
                Diagnostic(
                    "E205",
                    f"{loaded.address} is declared twice",
                    loaded.document.place(("metadata", "name")),
                    f"The other one is in {first.file}.",
                )
            )
        elif loaded.address:
            documents[loaded.address] = loaded.document
            if loaded.resource is not None:
                resources[loaded.address] = loaded.resource
    ordered = {address: resources[address] for address in sorted(resources)}
    workspace = Workspace(root, root.resolve().name, ordered, documents)
    found += _check(workspace, registry, documents, complete=not nameless, overlay=extra)
    raise_errors(found)
    return workspace


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What one file gave: an address as soon as it can be told, a resource when nothing is wrong with it."""

    document: Document
    found: list[Diagnostic]
    address: str = ""
    resource: Resource | None = None


def _load_file(path: Path, variables: Mapping[str, Any], overlay: Document | None) -> _Loaded:
    shown = _shown(path)
    document, found = read_document(path, shown)
    if document is None:
        return _Loaded(Document(shown, None), found)
    document, more = interpolate(document, variables)
    loaded = _load(document, overlay)
    # What follows from a value that was refused already is not said a second time.
    said = {d.place for d in (*found, *more)}
    found = [*found, *more, *(d for d in loaded.found if d.place not in said)]
    return _Loaded(loaded.document, found, loaded.address, None if found else loaded.resource)


def _load(document: Document, overlay: Document | None) -> _Loaded:
    value = document.value
    if not isinstance(value, dict):
        hint = "A file that is no resource has another ending than .yaml."
        return _Loaded(
            document,
            [
                Diagnostic(
                    "E105",
                    "a resource is a mapping with apiVersion, kind, metadata and spec",
                    document.place(()),
                    hint,
                )
            ],
        )
    found = list(_check_envelope(document))
    kind = value.get("kind")
    metadata, more = check_model(Metadata, value.get("metadata", {}), document, ("metadata",), "metadata")
    found += more if "metadata" in value else []
    if not isinstance(kind, str) or kind not in KINDS:
        return _Loaded(document, found)
    address = f"{kind}/{metadata.name}@{metadata.version}" if isinstance(metadata, Metadata) else ""
    if "spec" not in value:
        return _Loaded(document, found, address)
    model, values = spec_class(kind), value["spec"]
    if overlay is not None and isinstance(values, dict) and address:
        for name in (address, address.split("@")[0]):
            if name in overlay.value:
                values, document, more = apply_overlay(model, values, overlay, name, document)
                found += more
    spec, more = check_model(model, values, document, ("spec",), f"{kind}.spec")
    found += more
    if spec is None or not isinstance(metadata, Metadata) or found:
        return _Loaded(document, found, address)
    return _Loaded(
        document, [], address, Resource(api_version="bigcode/v1", kind=kind, metadata=metadata, spec=spec)
    )


def _check_envelope(document: Document) -> Iterable[Diagnostic]:
    value = document.value
    for key in value:
        if key not in _ENVELOPE:
            near = difflib.get_close_matches(key, _ENVELOPE, n=1)
            hint = (
                f"Did you mean `{near[0]}`?"
                if near
                else "A resource has apiVersion, kind, metadata and spec."
            )
            yield Diagnostic("E104", f"unknown field `{key}`", document.place((key,), key=True), hint)
    for key in _ENVELOPE:
        if key not in value:
            yield Diagnostic("E106", f"`{key}` is missing", document.place(()))
    if value.get("apiVersion", "bigcode/v1") != "bigcode/v1":
        yield Diagnostic(
            "E105",
            f"unknown apiVersion `{value['apiVersion']}`",
            document.place(("apiVersion",)),
            "Write `bigcode/v1`.",
        )
    kind = value.get("kind", "Project")
    if not isinstance(kind, str) or kind not in KINDS:
        near = difflib.get_close_matches(str(kind), KINDS, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "Kinds: " + ", ".join(KINDS) + "."
        yield Diagnostic("E201", f"unknown kind `{kind}`", document.place(("kind",)), hint)


def _check(
    workspace: Workspace,
    registry: Registry,
    declared: Collection[str],
    *,
    complete: bool,
    overlay: Document | None,
) -> Iterable[Diagnostic]:
    projects = sorted(a for a in declared if a.startswith("Project/"))
    if len(projects) > 1 or (complete and not projects):
        place = workspace.place(projects[-1], "kind") if projects else Place(_shown(workspace.root))
        yield Diagnostic(
            "E207",
            f"a workspace holds one Project; here: {', '.join(projects) or 'none'}",
            place,
            "Give each project a folder of its own.",
        )
    for address, resource in workspace.resources.items():
        if resource.kind in POLICY_KINDS and not resource.metadata.rationale:
            yield Diagnostic(
                "E106",
                f"{resource.kind} needs metadata.rationale",
                workspace.place(address, "metadata"),
                "Name the decision record, for example governance/decisions/NNNN-title.md.",
            )
    yield from check_references(workspace, declared, complete=complete)
    yield from check_components(workspace, registry)
    yield from check_reviews(workspace)
    if overlay is not None:
        names = sorted({a.split("@")[0] for a in declared} | set(declared))
        for name in overlay.value:
            if name not in names and complete:
                near = difflib.get_close_matches(name, names, n=1)
                yield Diagnostic(
                    "E202",
                    f"the overlay names `{name}`, which is not here",
                    overlay.place((name,), key=True),
                    f"Did you mean `{near[0]}`?" if near else "",
                )
    yield from check_frozen(workspace.root, workspace.resources, workspace.documents, declared)
    for address, resource in workspace.resources.items():
        for diagnostic in registry.checks(resource, workspace.resources):
            yield diagnostic if diagnostic.place else replace(diagnostic, place=workspace.place(address))


def _files(root: Path) -> list[Path]:
    return [p for p in yaml_files(root) if p != root / "vars.yaml" and root / "env" not in p.parents]


def _prose(resource: Resource) -> Any:
    from bigcode.api.resource import plain, select

    return {"metadata": plain(resource.metadata), "prose": select(resource.spec, keep="Prose")}


def _shown(path: Path) -> str:
    try:
        return str(Path(os.path.abspath(path)).relative_to(Path.cwd()))
    except ValueError:
        return str(path)
