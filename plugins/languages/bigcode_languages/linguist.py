"""`languages.linguist`: the language of a file from its name, and from its content where the name is ambiguous."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

import enry
import pyarrow as pa

from bigcode_languages.library import is_generated, read_language
from bigcode_languages.table import Table, load_table

if TYPE_CHECKING:
    from bigcode.api import Context
    from bigcode_languages.config import LinguistConfig

# Languages whose name the library and the table spell differently.
_RENAMED = {"SaltStack": "Salt", "Vim Script": "Vim script"}


_BINARY_HEAD = 8000
"""Bytes in which a NUL makes a file binary; git and the library look at as many."""


class Linguist:
    def __init__(self, config: LinguistConfig) -> None:
        self.table = load_table().replace(config.rules.extensions, config.rules.filenames)
        self.only = frozenset(config.only) or self.table.names

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Columns blob, name (string) and content (binary) in; blob, name, language (string, empty if unknown),
        generated and binary (bool) out, a row for each row."""
        pairs = list(zip(table.column("name").to_pylist(), table.column("content").to_pylist(), strict=True))
        languages = [detect(name, content, self.table, self.only) for name, content in pairs]
        return pa.table(
            {
                "blob": table.column("blob"),
                "name": table.column("name"),
                "language": pa.array(languages, pa.string()),
                "generated": pa.array([is_generated(n, c) for n, c in pairs], pa.bool_()),
                "binary": pa.array([b"\0" in c[:_BINARY_HEAD] for _, c in pairs], pa.bool_()),
            }
        )


def detect(name: str, content: bytes, table: Table, only: Set[str]) -> str:
    """The language of a file, or an empty string where it is unknown or none of `only`.

    A name or extension that the table gives to one language decides. Between several, the library reads the
    content, and an answer that is none of them counts as unknown. Without any, a first line such as `#!/bin/sh`
    decides. The content of an ambiguous file that is empty says nothing.
    """
    candidates = table.candidates(name)
    if len(candidates) == 1:
        found = candidates[0]
    elif not candidates:
        found = _by_first_line(content, table) if content.startswith(b"#!") else ""
    elif only.isdisjoint(candidates) or not content.strip():
        found = ""
    else:
        found = read_language(name, content)
        found = _RENAMED.get(found, found)
        found = found if found in candidates else ""
    return found if found in only else ""


def _by_first_line(content: bytes, table: Table) -> str:
    guess = enry.get_language_by_shebang(content.partition(b"\n")[0] + b"\n")
    found = _RENAMED.get(guess.language, guess.language)
    return found if found in table.names else ""
