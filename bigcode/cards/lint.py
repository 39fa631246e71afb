"""No digit without a fact: checks of templates and prose before rendering, and of the finished card after it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from bigcode.api import Diagnostic, Place
from bigcode.cards.marks import MARK, Surface
from bigcode.cards.spans import has_digit, is_digit

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_SHOWN = frozenset(
    {"alt", "aria-label", "aria-description", "aria-valuetext", "label", "placeholder", "summary"}
)
"""Attributes whose text a reader sees or hears. The title of a fact says where it comes from and may hold digits."""
_HIDDEN = frozenset({"style", "script", "template"})


def lint_template(name: str, source: str) -> list[Diagnostic]:
    """Digits in the words of a template, outside expressions and outside the tags and styles of a page.

    Characters that marks are made of are refused as well.
    """
    if name.endswith(".css.j2"):
        return []
    hint = "print a fact with fact(), or a name with name()"
    return _lint_source(source, name, "html" if name.endswith(".html.j2") else "markdown", hint)


def lint_prose(source: str, file: str) -> list[Diagnostic]:
    """Digits in prose, outside expressions."""
    return _lint_source(source, file, "markdown", 'declare a fact and write {{ fact("its.id") }}')


def lint_rendered(
    text: str, spans: Iterable[Mapping[str, Any]], surface: Surface, file: str
) -> list[Diagnostic]:
    """Digits of a finished card, in the whole Markdown or in what the page shows, that lie in no span.

    `spans` are mappings with `start` and `end`, in code points of `text`.
    """
    covered = bytearray(len(text))
    for span in spans:
        start, end = span["start"], min(span["end"], len(text))
        covered[start:end] = b"\x01" * max(0, end - start)
    loose = [offset for offset in _digits(text, surface) if not covered[offset]]
    return [_diagnose(text, run, file, "stands in no span of the trace", "") for run in _runs(loose)]


def place_of(text: str, offset: int, file: str) -> Place:
    """Line and column of an offset, both from one."""
    return Place(file, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _lint_source(source: str, file: str, surface: Surface, hint: str) -> list[Diagnostic]:
    words = _JINJA.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
    found = [
        _diagnose(source, run, file, "stands in the text itself", hint)
        for run in _runs(_digits(words, surface))
    ]
    found += [
        Diagnostic(
            "E609",
            "a private-use character, which cards reserve for marks",
            place_of(source, m.start(), file),
        )
        for m in MARK.finditer(source)
    ]
    return found


def _diagnose(text: str, run: tuple[int, int], file: str, what: str, hint: str) -> Diagnostic:
    start, end = run
    around = " ".join(MARK.sub("…", text[max(0, start - 24) : end + 24]).split())
    return Diagnostic("E609", f"`{text[start:end]}` {what}: … {around} …", place_of(text, start, file), hint)


def _runs(offsets: Iterable[int]) -> Iterator[tuple[int, int]]:
    start = end = -1
    for offset in offsets:
        if offset != end:
            if start >= 0:
                yield start, end
            start = offset
        end = offset + 1
    if start >= 0:
        yield start, end


def _digits(text: str, surface: Surface) -> Iterator[int]:
    if surface == "markdown":
        return (offset for offset, char in enumerate(text) if is_digit(char))
    scanner = _Page(text)
    scanner.feed(text)
    scanner.close()
    return iter(sorted(scanner.digits))


class _Page(HTMLParser):
    """Collects where the digits lie that a reader of a page sees or hears."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.digits: list[int] = []
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        if any(name in _SHOWN and has_digit(value or "") for name, value in attrs):
            self.digits.append(self._offset())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and self._hidden[-1] == tag:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            start = self._offset()
            self.digits += [start + index for index, char in enumerate(data) if is_digit(char)]

    def handle_charref(self, name: str) -> None:
        self._reference(f"&#{name};")

    def handle_entityref(self, name: str) -> None:
        self._reference(f"&{name};")

    def _reference(self, text: str) -> None:
        if not self._hidden and has_digit(html.unescape(text)):
            self.digits.append(self._offset())

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column
