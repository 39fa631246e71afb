"""Marks: single private-use characters that stand in the text of a template until everything around them is laid
out. A second pass puts the words in their place and notes where each one lies.

Offsets count Unicode code points of the finished text. Private use suits because Jinja, Markdown and HTML all pass
such characters on untouched, so the words behind a mark are never read as markup.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from bigcode.api import fail
from bigcode.cards.spans import Entry

Surface = Literal["markdown", "html"]

_FIRST, _LAST = 0xF0000, 0x10FFFD
MARK = re.compile("[\U000f0000-\U0010ffff]")
_SPECIAL = re.compile(r"[\\`*\[\]<>|~&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1[`~]*$", re.MULTILINE | re.DOTALL)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of finished text. With an `entry` it is a span of the trace and `plain` is the text before escaping."""

    text: str
    entry: Entry | None = None
    plain: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands in for a mark on each surface; a block takes a paragraph of its own."""

    markdown: tuple[Piece, ...]
    html: tuple[Piece, ...]
    header: tuple[Piece, ...] = ()
    block: bool = False

    @property
    def code(self) -> tuple[Piece, ...]:
        """The words alone, for code, where nothing is escaped."""
        return tuple(Piece(piece.plain, piece.entry, piece.plain) for piece in self.markdown if piece.plain)


class Marks:
    """The marks of one card, in the order in which they were made."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []

    def add(self, mark: Mark) -> str:
        """The character that stands for `mark`."""
        code = _FIRST + len(self._marks)
        if code > _LAST:
            raise fail("E609", "a card prints more values than there are marks for")
        self._marks.append(mark)
        return chr(code)

    def get(self, char: str) -> Mark:
        return self._marks[ord(char) - _FIRST]


def assemble(text: str, marks: Marks, surface: Surface) -> tuple[str, list[dict[str, Any]]]:
    """Put words for marks: the finished text and its spans, by position.

    The header of a Markdown file (between its first two lines of dashes) is YAML and takes YAML scalars; in its
    blocks of code nothing is escaped.
    """
    body = len(split_header(text)[0]) if surface == "markdown" else 0
    fences = [match.span() for match in _FENCED.finditer(text)] if surface == "markdown" else []
    out: list[str] = []
    spans: list[dict[str, Any]] = []
    length = done = 0
    for match in MARK.finditer(text):
        mark = marks.get(match[0])
        pieces: Sequence[Piece] = getattr(mark, surface)
        if match.start() < body:
            pieces = mark.header
        elif any(start < match.start() < end for start, end in fences):
            pieces = mark.code
        for piece in (Piece(text[done : match.start()]), *pieces):
            if piece.entry is not None:
                spans.append(_span(piece, length))
            out.append(piece.text)
            length += len(piece.text)
        done = match.end()
    out.append(text[done:])
    return "".join(out), spans


def split_header(text: str) -> tuple[str, str]:
    """The YAML header of a Markdown file with its lines of dashes, and the rest; the header may be empty."""
    if text.startswith("---\n") and (end := text.find("\n---\n", 3)) >= 0:
        return text[: end + 5], text[end + 5 :]
    return "", text


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, in a paragraph or a table cell."""
    return _SPECIAL.sub(lambda match: "\\" + match[0], text)


def unescape(text: str, surface: Surface) -> str:
    """The words that a surface shows for a piece of its source."""
    return html.unescape(text) if surface == "html" else _ESCAPED.sub(r"\1", text)


def scalar(text: str, entry: Entry, *, number: bool = False) -> tuple[Piece, ...]:
    """A YAML scalar; quoted unless YAML reads the bare text as that very string, or it is meant as a number."""
    if number or _is_plain(text):
        return (Piece(text, entry, text),)
    return (Piece('"'), Piece(json.dumps(text, ensure_ascii=False)[1:-1], entry, text), Piece('"'))


def attributes(values: Mapping[str, str]) -> str:
    """HTML attributes, each after a space, in the order given."""
    return "".join(f' {name}="{html.escape(value)}"' for name, value in values.items())


def _is_plain(text: str) -> bool:
    try:
        return bool(yaml.safe_load(f"[{text}]") == [text] and yaml.safe_load(f"k: {text}") == {"k": text})
    except yaml.YAMLError:
        return False


def _span(piece: Piece, start: int) -> dict[str, Any]:
    entry = dict(piece.entry or {})
    if "verbatim" not in entry or "format" in entry:
        entry["text"] = piece.plain
    return {"start": start, "end": start + len(piece.text), **entry}
