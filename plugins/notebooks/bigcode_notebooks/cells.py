"""`notebooks.cells`: a notebook as StarCoder's structured notebooks have it (Li et al. 2023, section 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigcode_notebooks.notebook import Cell, merge_cells, read_notebook

if TYPE_CHECKING:
    from bigcode_notebooks.config import CellsConfig


class CellSequence:
    notation = "json"
    """What is rendered is JSON: masks must not take its escapes apart."""

    def __init__(self, config: CellsConfig) -> None:
        self.config = config
        marks = (config.start, config.text, config.code, config.output, config.empty_output)
        # Longer marks first: one may begin with another.
        self.marks = sorted(filter(None, marks), key=lambda mark: (-len(mark), mark))

    def render(self, content: bytes, path: str) -> bytes | None:
        """The cells of a notebook, UTF-8; None for what is no notebook, holds no cell, or is in another language."""
        notebook = read_notebook(content)
        if notebook is None or (self.config.languages and notebook.language not in self.config.languages):
            return None
        text = self.config.start + "".join(map(self._write, merge_cells(notebook.cells)))
        return text.encode("utf-8", "replace")

    def _write(self, cell: Cell) -> str:
        config = self.config
        if cell.kind == "text":
            return config.text + self._disarm(cell.source)
        code = config.code + self._disarm(cell.source)
        if not config.output_chars:
            return code
        output = self._disarm(cut(cell.output, config.output_chars))
        return code + config.output + (output or config.empty_output)

    def _disarm(self, text: str) -> str:
        """A text in which no mark reads as one: a blank follows its first character."""
        for mark in self.marks:
            if mark in text:
                text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text


def cut(text: str, limit: int) -> str:
    """The lines at the top that have room in `limit` characters, or the beginning of a first line that has not."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    return head if text[limit] == "\n" else head.rpartition("\n")[0] or head
