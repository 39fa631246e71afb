"""Licence expressions: what cannot be read to its end admits nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcode.decide.expressions import operands, satisfied, stem

ALLOWED = {"MIT", "Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"}
GOOD = st.recursive(
    st.sampled_from(["MIT", "Apache-2.0", "GPL-3.0-only", "MIT WITH X-exception"]),
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "or", "  OR  "]), inner).map(
        lambda t: f"({t[0]}) {t[1]} {t[2]}"
    ),
    max_leaves=5,
)
JUNK = st.characters(exclude_categories=["Cs"]).filter(
    lambda c: not c.isspace() and not (c.isascii() and (c.isalnum() or c in "().+:-"))
)


def admitted(expression: str) -> bool:
    return satisfied(expression, ALLOWED.__contains__)


@pytest.mark.parametrize(
    "expression",
    ["MIT", " MIT ", "(MIT)", "MIT OR GPL-3.0-only", "MIT and Apache-2.0", "MIT WITH X-exception",
     "GPL-2.0-only WITH Classpath-exception-2.0", "GPL-3.0-only AND MIT OR Apache-2.0"],
)  # fmt: skip
def test_an_expression_is_admitted_by_its_operands(expression: str) -> None:
    assert admitted(expression)


@pytest.mark.parametrize(
    "expression",
    ["", " ", "MIT;", "MIT@#", "MIT & ", "MIT/", ";MIT", "MI;T", "M IT", "MIT,Apache-2.0", "MIT\0", "MIT_",
     "MIT MIT", "MIT AND", "OR MIT", "MIT WITH", "MIT WITH )", "(MIT WITH )", "MIT WITH OR", "(MIT", "MIT)", "()",
     "(" * 20_000 + "MIT" + ")" * 20_000, "GPL-3.0-only", "MIT AND GPL-3.0-only"],
)  # fmt: skip
def test_what_cannot_be_read_or_is_not_allowed_is_refused(expression: str) -> None:
    assert not admitted(expression)


@given(expression=GOOD, junk=JUNK, data=st.data())
def test_junk_anywhere_makes_an_expression_one_that_cannot_be_read(
    expression: str, junk: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(expression)))
    assert not admitted(expression[:at] + junk + expression[at:])


@given(expression=st.text(max_size=30))
def test_any_text_has_an_answer(expression: str) -> None:
    assert satisfied(expression, lambda _: True) in (True, False)
    assert not satisfied(expression, lambda _: False)


@pytest.mark.parametrize(
    "expression, named",
    [
        ("", []),
        ("MIT", ["MIT"]),
        (
            "(MIT OR Apache-2.0) AND GPL-2.0-only WITH Classpath-exception-2.0",
            ["MIT", "Apache-2.0", "GPL-2.0-only"],
        ),
    ],
)
def test_operands_are_the_licences_without_exceptions(expression: str, named: list[str]) -> None:
    assert operands(expression) == named


@pytest.mark.parametrize("identifier", ["GPL-2.0-only", "GPL-2.0-or-later", "GPL-2.0+", "GPL-2.0"])
def test_a_stem_is_what_a_licence_text_can_tell(identifier: str) -> None:
    assert stem(identifier) == "GPL-2.0"
