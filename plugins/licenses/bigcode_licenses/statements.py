"""Short statements by name: `Apache 2.0`, `GPLv3+`, "released under the MIT license"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bigcode_licenses.expressions import canonical, licenses_of

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
EXACT = 1.0
NAMED = 0.9
FAMILY = 0.5


class Statement(NamedTuple):
    """A canonical expression and how surely it was meant: `EXACT` for an SPDX expression, `NAMED` for a name of
    the table, `FAMILY` for a family without its version."""

    id: str
    score: float


_NUMBER = re.compile(r"\bv(?:er(?:sion)?)?\.?\s*(?=\d)|(?<=gpl)-?v?(?=\d)|(?<=mpl)-?v?(?=\d)")
_FILLER = re.compile(r"\b(?:the|licen[cs]es?|version)\b")
_WORDS = re.compile(r"[a-z0-9.+]+")
_PHRASES = (
    re.compile(
        r"\b(?:(?:licen[cs]ed|released|distribut(?:ed|able)|available|published|provided|covered)\s+(?:under|by)"
        r"|this\s+(?:file|code|module|script|program|software|project|library)\s+is\s+under)\s+"
        r"(?:(?:the\s+)?terms(?:\s+and\s+conditions)?\s+of\s+)?(?:the\s+|an?\s+)?"
        r"(?P<name>[A-Za-z0-9][\w +.,/()-]{0,60}?)\s+licen[cs]e\b(?!\s*,?\s*(?:v|version\s*)?\d)",
        re.IGNORECASE,
    ),
    re.compile(
        r"^\W*(?:@license|:?licen[cs]e:)\s+(?P<name>[^\n]{2,60}?)(?:,?\s+\(?see\b[^\n]*)?\s*\.?\s*$",
        re.IGNORECASE | re.MULTILINE,
    ),
)


def read_name(text: str) -> Statement | None:
    """What a metadata field or the name of a classifier says, or None if that is unknown or ambiguous."""
    text = text.strip().rsplit("::", 1)[-1].strip()
    if (expression := canonical(text)) is not None:
        return Statement(expression, EXACT)
    return _table().get(_fold(text)) if len(text) <= 200 else None


def find_statement(text: str) -> Statement | None:
    """The one licence that a sentence such as "released under the MIT license" names, or None.

    Two different names in one text are no statement: which of them holds is not said in so many words.
    """
    found = set()
    for pattern in _PHRASES:
        for match in pattern.finditer(text):
            if (statement := read_name(match["name"])) is None:
                return None
            found.add(Statement(statement.id, min(statement.score, NAMED)))
    return found.pop() if len(found) == 1 else None


def merge(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Sorted by id, each id once with its best score; a family without its version gives way to a precise member."""
    best: dict[str, float] = {}
    for identifier, score in statements:
        best[identifier] = max(score, best.get(identifier, 0.0))
    precise = {_family(name) for i, score in best.items() if score > FAMILY for name in licenses_of(i)}
    kept = (Statement(*item) for item in sorted(best.items()))
    return tuple(s for s in kept if s.score > FAMILY or _family(s.id) not in precise)


def _family(identifier: str) -> str:
    return identifier.split("-")[0]


@cache
def _table() -> dict[str, Statement]:
    data = yaml.load(Path(__file__).with_name("names.yaml").read_text(encoding="utf-8"), LOADER)
    return {
        _fold(str(name)): Statement(identifier, score)
        for part, score in (("families", FAMILY), ("names", NAMED))
        for identifier, names in data[part].items()
        for name in names
    }


def _fold(name: str) -> str:
    return " ".join(_WORDS.findall(_FILLER.sub(" ", _NUMBER.sub(" ", name.lower()))))
