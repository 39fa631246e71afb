"""What can be checked only when all resources are there: references, circles, components, plugins' own checks."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from bigcode.api.diagnostics import Diagnostic, Place, Problem
from bigcode.api.resource import REF, Uses, references
from bigcode.host.registry import Registry
from bigcode.spec.check import check_model
from bigcode.spec.slots import find_uses
from bigcode.spec.text import Document, Path_

BUILT_IN_EXECUTORS = ("auto", "inline", "local")


def check_references(workspace: Any, declared: Collection[str], *, complete: bool) -> Iterable[Diagnostic]:
    """Dangling, ambiguous and circular references.

    Args:
        declared: addresses of all files that name one, also of those with errors: what refers to them is right.
        complete: whether all files name one; if not, a reference that is not found may still be right.
    """
    edges: dict[str, list[tuple[str, Path_]]] = {}
    versions: dict[str, list[str]] = {}
    for address in declared:
        versions.setdefault(address.split("@")[0], []).append(address)
    for address, resource in workspace.resources.items():
        for path, text, kinds in references(resource.spec, ("spec",)):
            yield from _check_reference(
                text, kinds, declared, versions, workspace.documents[address].place(path), complete
            )
            if path[1:2] == ("lifecycle",):
                # A successor names its forerunner in turn.
                continue
            try:
                edges.setdefault(address, []).append((workspace.address_of(text), path))
            except KeyError:
                continue
    yield from _circles(workspace, edges)


def _check_reference(
    text: str,
    kinds: tuple[str, ...],
    declared: Collection[str],
    versions: Mapping[str, Sequence[str]],
    place: Place,
    complete: bool,
) -> Iterable[Diagnostic]:
    match = REF.match(text)
    if match is None or match["kind"] not in kinds:
        yield Diagnostic("E202", f"`{text}` should name a {' or '.join(kinds)}", place)
        return
    several = versions.get(text.split("@")[0], ())
    if "@" not in text and len(several) > 1:
        yield Diagnostic(
            "E208", f"`{text}` could be any of {', '.join(sorted(several))}", place, "Add the version."
        )
    elif complete and text not in declared and ("@" in text or not several):
        of_kind = sorted(a for a in declared if a.split("/")[0] in kinds)
        near = several or difflib.get_close_matches(text, of_kind, n=1)
        hint = (
            f"Did you mean `{near[0]}`?"
            if near
            else f"Here: {', '.join(of_kind)}."
            if of_kind
            else f"There is no {' or '.join(kinds)} here."
        )
        yield Diagnostic("E202", f"`{text}` names nothing in this workspace", place, hint)


def _circles(workspace: Any, edges: Mapping[str, list[tuple[str, Path_]]]) -> Iterable[Diagnostic]:
    finished: set[str] = set()

    def visit(address: str, trail: tuple[str, ...]) -> Iterable[Diagnostic]:
        for target, path in edges.get(address, ()):
            if target in trail:
                ring = " -> ".join((*trail[trail.index(target) :], target))
                yield Diagnostic(
                    "E204",
                    f"references form a circle: {ring}",
                    workspace.documents[address].place(path),
                    "Take one of them out.",
                )
            elif target not in finished:
                yield from visit(target, (*trail, target))
        finished.add(address)

    for address in workspace.resources:
        if address not in finished:
            yield from visit(address, (address,))


def check_components(workspace: Any, registry: Registry) -> Iterable[Diagnostic]:
    """Components that are unknown, of another behaviour version, in the wrong slot, or configured wrongly."""
    for address, resource in workspace.resources.items():
        document = workspace.documents[address]
        for path, uses, slot in find_uses(resource.spec, ("spec",)):
            yield from _check_uses(registry, uses, slot, document, path)
        if resource.kind == "Project" and resource.spec.execution.executor not in BUILT_IN_EXECUTORS:
            here = document.place(("spec", "execution", "executor"))
            yield from _check_slot(registry, resource.spec.execution.executor, None, "executor", here)


def _check_slot(
    registry: Registry, name: str, version: int | None, slot: str, place: Place
) -> Iterable[Diagnostic]:
    try:
        component = registry.find(name, version, place)
    except Problem as problem:
        yield from problem.diagnostics
        return
    if slot and component.slot != slot:
        fitting = sorted(n for n, o in registry.offers.items() if o.component.slot == slot)
        hint = (
            f"For this place there are {', '.join(fitting)}."
            if fitting
            else f"No plugin here offers {_a(slot)}."
        )
        yield Diagnostic("E305", f"`{name}` is {_a(component.slot)}, {_a(slot)} is needed here", place, hint)


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _check_uses(
    registry: Registry, uses: Uses, slot: str, document: Document, path: Path_
) -> Iterable[Diagnostic]:
    found = list(_check_slot(registry, uses.uses, uses.version, slot, document.place((*path, "uses"))))
    yield from found
    if found:
        return
    component = registry.find(uses.uses)
    try:
        _, found = check_model(
            registry.config_of(component), uses.with_, document, (*path, "with"), f"{uses.uses} with"
        )
    except Problem as problem:
        found = [
            Diagnostic(d.code, d.message, document.place((*path, "uses")), d.hint)
            for d in problem.diagnostics
        ]
    except Exception as error:
        message = f"the settings of `{uses.uses}` cannot be checked: {type(error).__name__}: {error}"
        found = [
            Diagnostic("E303", message, document.place((*path, "with")), "This is a fault of the plugin.")
        ]
    yield from found
