"""YAML text to values, with the place of every key and value; strict about what YAML lets slip."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bigcode.api.diagnostics import Diagnostic, Place

Path_ = tuple[str | int, ...]
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file. `keys` and `values` map a path of keys and indexes to its place."""

    file: str
    value: Any
    keys: dict[Path_, Place] = field(default_factory=dict)
    values: dict[Path_, Place] = field(default_factory=dict)

    def place(self, path: Path_, *, key: bool = False) -> Place:
        """The place of the longest part of `path` that the file holds."""
        for length in range(len(path), -1, -1):
            found = (self.keys if key and length else self.values).get(path[:length])
            if found:
                return found
        return Place(self.file)


def read_document(path: Path, shown: str) -> tuple[Document | None, list[Diagnostic]]:
    """Parse a file; `shown` is the name that diagnostics carry."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        return None, [Diagnostic("E108", "the file is not UTF-8", Place(shown, line), "Save it as UTF-8.")]
    except OSError as error:
        return None, [Diagnostic("E109", f"cannot be opened: {error.strerror}", Place(shown))]
    return parse_document(text, shown)


def parse_document(text: str, shown: str) -> tuple[Document | None, list[Diagnostic]]:
    """Parse text. The document is None when it is no YAML at all."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        return None, [_unreadable(error, text, shown)]
    if node is None:
        return Document(shown, None), []
    document = Document(shown, None)
    diagnostics: list[Diagnostic] = []
    value = _build(node, (), document, diagnostics)
    return Document(shown, value, document.keys, document.values), diagnostics


def _unreadable(error: yaml.MarkedYAMLError, text: str, shown: str) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    place = Place(shown, mark.line + 1, mark.column + 1) if mark else Place(shown)
    lines = text.splitlines()
    for number in (place.line, place.line - 1):
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        if "\t" in line[: len(line) - len(line.lstrip())] or line[place.column - 1 : place.column] == "\t":
            return Diagnostic("E103", "a tab is used for indentation", Place(shown, number, line.index("\t") + 1), "Use spaces.")
    return Diagnostic("E101", f"cannot be read as YAML: {error.problem or error.context}", place)


def _build(node: Any, path: Path_, out: Document, found: list[Diagnostic]) -> Any:
    out.values[path] = _place(out.file, node)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*path, key)
            if key in mapping:
                first = out.keys[here]
                found.append(Diagnostic("E102", f"`{key}` stands twice", _place(out.file, key_node),
                                        f"It is first set in line {first.line}; keep one of the two."))  # fmt: skip
                continue
            out.keys[here] = _place(out.file, key_node)
            mapping[key] = _build(value_node, here, out, found)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, index), out, found) for index, item in enumerate(node.value)]
    return _scalar(node, out.file, found)


def _scalar(node: Any, file: str, found: list[Diagnostic]) -> Any:
    kind = node.tag.rsplit(":", 1)[-1]
    text = node.value
    if kind == "null":
        return None
    if kind == "bool":
        if text not in ("true", "false"):
            meant = "true" if text.lower() in ("yes", "on", "true") else "false"
            found.append(Diagnostic("E107", f"`{text}` is read as {meant}", _place(file, node),
                                    f"Write `{meant}`, or quote it to mean the text."))  # fmt: skip
        return text.lower() in ("yes", "on", "true")
    if kind == "int" and text.lstrip("+-").isdigit() and not (len(text) > 1 and text[0] == "0"):
        return int(text)
    if kind == "float":
        try:
            return float(text.replace("_", ""))
        except ValueError:
            return text
    return text


def _place(file: str, node: Any) -> Place:
    return Place(file, node.start_mark.line + 1, node.start_mark.column + 1)
