"""The envelope of a resource, field tags, references and quantities with units.

Field tags: *identity* (no tag; part of the key), `Runtime` (overlays may set it; never in a key) and `Prose`
(re-renders cards only).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from bigcode.api.units import parse_unit


class Tag:
    """A mark on a field that says where its value may have an effect."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


Runtime = Tag("Runtime")
Prose = Tag("Prose")


class RefTo:
    """Marks a string field as a reference to a resource of one of `kinds`."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds


REF = re.compile(
    r"^(?P<kind>[A-Z][A-Za-z]+)/(?P<name>[a-z0-9][a-z0-9.-]*)(?:@(?P<version>[A-Za-z0-9][A-Za-z0-9.+-]*))?$"
)


def _ref(value: Any) -> Any:
    if isinstance(value, str) and not REF.match(value):
        raise ValueError("a reference reads Kind/name or Kind/name@version")
    return value


Ref = Annotated[str, BeforeValidator(_ref)]


class Model(BaseModel):
    """Base of everything that a spec can say: frozen, camelCase in YAML, no unknown fields."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True,
        validate_default=True, use_attribute_docstrings=True,
    )  # fmt: skip


class Config(Model):
    """Base of a component's settings, the `with` of a spec."""


class Uses(Model):
    """A component by name and behaviour version, with its settings."""

    uses: str
    version: int = 1
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")


class Metadata(Model):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]*$")] = "1.0.0"
    owners: Annotated[tuple[str, ...], Prose] = ()
    rationale: Annotated[str, Prose] = ""
    """Path of the decision record, from the root of the repository; required on policy kinds."""


class Spec(Model):
    """Base of the `spec` of every kind."""

    facts: Annotated[tuple[DeclaredFact, ...], Prose] = ()
    """Facts that people declare, with where they come from."""
    notes: Annotated[str, Prose] = ""
    """Text for the cards; it holds no digits."""


class DeclaredFact(Model):
    id: Annotated[str, Field(pattern=r"^[a-z][A-Za-z0-9.\-]*$")]
    value: int | float | str
    unit: str = "1"
    label: str = ""
    source: str
    as_of: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Resource(Model):
    """One file of a workspace."""

    api_version: Literal["bigcode/v1"]
    kind: str
    metadata: Metadata
    spec: Any

    @property
    def address(self) -> str:
        return f"{self.kind}/{self.metadata.name}@{self.metadata.version}"


_QUANTITY = re.compile(r"^\s*([0-9][0-9_]*(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)\s*(.*?)\s*$")
_COUNT = {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def split_quantity(text: str) -> tuple[float, str]:
    """Split `256MiB` or `1.5 kW` into a number and a unit.

    Raises:
        ValueError: when the text does not start with a number.
    """
    match = _QUANTITY.match(text)
    if not match:
        raise ValueError(f"`{text}` is no quantity; write a number and a unit")
    return float(match[1].replace("_", "")), match[2]


def _in_unit(unit: str) -> BeforeValidator:
    def convert(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, str):
            return value
        number, name = split_quantity(value)
        if not name:
            raise ValueError(f"`{value}` lacks a unit; write for example `{value}{unit}`")
        found, wanted = parse_unit(name), parse_unit(unit)
        if found.dims != wanted.dims:
            raise ValueError(f"`{value}` is not measured in {unit}")
        return number * found.scale / wanted.scale

    return BeforeValidator(convert)


def _tokens(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    number, name = split_quantity(value)
    scale = _COUNT.get(name.removesuffix("tokens").removesuffix("token").strip())
    if scale is None:
        raise ValueError(f"`{value}` is no number of tokens; write for example `35B tokens`")
    return int(number * scale)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Bytes = Annotated[int, BeforeValidator(_whole), _in_unit("B"), Field(ge=0)]
"""A size; YAML `256MiB`, in memory bytes."""
Seconds = Annotated[float, _in_unit("s"), Field(ge=0)]
"""A duration; YAML `90d`, in memory seconds."""
Watts = Annotated[float, _in_unit("W"), Field(ge=0)]
Tokens = Annotated[int, BeforeValidator(_tokens), Field(ge=0)]
CarbonIntensity = Annotated[float, _in_unit("kgCO2e/kWh"), Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Date = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


def tag_of(model: type[BaseModel], field: str) -> str:
    """`Identity`, `Runtime` or `Prose`."""
    for item in model.model_fields[field].metadata:
        if isinstance(item, Tag):
            return item.name
    return "Identity"


def select(value: Any, *, keep: str) -> Any:
    """The part of a model's values that carries the tag `keep`, as plain JSON with YAML names.

    A tag on a field covers everything below it; empty parts of other tags are left out.
    """
    if isinstance(value, BaseModel):
        out: dict[str, Any] = {}
        for name, info in type(value).model_fields.items():
            tag = tag_of(type(value), name)
            item = getattr(value, name)
            if tag == keep:
                out[info.alias or name] = plain(item)
            elif tag == "Identity" and isinstance(item, BaseModel):
                inner = select(item, keep=keep)
                if inner:
                    out[info.alias or name] = inner
        return out
    return plain(value)


def identity(model: BaseModel) -> Any:
    """What of a spec enters the key: everything but `Runtime` and `Prose`."""
    return _without_tags(model)


def _without_tags(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {
            info.alias or name: _without_tags(getattr(value, name))
            for name, info in type(value).model_fields.items()
            if tag_of(type(value), name) == "Identity"
        }
    if isinstance(value, dict):
        return {k: _without_tags(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_without_tags(v) for v in value]
    return value


def plain(value: Any) -> Any:
    """A model, or a container of models, as plain JSON with YAML names."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    return value


def references(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str, tuple[str, ...]]]:
    """All references below a model: the path of YAML names, the text, and the kinds it may point at."""
    if isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            kinds = next((m.kinds for m in info.metadata if isinstance(m, RefTo)), None)
            item = getattr(value, name)
            here = (*path, info.alias or name)
            if kinds is not None:
                many = item if isinstance(item, tuple | list) else (item,)
                for index, text in enumerate(many):
                    if text:
                        yield ((*here, index) if isinstance(item, tuple | list) else here, text, kinds)
            else:
                yield from references(item, here)
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from references(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(item, (*path, key))


Spec.model_rebuild()
