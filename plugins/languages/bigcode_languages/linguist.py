"""`languages.linguist`: the language of a file from its name, and from its content where the name is ambiguous."""

from __future__ import annotations

from typing import TYPE_CHECKING

import enry
import pyarrow as pa

from bigcode_languages.table import Table, load_table

if TYPE_CHECKING:
    from bigcode.api import Context
    from bigcode_languages.config import LinguistConfig

# Languages whose name the library and the table spell differently.
_RENAMED = {"SaltStack": "Salt", "Vim Script": "Vim script"}


class Linguist:
    def __init__(self, config: LinguistConfig) -> None:
        self.table = load_table()

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Columns blob, name (string) and content (binary) in; blob, name, language (string, empty if unknown),
        generated and binary (bool) out, a row for each row."""
        pairs = list(zip(table.column("name").to_pylist(), table.column("content").to_pylist(), strict=True))
        return pa.table(
            {
                "blob": table.column("blob"),
                "name": table.column("name"),
                "language": pa.array([detect(n, c, self.table) for n, c in pairs], pa.string()),
                "generated": pa.array([enry.is_generated(n, c) for n, c in pairs], pa.bool_()),
                "binary": pa.array([enry.is_binary(c) for _, c in pairs], pa.bool_()),
            }
        )


def detect(name: str, content: bytes, table: Table) -> str:
    """The language of a file, or an empty string.

    A name or extension that the table gives to one language decides. Between several, the library reads the
    content, and an answer that is none of them counts as unknown. Without any, a first line such as `#!/bin/sh`
    decides. The content of an ambiguous file that is empty says nothing.
    """
    candidates = table.candidates(name)
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        return _by_first_line(content, table) if content.startswith(b"#!") else ""
    if not content.strip():
        return ""
    found = enry.get_language(name, content)
    found = _RENAMED.get(found, found)
    return found if found in candidates else ""


def _by_first_line(content: bytes, table: Table) -> str:
    guess = enry.get_language_by_shebang(content.partition(b"\n")[0] + b"\n")
    found = _RENAMED.get(guess.language, guess.language)
    return found if found in table.names else ""
