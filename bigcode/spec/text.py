"""YAML text to values, with the place of every key and value; strict about what YAML lets slip.

Read are mappings, lists, text, `true` and `false`, `null`, and decimal numbers. Text that YAML 1.1 and 1.2 read
differently (`0777`, `1_000`, `1:30`, `.inf`, dates) stays text. Anchors, tags, merge keys and a second document
are refused: a reviewer of a change should see what a value is where it stands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from bigcode.api.diagnostics import Diagnostic, Place

Path_ = tuple[str | int, ...]
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

DEPTH = 64
"""Levels of nesting; no kind needs a quarter of it."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_NULLS = ("", "~", "null", "Null", "NULL")
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,39})")
_NUMBER = re.compile(r"[-+]?(?=\.?[0-9])(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]{1,4})?")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file. `keys` and `values` map a path of keys and indexes to its place, `raws` a scalar's path to
    the text as it is written, quotes and all."""

    file: str
    value: Any
    keys: dict[Path_, Place] = field(default_factory=dict)
    values: dict[Path_, Place] = field(default_factory=dict)
    raws: dict[Path_, str] = field(default_factory=dict)

    def place(self, path: Path_, *, key: bool = False) -> Place:
        """The place of the longest part of `path` that the file holds."""
        for length in range(len(path), -1, -1):
            found = (self.keys if key and length else self.values).get(path[:length])
            if found:
                return found
        return Place(self.file)


def read_text(path: Path, shown: str) -> tuple[str, list[Diagnostic]]:
    """The text of a file, or E108 or E109; `shown` is the name that diagnostics carry."""
    try:
        if path.exists() and not path.is_file():
            return "", [Diagnostic("E109", "cannot be opened: it is not a plain file", Place(shown))]
        data = path.read_bytes()
    except OSError as error:
        hint = "Restore the file or remove the link." if path.is_symlink() else "Look at its permissions."
        return "", [Diagnostic("E109", f"cannot be opened: {error.strerror}", Place(shown), hint)]
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        start = data.rfind(b"\n", 0, error.start) + 1
        place = Place(shown, data.count(b"\n", 0, error.start) + 1, error.start - start + 1)
        return "", [Diagnostic("E108", "the file is not UTF-8", place, "Save it as UTF-8.")]


def read_document(path: Path, shown: str) -> tuple[Document | None, list[Diagnostic]]:
    """Parse a file; `shown` is the name that diagnostics carry."""
    text, found = read_text(path, shown)
    return (None, found) if found else parse_document(text, shown)


def parse_document(text: str, shown: str) -> tuple[Document | None, list[Diagnostic]]:
    """Parse text. The document is None when it is not YAML, or uses a part of YAML that is not read."""
    text = text.removeprefix("\ufeff")
    bad = _CONTROL.search(text)
    if bad:
        place = Place(
            shown, text.count("\n", 0, bad.start()) + 1, bad.start() - text.rfind("\n", 0, bad.start())
        )
        return None, [
            Diagnostic("E101", f"a control character (U+{ord(bad[0]):04X}) is not text", place, "Remove it.")
        ]
    reader = _Reader(text, shown)
    try:
        value = reader.read()
    except yaml.MarkedYAMLError as error:
        return None, [*reader.found, _unreadable(error, text, shown)]
    except yaml.YAMLError as error:
        return None, [*reader.found, Diagnostic("E101", f"cannot be read as YAML: {error}", Place(shown))]
    except _Refused:
        return None, reader.found
    return Document(shown, value, reader.out.keys, reader.out.values, reader.out.raws), reader.found


class _Refused(Exception):
    """The rest of the file would only give errors that follow from this one."""


class _Reader:
    """Events to values. One pass, so that aliases, which events show and trees hide, are seen where they stand."""

    def __init__(self, text: str, shown: str) -> None:
        self.text, self.out = text, Document(shown, None)
        self.found: list[Diagnostic] = []
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)

    def read(self) -> Any:
        value, documents = None, 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refuse(event, "a second document starts here", "One resource a file.")
                value = self._value(next(self._events), ())
        return value

    def _value(self, event: Any, path: Path_) -> Any:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._refuse(
                event,
                "anchors and aliases are not read",
                "Write the value out, or put it into vars.yaml and write ${vars.NAME}.",
            )
        if event.tag is not None:
            raise self._refuse(event, f"the tag `{event.tag}` is not read", "Quote a value to mean the text.")
        if len(path) > DEPTH:
            raise self._refuse(event, f"nested deeper than {DEPTH} levels", "Flatten it.")
        self.out.values[path] = self._place(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return [
                self._value(item, (*path, index))
                for index, item in enumerate(self._until(yaml.SequenceEndEvent))
            ]
        self.out.raws[path] = self.text[event.start_mark.index : event.end_mark.index]
        return event.value if event.style else self._plain(event)

    def _mapping(self, path: Path_) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._key(event)
            here = (*path, key)
            if key in mapping:
                hint = f"It is first set in line {self.out.keys[here].line}; keep one of the two."
                self.found.append(Diagnostic("E102", f"`{key}` stands twice", self._place(event), hint))
                self._value(next(self._events), (*path, f"{key} (again)"))
                continue
            self.out.keys[here] = self._place(event)
            mapping[key] = self._value(next(self._events), here)
        return mapping

    def _key(self, event: Any) -> str:
        """Keys are text as they are written, whatever YAML would make of them."""
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refuse(event, "a key must be text", "Write `name: value`.")
        if event.value == "<<" and not event.style:
            raise self._refuse(event, "merge keys (`<<`) are not read", "Write the fields out.")
        if not event.value or event.anchor is not None or event.tag is not None:
            raise self._refuse(event, "a key must be plain text", "Write `name: value`.")
        return str(event.value)

    def _plain(self, event: Any) -> Any:
        text: str = event.value
        if text in _NULLS:
            return None
        if text.lower() in _BOOLEANS and text in (text.lower(), text.upper(), text.title()):
            value = _BOOLEANS[text.lower()]
            if text not in ("true", "false"):
                meant = "true" if value else "false"
                self.found.append(
                    Diagnostic(
                        "E107",
                        f"`{text}` is read as {meant}",
                        self._place(event),
                        f"Write `{meant}`, or quote it to mean the text.",
                    )
                )
            return value
        if _WHOLE.fullmatch(text):
            return int(text)
        match = _NUMBER.fullmatch(text)
        if match is None or not (match[2] or match[3]) or not math.isfinite(float(text)):
            return text
        # 1e9 is a whole number, 1.0e9 and 3e-4 are not.
        whole = not match[2] and float(text).is_integer()
        return int(Decimal(text)) if whole else float(text)

    def _until(self, end: type) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _refuse(self, event: Any, message: str, hint: str) -> _Refused:
        self.found.append(Diagnostic("E101", message, self._place(event), hint))
        return _Refused()

    def _place(self, event: Any) -> Place:
        return Place(self.out.file, event.start_mark.line + 1, event.start_mark.column + 1)


def _unreadable(error: yaml.MarkedYAMLError, text: str, shown: str) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    place = Place(shown, mark.line + 1, mark.column + 1) if mark else Place(shown)
    lines = text.split("\n")
    for number in (place.line, place.line - 1):
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        if "\t" in line[: len(line) - len(line.lstrip())] or line[place.column - 1 : place.column] == "\t":
            return Diagnostic(
                "E103",
                "a tab is used for indentation",
                Place(shown, number, line.index("\t") + 1),
                "Use spaces.",
            )
    return Diagnostic(
        "E101",
        f"cannot be read as YAML: {error.problem or error.context}",
        place,
        "Look for a missing quote, colon or space.",
    )


def replace_scalar(text: str, document: Document, path: Path_, new: str) -> str:
    """The text of a file with one scalar written anew and every other character as it was.

    Raises:
        KeyError: when the file holds no scalar at the path.
    """
    raw, place = document.raws[path], document.values[path]
    start = sum(len(line) for line in text.splitlines(keepends=True)[: place.line - 1]) + place.column - 1
    return text[:start] + new + text[start + len(raw) :]
