"""`notebooks.script`: a notebook as a program, its text as comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bigcode_notebooks.notebook import Cell, read_notebook

if TYPE_CHECKING:
    from bigcode_notebooks.config import ScriptConfig

_COMMENTS = {
    "//": "c c# c++ cpp csharp dart f# fsharp go groovy java javascript kotlin php rust scala swift typescript",
    "--": "elm haskell lua postgresql sql",
    "%": "erlang matlab octave prolog",
    ";": "clojure common-lisp lisp racket scheme",
}
_PREFIX = {language: mark for mark, languages in _COMMENTS.items() for language in languages.split()}
_MAGIC = re.compile(r"^[ \t]*(?:%%?[A-Za-z_]|!(?!=)|\?{1,2}[A-Za-z_])")
"""What IPython understands and Python does not: magics, commands of the shell, questions for help."""


class Script:
    notation = "json"
    """What is rendered is JSON: masks must not take its escapes apart."""

    def __init__(self, config: ScriptConfig) -> None:
        self.languages, self.assume = config.languages, config.assume

    def render(self, content: bytes, path: str) -> bytes | None:
        """A program, UTF-8; None for what is no notebook, holds no cell, or is in another language.

        Blank lines part the cells. Lines that only IPython understands become comments, and cells that begin with
        `%%` as a whole.
        """
        notebook = read_notebook(content)
        if notebook is None:
            return None
        language = notebook.language or self.assume
        if self.languages and language not in self.languages:
            return None
        mark = _PREFIX.get(language, "#")
        blocks = (_write(cell, mark, language in ("python", "ipython")) for cell in notebook.cells)
        return ("\n\n".join(blocks) + "\n").encode("utf-8", "replace")


def _write(cell: Cell, mark: str, ipython: bool) -> str:
    lines = cell.source.split("\n")
    whole = cell.kind == "text" or (ipython and cell.source.lstrip().startswith("%%"))
    return "\n".join(
        f"{mark} {line}".rstrip() if whole or (ipython and _MAGIC.match(line)) else line for line in lines
    )
