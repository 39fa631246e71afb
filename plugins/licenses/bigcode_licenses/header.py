"""Notices at the top of a source file: SPDX lines, standard headers, and licence texts in the first comments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bigcode_licenses.expressions import RESERVED, UNKNOWN_TAG, canonical
from bigcode_licenses.statements import EXACT, NAMED, Statement, find_statement, merge, read_name
from bigcode_licenses.text import Recognition, recognise

WORDS = (b"licen", b"permission", b"redistribut", b"proprietary", b"unauthori")
_RESERVED = re.compile(
    r"proprietary (?:and|&) confidential|confidential (?:and|&) proprietary"
    r"|unauthori[sz]ed (?:copying|reproduction|distribution) of this",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")
LINE_BYTES = 200
"""Bytes that a line of a header has at most, on average: more than that is not read."""
_TAG = re.compile(r"^\s*SPDX-License-Identifier:\s*(?P<value>\(*[A-Za-z0-9][A-Za-z0-9.+:() -]*?)[\s*#/-]*$")
_BLOCKS = {
    "/*": "*/", "<!--": "-->", '"""': '"""', "'''": "'''", 'r"""': '"""', "(*": "*)", "{-": "-}", "{#": "#}",
    "{{!": "}}", "<%--": "--%>", "<#--": "-->", "--[[": "]]", "#|": "|#", "=begin": "=end", "%{": "%}",
}  # fmt: skip
_MARKS = ("///", "//", "#", ";", "--", "%", "!", "dnl ", "REM ", "@REM ", "rem ", '.\\"', "'\\\"", '" ')
_PREAMBLE = re.compile(
    r"<\?|<!doctype|<html|['\"]use strict|@charset|@echo off|package [\w.]+;?$|syntax ?=|from __future__",
    re.IGNORECASE,
)
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
    comments = list(leading_comments(name, head.decode("utf-8", "replace"), lines))
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
    if _RESERVED.search(_SPACE.sub(" ", text)):
        found.append(Statement(RESERVED, NAMED))
    return merge(found)


def read_tags(lines: Iterable[str]) -> tuple[Statement, ...]:
    """What the lines `SPDX-License-Identifier: ...` among `lines` state; one that is no identifier is unknown."""
    return merge(_read_tag(match["value"]) for line in lines if (match := _TAG.match(line)))


def leading_comments(name: str, text: str, lines: int) -> Iterator[str]:
    """The lines of the comments before the first line of code, without their signs, over at most `lines` lines.

    The languages are not told apart: a line that could be a comment in one of them is one. In pages of prose
    only the comments that such pages know count.
    """
    prose = bool(_PAGE.search(name))
    close = ""
    for line in text.splitlines()[:lines]:
        stripped = line.strip().lstrip("\ufeff")
        if close == "..":
            if not stripped or line[:1].isspace():
                yield stripped
                continue
            close = ""
        if close:
            before, end, _ = stripped.partition(close)
            yield before.lstrip("*").strip()
            close = "" if end else close
        elif not stripped or (not prose and _PREAMBLE.match(stripped)):
            yield ""
        elif opener := _opener(stripped, prose):
            before, end, _ = stripped[len(opener) :].partition(_BLOCKS[opener])
            yield before.lstrip("*!").strip()
            close = "" if end else _BLOCKS[opener]
        elif prose and (stripped == ".." or stripped.startswith(".. ")):
            yield stripped[3:]
            close = ".."
        elif mark := "" if prose else next((m for m in _MARKS if stripped.startswith(m)), ""):
            yield stripped[len(mark) :].strip(f" \t{mark[-1]}")
        else:
            return


def _opener(line: str, prose: bool) -> str:
    return next((o for o in (("<!--",) if prose else _BLOCKS) if line.startswith(o)), "")


def _read_tag(value: str) -> Statement:
    if (expression := canonical(value)) is not None:
        return Statement(expression, EXACT)
    return read_name(value) or Statement(UNKNOWN_TAG, EXACT)
