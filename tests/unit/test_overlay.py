"""Overlays and interpolation, as functions of values."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from bigcode.api.resource import Model, Prose, Runtime
from bigcode.spec.overlay import apply_overlay, interpolate
from bigcode.spec.text import Document, parse_document


class Place(Model):
    workers: int = 1
    folder: str = ""


class Inner(Model):
    seed: int = 0
    threads: Annotated[int, Runtime] = 1


class Thing(Model):
    size: int = 0
    note: Annotated[str, Prose] = ""
    place: Annotated[Place, Runtime] = Place()
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()


def document(text: str, name: str = "o.yaml") -> Document:
    found, errors = parse_document(text, name)
    assert found is not None
    assert errors == []
    return found


def merged(overlay: str, spec: str = "spec: {size: 3}\n") -> tuple[Any, list[str]]:
    """The values after an overlay, and what was refused."""
    own = document(spec, "s.yaml")
    values, _, found = apply_overlay(Thing, own.value["spec"], document(overlay), "Thing/a", own)
    return values, [f"{d.place} {d.code}" for d in found]


def test_runtime_fields_are_merged_into_what_the_spec_says() -> None:
    values, refused = merged("Thing/a: {place: {workers: 8}}\n", "spec: {size: 3, place: {folder: x}}\n")
    assert (values, refused) == ({"size": 3, "place": {"folder": "x", "workers": 8}}, [])


def test_a_runtime_field_inside_of_an_identity_part_may_be_set() -> None:
    values, refused = merged("Thing/a: {inner: {threads: 4}}\n", "spec: {inner: {seed: 1}}\n")
    assert (values, refused) == ({"inner": {"seed": 1, "threads": 4}}, [])


@pytest.mark.parametrize(
    ("overlay", "place"),
    [
        ("Thing/a: {size: 4}\n", "o.yaml:1:11"),
        ("Thing/a: {note: x}\n", "o.yaml:1:11"),
        ("Thing/a: {inner: {seed: 2}}\n", "o.yaml:1:19"),
        ("Thing/a: {inner: 3}\n", "o.yaml:1:11"),
        ("Thing/a: {many: [{threads: 2}]}\n", "o.yaml:1:11"),
    ],
)
def test_all_else_is_refused_and_nothing_is_merged(overlay: str, place: str) -> None:
    values, refused = merged(f"{overlay}")
    assert (values, refused) == ({"size": 3}, [f"{place} E203"])


def test_all_that_is_refused_is_told_at_once() -> None:
    _, refused = merged("Thing/a:\n  size: 4\n  place: {workers: 2}\n  note: x\n")
    assert refused == ["o.yaml:2:3 E203", "o.yaml:4:3 E203"]


def test_what_an_overlay_sets_has_its_place_in_the_overlay() -> None:
    own = document("spec: {size: 3, place: {folder: x}}\n", "s.yaml")
    _, placed, _ = apply_overlay(
        Thing, own.value["spec"], document("Thing/a: {place: {workers: 8}}\n"), "Thing/a", own
    )
    assert str(placed.place(("spec", "place", "workers"))) == "o.yaml:1:28"
    assert str(placed.place(("spec", "place", "folder"))) == "s.yaml:1:33"
    assert placed.raws["spec", "place", "workers"] == "8"


VARIABLES = {"n": 8, "name": "x", "list": [1, 2], "map": {"deep": True}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${vars.n}", 8),
        ("p-${vars.name}-${vars.n}", "p-x-8"),
        ("${vars.list}", [1, 2]),
        ("${vars.map.deep}", True),
        ("no variable: $HOME", "no variable: $HOME"),
        (r"\${vars.n}", "${vars.n}"),
    ],
)
def test_variables_are_put_in_with_their_types(text: str, value: Any) -> None:
    own = Document("s.yaml", {"a": [text]})
    resolved, found = interpolate(own, VARIABLES)
    assert (resolved.value, found) == ({"a": [value]}, [])


@pytest.mark.parametrize(
    "text",
    [
        "${oc.env:HOME}",
        "${env:HOME}",
        "${vars.none}",
        "${n}",
        "${.n}",
        "${vars}",
        "${vars.n",
        "${vars.${vars.name}}",
    ],
)
def test_nothing_else_is_resolved(text: str) -> None:
    own = document(f"a: '{text}'\n", "s.yaml")
    resolved, found = interpolate(own, VARIABLES)
    assert resolved.value == {"a": text}
    assert [(d.code, str(d.place)) for d in found] == [("E206", "s.yaml:1:4")]
    assert "n, name, list, map" in found[0].hint
