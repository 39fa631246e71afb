"""YAML as it is read here: what a value is stands where it is written, and nothing is guessed."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bigcode.spec.text import DEPTH, Document, parse_document, replace_scalar


def read(text: str) -> Any:
    """The value of a text without errors."""
    document, found = parse_document(text, "f.yaml")
    assert found == []
    assert document is not None
    return document.value


def refused(text: str) -> tuple[str, str]:
    """Code and place of the one error in a text."""
    _, found = parse_document(text, "f.yaml")
    (diagnostic,) = found
    assert diagnostic.hint
    return diagnostic.code, str(diagnostic.place).removeprefix("f.yaml:")


@pytest.mark.parametrize("text", ["~", "null", "Null", "NULL", ""])
def test_null(text: str) -> None:
    assert read(f"a: {text}\n") == {"a": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("7", 7),
        ("+4", 4),
        ("-3", -3),
        ("1000000", 10**6),
        ("1e9", 10**9),
        ("35E9", 35 * 10**9),
        ("1e30", 10**30),
    ],
)
def test_whole_numbers(text: str, value: int) -> None:
    found = read(f"a: {text}")["a"]
    assert (found, type(found)) == (value, int)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.0", 1.0), ("0.25", 0.25), (".5", 0.5), ("1.", 1.0), ("-2.5", -2.5), ("3e-4", 3e-4), ("1.0e+9", 1e9)],
)
def test_numbers(text: str, value: float) -> None:
    found = read(f"a: {text}")["a"]
    assert (found, type(found)) == (value, float)


@pytest.mark.parametrize(
    "text",
    [
        "0777", "0o17", "0x10", "0b1", "1_000", "1:30", "12:30:45", "01.5", "00", "1,5", ".inf", "-.inf", ".nan", "inf",
        "nan", "1e400", "1e99999", "9" * 41, ".", "+", "-x", "e5", "2026-11-24", "2026-11-24T12:00:00Z", "1.2.3",
        "=", "y", "n", "Y", "nO", "tRuE", "None", "none", "NaN",
    ],
)  # fmt: skip
def test_what_versions_of_yaml_read_differently_stays_text(text: str) -> None:
    assert read(f"a: {text}") == {"a": text}


@pytest.mark.parametrize("text", ["'no'", '"8"', "'~'", "'1.0'", '"true"', "|-\n  no\n", ">-\n  8\n"])
def test_what_is_quoted_or_a_block_is_text(text: str) -> None:
    assert isinstance(read(f"a: {text}")["a"], str)


def test_booleans_are_true_and_false() -> None:
    assert read("a: true\nb: false\n") == {"a": True, "b": False}


@pytest.mark.parametrize(
    "word", ["yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "True", "FALSE"]
)
def test_other_words_for_booleans_are_refused_where_they_stand(word: str) -> None:
    document, found = parse_document(f"a: 1\nb: [x, {word}]\n", "f.yaml")
    assert [(d.code, str(d.place)) for d in found] == [("E107", "f.yaml:2:8")]
    assert document is not None
    assert document.value["b"][1] is (word.lower() in ("yes", "on", "true"))


def test_keys_are_text_as_they_are_written() -> None:
    assert read("no: 1\n1: 2\ntrue: 3\n2026-01-01: 4\n'a b': 5\n1.50: 6\n") == {
        "no": 1, "1": 2, "true": 3, "2026-01-01": 4, "a b": 5, "1.50": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a: &x 1\n", "E101", "1:4"),
        ("a: *x\n", "E101", "1:4"),
        ("a: &x [*x]\n", "E101", "1:4"),
        ("b: 1\n<<: {a: 1}\n", "E101", "2:1"),
        ("b: 1\nc: {<<: *d}\n", "E101", "2:5"),
        ("a: !!str 1\n", "E101", "1:4"),
        ("a: !thing {b: 1}\n", "E101", "1:4"),
        ("!!map {a: 1}\n", "E101", "1:1"),
        ("a: 1\n---\nb: 2\n", "E101", "2:1"),
        ("a: 1\n---\n", "E101", "2:1"),
        ("? [a]\n: 1\n", "E101", "1:3"),
        ("? {a: 1}\n: 1\n", "E101", "1:3"),
        ("{a: 1}: 2\n", "E101", "1:1"),
        ("? \n: 1\n", "E101", "1:2"),
        ("'': 1\n", "E101", "1:1"),
        ("&x a: 1\n", "E101", "1:1"),
        ("a: \x00\n", "E101", "1:4"),
        ("a: 1\nb: \x1b[31m\n", "E101", "2:4"),
        ("a: 'x\n", "E101", "2:1"),
        ("a: b: c\n", "E101", "1:5"),
        ("%YAML 9.0\n---\na: 1\n", "E101", "1:1"),
        ("a:\n\tb: 1\n", "E103", "2:1"),
        ("a:\n  b: 1\n\tc: 2\n", "E103", "3:1"),
        ("a: 1\na: 2\n", "E102", "2:1"),
        ("a: {b: 1, c: 2, b: 3}\n", "E102", "1:17"),
    ],
)
def test_what_is_refused_has_its_code_and_its_place(text: str, code: str, place: str) -> None:
    assert refused(text) == (code, place)


def test_a_quoted_merge_key_is_a_key() -> None:
    assert read("'<<': 1\n") == {"<<": 1}


def test_of_a_key_that_stands_twice_the_first_value_is_taken_and_the_rest_is_read() -> None:
    document, found = parse_document("a: 1\na: no\nb: {c: 1, c: {d: NO}}\n", "f.yaml")
    assert document is not None
    assert document.value == {"a": 1, "b": {"c": 1}}
    assert [d.code for d in found] == ["E102", "E107", "E102", "E107"]


@pytest.mark.parametrize("text", ["", "# a comment\n", "---\n", "\n\n", "---\n# nothing\n...\n"])
def test_an_empty_text_is_nothing(text: str) -> None:
    assert read(text) is None


def test_a_byte_order_mark_and_every_end_of_line_are_read() -> None:
    assert read("\ufeffa: 1\r\nb: 2\rc: 3\n") == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{a: " * 100_000, "\n".join(" " * i + "a:" for i in range(3_000))]
)
def test_very_deep_nesting_is_refused_and_crashes_nothing(text: str) -> None:
    assert refused(text)[0] == "E101"


def test_nesting_up_to_the_limit_is_read() -> None:
    assert read("[" * DEPTH + "]" * DEPTH) is not None
    assert refused("[" * (DEPTH + 2) + "]" * (DEPTH + 2))[0] == "E101"


def test_every_key_and_value_has_its_place_and_every_scalar_its_text() -> None:
    document, _ = parse_document("# head\na:\n  b: [1, 'two', {c: 3.50}]\nd: |\n  text\n", "f.yaml")
    assert document is not None
    assert str(document.place(("a", "b"), key=True)) == "f.yaml:3:3"
    assert str(document.place(("a", "b"))) == "f.yaml:3:6"
    assert str(document.place(("a", "b", 1))) == "f.yaml:3:10"
    assert str(document.place(("a", "b", 2, "c"), key=True)) == "f.yaml:3:18"
    assert document.raws["a", "b", 1] == "'two'"
    assert document.raws["a", "b", 2, "c"] == "3.50"


def test_what_is_not_there_has_the_place_of_what_it_would_be_in() -> None:
    document, _ = parse_document("a:\n  b: 1\n", "f.yaml")
    assert document is not None
    assert str(document.place(("a", "x", "y"))) == "f.yaml:2:3"
    assert str(document.place(("a", "x"), key=True)) == "f.yaml:1:1"
    assert str(Document("g.yaml", None).place(("a",))) == "g.yaml:1:1"


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**39), 10**39)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
KEYS = st.text(min_size=1).filter(lambda key: key != "<<")
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


class Plain(yaml.SafeDumper):
    """Writes equal lists twice, since anchors are not read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@given(value=VALUES, flow=st.booleans())
def test_what_another_program_writes_as_yaml_is_read_back(value: Any, flow: bool) -> None:
    text = yaml.dump(value, Dumper=Plain, allow_unicode=True, default_flow_style=flow, sort_keys=False)
    if any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        return
    assert same(read(text), value)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if (
        isinstance(a, int | float)
        and isinstance(b, int | float)
        and not isinstance(a, bool)
        and not isinstance(b, bool)
    ):
        return math.isclose(a, b, rel_tol=0, abs_tol=0)
    return type(a) is type(b) and a == b


@given(text=st.text(alphabet=st.sampled_from("ab:-?[]{}#&*!|>'\"%@`,~<0123.\t\n \r\ufeff\x85\u2028é\x00")))
def test_no_text_makes_the_reader_crash_and_every_error_lies_in_it(text: str) -> None:
    document, found = parse_document(text, "f.yaml")
    assert document is not None or found
    for diagnostic in found:
        assert diagnostic.place is not None
        assert 1 <= diagnostic.place.line <= len(text.splitlines()) + 1
        assert diagnostic.place.column >= 1


@given(before=st.text(alphabet="ab# é\r\n"), new=st.sampled_from(["x", '"y"', "12"]))
def test_one_scalar_is_written_anew_and_nothing_else(before: str, new: str) -> None:
    head = "".join(f"# {line}\n" for line in before.splitlines())
    text = f"{head}a:\n  b: 'old'  # kept\n  c: [1, old]\n"
    document, _ = parse_document(text, "f.yaml")
    assert document is not None
    assert replace_scalar(text, document, ("a", "b"), new) == text.replace("'old'", new)
    assert replace_scalar(text, document, ("a", "c", 1), new) == text.replace("old]", f"{new}]")
    with pytest.raises(KeyError):
        replace_scalar(text, document, ("a",), new)
