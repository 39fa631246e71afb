"""What a printed span stands for. An *entry* is plain JSON that names a fact, a name, a verbatim text, a number of
the document itself or an axis tick; `text_of` gives the words it prints, on rendering and on checking alike.

Entries:
    {"fact": ID, "format": {...}}   a fact, or with `as` a part of one or a sum over a group
    {"name": TEXT}                  a name from a resource, a fact's id or the glossary
    {"name": ADDRESS#/PATH, "format": {"as": "setting"}}   a value that a resource sets
    {"verbatim": NAME}              a text by its sha256; with `as: sha256` the digest itself
    {"numbering": TEXT}             a number that the document counts
    {"tick": AXIS}                  a mark on the axis of a plot
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bigcode.api import Fact, fail, parse_unit
from bigcode.api.units import convertible
from bigcode.cards.format import (
    ABSENT,
    WITHHELD,
    format_fact,
    format_given,
    format_number,
    format_plain,
    format_quantity,
    format_share,
    format_size_category,
    tidy,
)
from bigcode.cards.provenance import describe, describe_formula, split_id

Entry = Mapping[str, Any]

_MEMBER = re.compile(r"^(?P<group>[^{]+)\{(?P<key>[^={]+)=(?P<value>.*)\}$", re.DOTALL)
NUMBERING = re.compile(r"^\d+(\.\d+)*$")


@dataclass(frozen=True)
class World:
    """All that a card may print from. `resources` is None where they are not at hand: names then go unchecked."""

    facts: Mapping[str, Fact]
    declared: Mapping[str, Fact] = field(default_factory=dict)
    resources: Mapping[str, Any] | None = None
    verbatim: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    glossary: Sequence[str] = ()
    labels: Sequence[str] = ()

    @cached_property
    def names(self) -> frozenset[str]:
        found = {*self.glossary, *map(tidy, self.labels), *map(tidy, _strings(self.resources or {}))}
        for fact_id in self.facts:
            found |= {*map(tidy, (fact_id, *split_id(fact_id)))}
            if member := split_member(fact_id):
                found |= {*map(tidy, (member[2], member[2].partition(".")[2], *_parts(member[2])))}
        return frozenset(found)

    def knows(self, name: str) -> bool:
        """Whether a text without facts may be printed: it holds no digit, or is a name, or each of its words that
        holds a digit is one."""
        if self.resources is None or not has_digit(name) or name in self.names:
            return True
        words = (word.strip("()[],;:.\"'") for word in name.split())
        return all(word in self.names for word in words if has_digit(word))


def has_digit(text: str) -> bool:
    """Whether a character counts as a number in Unicode: 1, ², ½, Ⅳ and their like."""
    return any(is_digit(char) for char in text)


def is_digit(char: str) -> bool:
    return unicodedata.category(char)[0] == "N"


def split_member(fact_id: str) -> tuple[str, str, str] | None:
    """`S/files.kept{language=Python}` as (`S/files.kept`, `language`, `Python`); None for ids of no group."""
    match = _MEMBER.match(fact_id)
    return (match["group"], match["key"], match["value"]) if match else None


def members(
    world: World, group: str, key: str, where: tuple[str, str] | None = None
) -> list[tuple[str, Fact]]:
    """The facts of a group, greatest first, then by name: (value of the key, fact).

    Args:
        where: of a group by two keys, `S/recall{entity=KEY,set=A}`, the second key and the value that it must have.
    """
    found = []
    end = f",{where[0]}={where[1]}" if where else ""
    for fact_id, fact in world.facts.items():
        member = split_member(fact_id)
        if member and member[0] == group and member[1] == key and member[2].endswith(end):
            found.append((member[2].removesuffix(end), fact))
    return sorted(found, key=lambda item: (-(amount(item[1]) or 0.0), item[0]))


def second_values(world: World, group: str, key: str) -> list[str]:
    """The values of the second key of a group by two keys, sorted."""
    found = set()
    for fact_id in world.facts:
        member = split_member(fact_id)
        if member and member[0] == group and f",{key}=" in member[2]:
            found.add(member[2].rpartition(f",{key}=")[2])
    return sorted(found)


def _parts(member: str) -> list[str]:
    """`KEY,set=A` as KEY and A."""
    first, *more = re.split(r",[a-z]+=", member)
    return [first, *more] if more else []


def amount(fact: Fact | None) -> float | None:
    """The value as a number; None when there is none to count with."""
    if fact is None or fact.withheld or not isinstance(fact.value, int | float):
        return None
    return fact.value


def text_of(entry: Entry, world: World) -> str:
    """The text that an entry prints.

    Raises:
        Problem: E609 when the entry has no such form, E603 when units do not fit.
    """
    layout = entry.get("format", {})
    if "fact" in entry:
        return _text_of_fact(entry["fact"], layout, world)
    if "name" in entry:
        return (
            _text_of_setting(entry["name"], layout, world) if layout.get("as") == "setting" else entry["name"]
        )
    if "verbatim" in entry:
        text, digest = world.verbatim[entry["verbatim"]]
        return digest if layout.get("as") == "sha256" else text
    if "numbering" in entry:
        return str(entry["numbering"])
    raise fail("E609", f"a span stands for nothing that a card may print: {sorted(entry)}")


def _text_of_fact(fact_id: str, layout: Mapping[str, Any], world: World) -> str:
    look = {name: layout[name] for name in ("unit", "digits", "bare", "plain") if name in layout}
    match layout.get("as", "value"):
        case "value":
            return format_fact(world.facts.get(fact_id), **look)
        case "declared":
            return format_fact(world.declared.get(fact_id), **look)
        case "share":
            return _share(world.facts.get(fact_id), world.facts.get(layout["of"]), layout.get("digits"))
        case "size":
            size = amount(world.facts.get(fact_id))
            return ABSENT if size is None else format_size_category(size)
        case "count":
            return format_number(len(members(world, *_group_of(fact_id))))
        case "rest":
            return _rest(members(world, *_group_of(fact_id))[layout["top"] :], layout, world)
        case "interval":
            return _interval(world.facts.get(fact_id), **look)
        case part:
            fact = world.declared.get(fact_id) if layout.get("of") == "declared" else world.facts.get(fact_id)
            return _part(fact_id, fact, part)


def _part(fact_id: str, fact: Fact | None, part: str) -> str:
    if part == "id":
        return tidy(fact_id)
    if part == "how":
        return describe(fact)
    if fact is None:
        return ABSENT
    match part:
        case "label":
            return tidy(fact.label) or tidy(split_id(fact_id)[1])
        case "source" | "method":
            return tidy(getattr(fact, part)) or f"{part} not stated"
        case "as_of":
            return tidy(fact.as_of) or "date not stated"
        case "kind":
            return WITHHELD if fact.withheld else ABSENT if fact.value is None else fact.kind
        case "formula":
            return describe_formula(fact)
        case _:
            raise fail("E609", f"a fact has no part `{part}` that a card prints")


def _share(part: Fact | None, whole: Fact | None, digits: int | None) -> str:
    if (part and part.withheld) or (whole and whole.withheld):
        return WITHHELD
    a, b = amount(part), amount(whole)
    if a is None or not b or part is None or whole is None:
        return ABSENT
    have, want = parse_unit(part.unit), parse_unit(whole.unit)
    if not convertible(have, want):
        raise fail("E603", f"`{part.id}` is no share of `{whole.id}`: {part.unit} of {whole.unit}")
    return format_share(a * have.scale / (b * want.scale), 1 if digits is None else digits)


def _rest(rows: Sequence[tuple[str, Fact]], layout: Mapping[str, Any], world: World) -> str:
    if any(fact.withheld for _, fact in rows):
        return WITHHELD
    known = [fact for _, fact in rows if amount(fact) is not None]
    if not known or len({fact.unit for fact in known}) > 1:
        return ABSENT
    total = Fact(id="all other", value=sum(amount(fact) or 0 for fact in known), unit=known[0].unit)
    if "of" in layout:
        return _share(total, world.facts.get(layout["of"]), None)
    return format_fact(total, unit=layout.get("unit", ""), bare=layout.get("bare", False))


def _interval(fact: Fact | None, *, unit: str = "", digits: int | None = None) -> str:
    if fact is None or fact.interval is None or fact.withheld:
        return ABSENT
    shown = unit or fact.unit
    low, high = (
        format_quantity(bound, fact.unit, to=shown, digits=digits, bare=shown != "%")
        for bound in fact.interval
    )
    return f"{low} to {high}"


def _group_of(pattern: str) -> tuple[str, str]:
    member = split_member(pattern)
    if member is None or member[2] != "*":
        raise fail("E609", f"`{pattern}` names no group of facts")
    return member[0], member[1]


def _text_of_setting(pointer: str, layout: Mapping[str, Any], world: World) -> str:
    address, _, path = pointer.partition("#")
    value: Any = (world.resources or {}).get(address)
    for step in path.split("/")[1:]:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list | tuple) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            value = None
    return _format_setting(value, layout)


def _format_setting(value: Any, layout: Mapping[str, Any]) -> str:
    if value is None or value == "" or value == () or value == []:
        return "not stated"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_format_setting(item, layout) for item in value)
    if isinstance(value, int | float):
        unit = layout.get("unit", "1")
        if layout.get("plain"):
            return format_plain(value)
        if "to" in layout or "digits" in layout:
            return format_quantity(value, unit, to=layout.get("to", unit), digits=layout.get("digits"))
        return format_given(value, unit)
    return tidy(str(value))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
