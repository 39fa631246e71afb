"""Copyright lines: what a notice of attribution quotes. E-mail addresses are taken out."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_LINES = 10
LONGEST_LINE = 200

_READ = 400
"""Characters of a line that are read; minified text has no end of line."""
_LINE = re.compile(
    r"(?:SPDX-FileCopyrightText:\s*(?P<tag>\S.*)"
    r"|(?P<line>(?:(?:©|&copy;|\(c\))\s*)?copyright\b\s*:?\s*(?:©|&copy;|\([cC]\)|(?:19|20)\d\d|(?-i:(?:by\s+)?(?:the\s+)?[A-Z])).*"
    r"|(?:©|&copy;|\(c\))\s*(?:19|20)\d\d.*))",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[\s*/#;%!.'\"_=+>|~-]*(?:(?:dnl|rem)\s+)?", re.IGNORECASE)
"""What a comment starts with, but nothing that belongs to the line."""
_TERMS = re.compile(
    r"copyright\W+(?:\(c\)\W+)?(?:(?:and|or|in|by|the|above|this|such)\W+)*"
    r"(?:licen[cs]e[sed]*|notices?|holders?|owners?|law|laws|act|statements?|protection|interest|grants?|disclaimers?"
    r"|infringement|treat(?:y|ies)|lines?|years?|information|messages?|headers?|policy|status|rights?|permission)\b",
    re.IGNORECASE,
)
_BLANK = re.compile(
    r"[\[<{(](?:y{2,4}|year|name|fullname|owner|author|copyright)\b|<year>|\bYYYY\b", re.IGNORECASE
)
_ADDRESS = re.compile(
    r"\S*\s@\s\S+|\S*@\S*"
    r"|\S+\s?[\[<({ ]at[\]>)} ]\s?\S+(?:\s?[\[<({ ]dot[\]>)} ]\s?\S+)+",
    re.IGNORECASE,
)
_CLOSE = re.compile(r"[\s*/#;%!-]+$")
_SPACE = re.compile(r"\s+")


def copyright_lines(lines: Iterable[str]) -> list[str]:
    """At most ten lines that name who holds a copyright, in their order, each once and of at most 200 characters.

    Placeholders of a template, and sentences about copyright, are no such lines.
    """
    found: dict[str, None] = {}
    for line in lines:
        if _may_hold(line.casefold()) and (quoted := _quote(line[:_READ])) and quoted not in found:
            found[quoted] = None
            if len(found) == MOST_LINES:
                break
    return list(found)


def _quote(text: str) -> str:
    if not _may_hold(text.casefold()):
        return ""
    signs = _SIGNS.match(text)
    match = _LINE.match(text, signs.end() if signs else 0)
    if not match or _BLANK.search(text):
        return ""
    said = match["tag"] or match["line"]
    if _TERMS.match(said):
        return ""
    said = without_addresses(said)
    return _SPACE.sub(" ", _CLOSE.sub("", said)).strip()[:LONGEST_LINE].rstrip()


def _may_hold(folded: str) -> bool:
    return "copyright" in folded or "(c)" in folded or "©" in folded or "&copy;" in folded


def without_addresses(text: str) -> str:
    """The text without e-mail addresses, also those that are written with words for their signs."""
    if "@" in text or " dot " in text.casefold() or "dot]" in text.casefold() or "dot)" in text.casefold():
        text = " ".join(word for word in _ADDRESS.sub(" ", text).split() if "@" not in word)
    return text
