"""The scanner that splits texts by a pattern: the same words and the same licences as the library finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from licenseclassifier import identify_license
from licenseclassifier._engine import builtin_scanner

from bigcode_licenses.scanner import Words, find_known
from bigcode_licenses.text import normalise

LIBRARY = builtin_scanner().dict
WORDS = Words(LIBRARY.words())
PARTS = (
    # Tags, which may be addresses or URLs, and lines.
    "<", ">", "<a", "<a>", "</p>", "</", '<a href="x">', "<a b@c>", "<a@b>", "<http://x.org>", "<a:b>", "\n", "\r",
    "<a\nb\nc>", "<a\nb\nc\nd>",
    # Characters by name and number, and Markdown.
    "&copy;", "&amp;", "&#12;", "&#x1f;", "&#x;", "&;", "&#\u0663;", "&a", ";", "{#a}", "{#a b}", "{#}", "](#a)",
    "](http://x)", "](mailto:a b)", "](x)",
    # Words that the library reads as others, alone and side by side.
    "(c)", "(C)", "(c\u0301)", "(c\u0302)", "(c(s))", "\u00a9", "copyright", "Copyright", "license", "license(s)",
    "(s)", "https", "http://a.b", "are", "these", "copies",
    # Letters, digits and marks beyond ASCII, and what stands for them.
    "\u00c9", "\u0130", "\u03a3", "\u00bd", "\u00b2", "\u2167", "\u0663", "\u0300", "\u0301", "\u0302", "\u0903",
    "\u00e9", "\u00b4", "\u00af", "\u00a0", "\u65e5", "\U0001d7d8", "\ud800", "_", "-", " ", "  ",
    "x", "9", "/", "@", "'",
)  # fmt: skip


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=12).map("".join))
def test_words_are_those_of_the_library(text: str):
    assert WORDS.split(text) == LIBRARY.split(text)


@pytest.mark.parametrize("first", PARTS)
def test_words_around_each_sign_are_those_of_the_library(first: str):
    for second in PARTS:
        for text in (first + second, f"a{first}{second}a", f"{first}c{second}", f"({first}c{second})"):
            assert WORDS.split(text) == LIBRARY.split(text), text


def test_the_library_finds_the_same_in_real_texts(licensed):
    for _, _, text in licensed:
        for form in (text, normalise(text)):
            expected = [(m.id, m.start, m.end) for m in identify_license(form, coverage_threshold=0.0)]
            assert [(m.id, m.start, m.end) for m in find_known(form)] == expected


def test_a_text_without_end_is_split_in_time():
    """Each of these has a beginning of a tag, a link or an anchor at every place, and no end of one."""
    for sign in ("<a ", "<a:", "{#", "](#", "&#x1", "&a", "(c", "c("):
        text = sign * (100_000 // len(sign))
        assert WORDS.split(text[:3000]) == LIBRARY.split(text[:3000])
