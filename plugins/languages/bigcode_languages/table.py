"""The table of languages: which file names and extensions belong to which language."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
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

    def replace(self, extensions: Mapping[str, str], filenames: Mapping[str, str]) -> Table:
        """This table where the given extensions (lower case) and names belong to one language each."""
        return Table(
            self.names,
            {**self.by_name, **{name: (language,) for name, language in filenames.items()}},
            {**self.by_extension, **{extension: (language,) for extension, language in extensions.items()}},
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """What a person reads of a language: the names that lead to it, each sorted.

    `shared` are those of its names and extensions that other languages have, too: there, content decides.
    """

    language: str
    extensions: tuple[str, ...]
    filenames: tuple[str, ...]
    shared: tuple[str, ...]


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


def list_rules(table: Table) -> Iterator[Rule]:
    """A row for each language that a name leads to, by the name of the language."""
    extensions, filenames = _invert(table.by_extension), _invert(table.by_name)
    for language in sorted(extensions.keys() | filenames.keys()):
        own, whole = extensions.get(language, ()), filenames.get(language, ())
        shared = [e for e in own if len(table.by_extension[e]) > 1] + [
            n for n in whole if len(table.by_name[n]) > 1
        ]
        if language:
            yield Rule(language, own, whole, tuple(shared))


def format_rules(table: Table) -> Iterator[str]:
    """The lines of a table for people: a language a line, `*` after what content has to decide."""
    rows = list(list_rules(table))
    width = max(len(row.language) for row in rows)
    for row in rows:
        names = (name + "*" * (name in row.shared) for name in (*row.extensions, *row.filenames))
        yield f"{row.language:{width}}  {' '.join(names)}"


def _freeze(lists: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(values) for key, values in lists.items()}


def _invert(lists: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    out: dict[str, list[str]] = defaultdict(list)
    for key in sorted(lists):
        for language in lists[key]:
            out[language].append(key)
    return _freeze(out)
