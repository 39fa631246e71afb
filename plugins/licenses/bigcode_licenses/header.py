"""Notices at the top of a source file: SPDX lines, standard headers, and licence texts in the first comments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from bigcode_licenses.expressions import RESERVED, UNKNOWN_TAG, canonical
from bigcode_licenses.statements import EXACT, NAMED, Statement, find_statement, merge, read_name
from bigcode_licenses.text import Recognition, recognise

WORDS = (b"licen", b"permission", b"redistribut", b"proprietary", b"unauthori")
_RESERVED = re.compile(
    r"proprietary (?:and|&) confidential|confidential (?:and|&) proprietary"
    r"|unauthori[sz]ed (?:copying|reproduction|distribution) of this",
    re.IGNORECASE,
)
LINE_BYTES = 200
"""Bytes that a line of a header has at most, on average: more than that is not read."""
_TAG_NAME = "SPDX-License-Identifier:"
_TAG = re.compile(r"^\s*" + _TAG_NAME + r"\s*(?P<value>\(*[A-Za-z0-9][A-Za-z0-9.+:() -]*?)[\s*#/-]*$")
_BLOCKS = {
    "/*": "*/", "<!--": "-->", '"""': '"""', "'''": "'''", 'r"""': '"""', "(*": "*)", "{-": "-}", "{#": "#}",
    "{{!": "}}", "<%--": "--%>", "<#--": "-->", "--[[": "]]", "#|": "|#", "=begin": "=end", "%{": "%}",
}  # fmt: skip
_MARKS = ("///", "//", "#", ";", "--", "%", "!", "dnl ", "REM ", "@REM ", "rem ", '.\\"', "'\\\"", '" ')
_PREAMBLE = re.compile(
    r"<\?|<!doctype|<html|['\"]use strict|@charset|@echo off|package [\w.]+;?$|syntax ?=|from __future__",
    re.IGNORECASE,
)
_NO_PREAMBLE = frozenset("#/*;-%!.")
"""What no line of a preamble begins with."""
_PART = 1024
"""Characters of a text that are split into lines at once, or a few more."""
_PAGE = re.compile(r"\.(?:md|mdx|markdown|rst|adoc|asciidoc)$", re.IGNORECASE)


def read_header(name: str, content: bytes, lines: int) -> tuple[Statement, ...]:
    """What the first comments of a file state; `lines` is how far down they may reach.

    An SPDX line counts where a comment holds nothing but it, and further ones only in the same run of comments.
    Without any, the comments are compared with known texts and headers, then with short phrases.
    """
    head = content[: lines * LINE_BYTES]
    lowered = head.lower()
    if not any(word in lowered for word in WORDS):
        return ()
    comments = leading_comments(name, head.decode("utf-8", "replace"), lines)
    if tags := read_tags(comments):
        return tags
    text = "\n".join(comments)
    if not any(word.decode() in text.lower() for word in WORDS):
        return ()
    return read_notice(text, recognise(text))


def read_notice(text: str, known: Recognition) -> tuple[Statement, ...]:
    """What the text of comments states, given what is known of it: texts and headers, else a short phrase."""
    found = [Statement(i, EXACT) for i, score in known.scores.items() if score > known.coverage / 2]
    if not found and (statement := find_statement(text)):
        found = [statement]
    if _may_reserve(text) and _RESERVED.search(" ".join(text.split())):
        found.append(Statement(RESERVED, NAMED))
    return merge(found)


def _may_reserve(text: str) -> bool:
    """Whether a search for `_RESERVED` is worth its time. Beyond ASCII a pattern may fold letters in its own way."""
    low = text.lower()
    return "confidential" in low or "unauthori" in low or not text.isascii()


def read_tags(lines: Iterable[str]) -> tuple[Statement, ...]:
    """What the lines `SPDX-License-Identifier: ...` among `lines` state; one that is no identifier is unknown."""
    told = (match for line in lines if _TAG_NAME in line and (match := _TAG.match(line)))
    return merge(_read_tag(match["value"]) for match in told)


def leading_comments(name: str, text: str, lines: int) -> list[str]:
    """The lines of the comments before the first line of code, without their signs, over at most `lines` lines.

    The languages are not told apart: a line that could be a comment in one of them is one. In pages of prose
    only the comments that such pages know count.
    """
    prose = bool(_PAGE.search(name))
    signs = _SIGNS_OF_PROSE if prose else _SIGNS
    found = []
    close = ""
    for line in islice(_split_lines(text), lines):
        stripped = line.strip().lstrip("\ufeff")
        if close == "..":
            if not stripped or line[:1].isspace():
                found.append(stripped)
                continue
            close = ""
        if close:
            before, end, _ = stripped.partition(close)
            found.append(before.lstrip("*").strip())
            close = "" if end else close
            continue
        if not stripped:
            found.append("")
            continue
        first = stripped[0]
        if not prose and first not in _NO_PREAMBLE and _PREAMBLE.match(stripped):
            found.append("")
            continue
        sign = next((sign for sign in signs.get(first, ()) if stripped.startswith(sign)), "")
        if sign in _BLOCKS:
            before, end, _ = stripped[len(sign) :].partition(_BLOCKS[sign])
            found.append(before.lstrip("*!").strip())
            close = "" if end else _BLOCKS[sign]
        elif prose and (stripped == ".." or stripped.startswith(".. ")):
            found.append(stripped[3:])
            close = ".."
        elif sign:
            found.append(stripped[len(sign) :].strip(" \t" + sign[-1]))
        else:
            break
    return found


def _split_lines(text: str) -> Iterator[str]:
    """The lines of a text, a part of it at a time: code mostly begins soon."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _PART) + 1 or len(text)
        yield from text[start:end].splitlines()
        start = end


def _by_first(signs: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Signs by their first character, in their order."""
    found: dict[str, tuple[str, ...]] = {}
    for sign in signs:
        found[sign[0]] = (*found.get(sign[0], ()), sign)
    return found


_SIGNS, _SIGNS_OF_PROSE = _by_first((*_BLOCKS, *_MARKS)), _by_first(("<!--",))


def _read_tag(value: str) -> Statement:
    if (expression := canonical(value)) is not None:
        return Statement(expression, EXACT)
    return read_name(value) or Statement(UNKNOWN_TAG, EXACT)
