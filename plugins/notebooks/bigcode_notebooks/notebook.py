"""Reading notebooks: cells of text and of code, with what the code printed.

Formats 4 and later hold cells, formats 2 and 3 worksheets of cells (nbformat's documentation, "the notebook file
format"). Nothing in the file is trusted: a part of an unexpected type counts as absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
"""Sequences that colour a terminal (ECMA-48)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """`output` is the text that a code cell printed."""

    kind: Literal["text", "code"]
    source: str
    output: str = ""


@dataclass(frozen=True, slots=True)
class Notebook:
    """`language` is that of the kernel, in lower case; empty where the file does not say."""

    language: str
    cells: tuple[Cell, ...]


def read_notebook(content: bytes) -> Notebook | None:
    """None for what is no notebook, of an older format than 2, or holds no cell with text in it."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    version = data.get("nbformat")
    if not isinstance(version, int) or version < 2:
        return None
    raw = _list(data, "cells") if version >= 4 else _cells_of_worksheets(data)
    cells = tuple(cell for item in raw if isinstance(item, dict) for cell in _read_cell(item))
    return Notebook(_read_language(data, raw), cells) if cells else None


def merge_cells(cells: tuple[Cell, ...]) -> Iterator[Cell]:
    """Cells of one kind that follow one another are one cell; it has the output of the last of them."""
    for kind, group in groupby(cells, key=lambda cell: cell.kind):
        run = list(group)
        between = "\n\n" if kind == "text" else "\n"
        yield Cell(kind, between.join(cell.source for cell in run), run[-1].output)


def _cells_of_worksheets(data: dict[str, Any]) -> list[Any]:
    sheets = (sheet for sheet in _list(data, "worksheets") if isinstance(sheet, dict))
    return [cell for sheet in sheets for cell in _list(sheet, "cells")]


def _read_cell(item: dict[str, Any]) -> Iterator[Cell]:
    kind = item.get("cell_type")
    if kind == "code":
        source = _text(item.get("source", item.get("input"))).strip("\n")
        if source.strip():
            yield Cell("code", source, _read_outputs(_list(item, "outputs")))
    elif kind in ("markdown", "heading"):
        source = _text(item.get("source")).strip()
        level = item.get("level")
        if source and kind == "heading":
            source = "#" * min(max(level if isinstance(level, int) else 1, 1), 6) + " " + source
        if source:
            yield Cell("text", source)


def _read_outputs(outputs: list[Any]) -> str:
    """What was printed and what was returned, as text. Pictures are left out together with the text that stands for
    them, and so is what went to the error stream; of an exception its name and message are kept."""
    parts = [_read_output(output) for output in outputs if isinstance(output, dict)]
    return "\n".join(part for part in parts if part)


def _read_output(output: dict[str, Any]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        stream = output.get("name", output.get("stream"))
        text = "" if stream == "stderr" else _text(output.get("text"))
    elif kind in ("error", "pyerr"):
        text = ": ".join(part for part in (_text(output.get("ename")), _text(output.get("evalue"))) if part)
    elif kind in ("execute_result", "display_data", "pyout"):
        data = output.get("data", output)
        if not isinstance(data, dict) or any(
            key.startswith("image/") or key in ("png", "jpeg", "svg") for key in data
        ):
            return ""
        text = _text(data.get("text/plain", data.get("text")))
    else:
        return ""
    return _print(text)


def _print(text: str) -> str:
    """The text as a terminal leaves it: no colours, and of a line that was written over its last state."""
    lines = _ESCAPE.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2].rstrip() for line in lines).strip("\n")


def _read_language(data: dict[str, Any], cells: list[Any]) -> str:
    metadata = data.get("metadata")
    said: list[Any] = []
    if isinstance(metadata, dict):
        for key, field in (("kernelspec", "language"), ("language_info", "name")):
            part = metadata.get(key)
            said.append(part.get(field) if isinstance(part, dict) else None)
    said += [cell.get("language") for cell in cells if isinstance(cell, dict)]
    return next((name.strip().lower() for name in said if isinstance(name, str) and name.strip()), "")


def _list(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    """A text, or lines of one, as the format allows both."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""
