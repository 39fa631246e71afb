"""`notebooks.check`: whether a notebook can be rendered, and how many cells it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from bigcode_notebooks.notebook import read_notebook

if TYPE_CHECKING:
    from bigcode.api import Context
    from bigcode_notebooks.config import CheckConfig


class NotebookCheck:
    def __init__(self, config: CheckConfig) -> None:
        self.config = config

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Columns blob, name (string) and content (binary) in; blob, name, notebook_ok (bool) and cells (int64) out.

        Both are null for files of other names, which no rule that compares them touches.
        """
        names = table.column("name").combine_chunks()
        rows = pc.indices_nonzero(pc.ends_with(names, ".ipynb", ignore_case=True)).to_pylist()
        ok: list[bool | None] = [None] * table.num_rows
        cells: list[int | None] = [None] * table.num_rows
        content = table.column("content")
        for row in rows:
            ok[row], cells[row] = self._look(content[row].as_py())
        return pa.table(
            {
                "blob": table.column("blob"),
                "name": names,
                "notebook_ok": pa.array(ok, pa.bool_()),
                "cells": pa.array(cells, pa.int64()),
            }
        )

    def _look(self, content: bytes) -> tuple[bool, int]:
        notebook = read_notebook(content)
        if notebook is None:
            return False, 0
        languages, language = self.config.languages, notebook.language or self.config.assume
        return not languages or language in languages, len(notebook.cells)
