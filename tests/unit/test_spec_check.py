"""Errors of a model as diagnostics: one for each place, in words that name the field as it is written."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field

from bigcode.api.resource import Bytes, Model, Seconds, Share, Tokens
from bigcode.spec.check import check_model
from bigcode.spec.dates import Date
from bigcode.spec.text import parse_document


class Part(Model):
    long_name: int = 0
    other: str = ""


class Whole(Model):
    text: str = ""
    whole: int = 0
    number: float = 0.0
    flag: bool = False
    either: int | str | None = None
    choice: Literal["exact", "normalised"] = "exact"
    size: Bytes = 0
    time: Seconds = 0.0
    tokens: Tokens = 0
    share: Share = 0.0
    day: Date = "2026-01-01"
    part: Part = Part()
    parts: tuple[Part, ...] = ()
    named: dict[str, Part] = Field(default_factory=dict)
    maybe: Part | None = None


class Strict(Model):
    needed: int
    also: Part


def check(text: str, model: type[Model] = Whole) -> tuple[Any, list[str]]:
    """The model, and each error as `line:column CODE message | hint`."""
    document, found = parse_document(text, "s.yaml")
    assert document is not None
    assert found == []
    value, errors = check_model(model, document.value["spec"], document, ("spec",), "Thing.spec")
    told = [
        f"{d.place.line}:{d.place.column} {d.code} {d.message}{f' | {d.hint}' if d.hint else ''}"
        for d in errors
        if d.place
    ]
    assert len(told) == len(errors)
    return value, told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text: 7", "should be text, not `7` | Quote it to mean the text."),
        ("text: 1.10", "should be text, not `1.10` | Quote it to mean the text."),
        ("text: true", "should be text, not `true` | Quote it to mean the text."),
        ("text: ~", "should be text, not `~`"),
        ("text: [a]", "should be text"),
        ("whole: '7'", "should be a whole number, not `'7'` | Write it in decimal digits, without quotes."),
        ("whole: 0777", "should be a whole number, not `0777` | Write it in decimal digits, without quotes."),
        ("whole: 7.0", "should be a whole number, not `7.0`"),
        ("whole: 7.5", "should be a whole number, not `7.5`"),
        ("whole: true", "should be a whole number, not `true`"),
        ("number: '1'", "should be a number, not `'1'` | Write it in decimal digits, without quotes."),
        ("number: .inf", "should be a number, not `.inf` | Write it in decimal digits, without quotes."),
        ("flag: 1", "should be true or false, not `1`"),
        ("flag: 'true'", "should be true or false, not `'true'`"),
        ("either: [1]", "should be a whole number or text"),
        ("choice: exakt", "should be 'exact' or 'normalised', not `exakt` | Did you mean `exact`?"),
        ("choice: 3", "should be 'exact' or 'normalised', not `3`"),
        ("share: 2", "should be less than or equal to 1, not `2`"),
        ("day: 2026-13-01", "`2026-13-01` is no day of the calendar"),
        ("size: 5", None),
        ("size: 5 parsec", "unknown unit `parsec`"),
        ("size: '5'", "`5` lacks a unit; write for example `5B`"),
        ("size: 5 d", "`5 d` is not measured in B"),
        ("size: 1e3 MB", None),
        ("time: 2 h", None),
        ("tokens: 35B tokens", None),
        ("tokens: 35 cups", "`35 cups` is no number of tokens; write for example `35B tokens`"),
        ("part: 3", "should be a mapping of fields, not `3`"),
        ("parts: {}", "should be a list"),
        ("named: []", "should be a mapping"),
        ("maybe: ~", None),
    ],
)
def test_what_is_said_of_a_value(text: str, expected: str | None) -> None:
    value, told = check(f"spec:\n  {text}\n")
    if expected is None:
        assert (value is not None, told) == (True, [])
        return
    field = text.partition(":")[0]
    assert told == [f"2:{len(field) + 5} E105 Thing.spec.{field}: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("part: {long_name: 1}", "2:10 E104 unknown field `long_name` in Thing.spec.part | Did you mean `longName`?"),
        ("part: {longNme: 1}", "2:10 E104 unknown field `longNme` in Thing.spec.part | Did you mean `longName`?"),
        ("part: {zzz: 1}", "2:10 E104 unknown field `zzz` in Thing.spec.part | Fields here: longName, other."),
        ("parts: [{}, {zzz: 1}]", "2:16 E104 unknown field `zzz` in Thing.spec.parts.1 | "
         "Fields here: longName, other."),
        ("named: {a: {zzz: 1}}", "2:15 E104 unknown field `zzz` in Thing.spec.named.a | Fields here: longName, other."),
        ("maybe: {zzz: 1}", "2:11 E104 unknown field `zzz` in Thing.spec.maybe | Fields here: longName, other."),
        ("prt: 1", "2:3 E104 unknown field `prt` in Thing.spec | Did you mean `part`?"),
        ("parts: [{longName: x}]", "2:22 E105 Thing.spec.parts.0.longName: should be a whole number, not `x` | "
         "Write it in decimal digits, without quotes."),
    ],
)  # fmt: skip
def test_what_is_said_of_a_field_below(text: str, expected: str) -> None:
    assert check(f"spec:\n  {text}\n")[1] == [expected]


def test_what_is_missing_has_the_place_of_what_it_is_missing_in() -> None:
    assert check("spec: {also: {}}\n", Strict)[1] == ["1:7 E106 `needed` is missing in Thing.spec"]
    assert check("spec:\n  needed: 1\n  also:\n", Strict)[1] == [
        "3:8 E105 Thing.spec.also: should be a mapping of fields"
    ]
    assert check("spec: {}\n", Strict)[1] == [
        "1:7 E106 `needed` is missing in Thing.spec",
        "1:7 E106 `also` is missing in Thing.spec",
    ]


def test_all_errors_are_found() -> None:
    _, told = check("spec:\n  text: 1\n  whole: x\n  zzz: 1\n  part: {longName: y, other: 2}\n")
    assert [line.split(" ")[0] for line in sorted(told)] == ["2:9", "3:10", "4:3", "5:20", "5:30"]


def test_whole_numbers_are_numbers_and_quantities_keep_their_units() -> None:
    value, _ = check("spec: {number: 3, size: 2MiB, time: 2 d, tokens: 1.5M tokens}\n")
    assert (value.number, value.size, value.time, value.tokens) == (3.0, 2 * 2**20, 172800.0, 1_500_000)
