"""The table of languages: which file names and extensions belong to which language."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Table:
    """Languages by whole file name and by extension (lower case, with its dot)."""

    names: frozenset[str]
    by_name: Mapping[str, tuple[str, ...]]
    by_extension: Mapping[str, tuple[str, ...]]

    def candidates(self, name: str) -> tuple[str, ...]:
        """The languages that a file of this name may be in, sorted.

        The whole name counts before extensions, and a longer extension before a shorter one.
        """
        if name in self.by_name:
            return self.by_name[name]
        start = name.find(".")
        while start >= 0:
            extension = name[start:].lower()
            if extension in self.by_extension:
                return self.by_extension[extension]
            start = name.find(".", start + 1)
        return ()


@cache
def load_table() -> Table:
    """The table beside this module."""
    languages = json.loads(Path(__file__).with_name("table.json").read_text(encoding="utf-8"))["languages"]
    by_name: dict[str, list[str]] = defaultdict(list)
    by_extension: dict[str, list[str]] = defaultdict(list)
    for language in sorted(languages):
        entry = languages[language]
        for name in entry.get("filenames", ()):
            by_name[name].append(language)
        for extension in {extension.lower() for extension in entry.get("extensions", ())}:
            by_extension[extension].append(language)
    return Table(frozenset(languages), _freeze(by_name), _freeze(by_extension))


def _freeze(lists: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(values) for key, values in lists.items()}
