"""Recognition of licence texts, once for each distinct text.

Most licence files are one of a few hundred texts with other names in the copyright lines. What is classified is
the text without those lines, without case, and with punctuation and space evened out; the same form is the key
of the cache, so that the answer does not depend on which of the like files came first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from bigcode_licenses.expressions import from_classifier
from bigcode_licenses.scanner import find_known
from bigcode_licenses.statements import EXACT, Statement

LONGEST = 1 << 18
"""Characters of a text that are read: collections of notices can have megabytes."""

SHORT_TEXT = 120
"""A licence file of fewer words may be a sentence that names a licence, or another file."""

_COPYRIGHT = re.compile(
    r"\W*(?:copyright\b\W*(?:\(c\)|©|&copy;|\d{4})|©|\(c\)\s*(?:copyright\s*)?\d{4}|all rights reserved\W*$)",
    re.IGNORECASE,
)
# What separates words for the classifier anyway. Brackets, URLs and mark-up keep their signs: it reads them.
_SIGNS = str.maketrans({**{chr(i): chr(i) for i in range(128)}, **dict.fromkeys("\"'`“”‘’«»*|~^!;,$\\", " ")})
_RESTRICTION = re.compile(
    r"non-?commercial|commercial use (?:is |are )?(?:not|only|prohibit|forbid|requires)"
    r"|(?:may|must|shall) not (?:be )?(?:us|s[eo]l)|not permitted|prohibited|forbidden|proprietary|personal use"
    r"|(?:research|evaluation) purposes|commons clause|additional (?:terms|restrictions)"
)


class Match(NamedTuple):
    """A known text in a normalised text: characters `start` to `end` are of licence `id`."""

    id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Recognition:
    """`scores` maps canonical ids to the share of the text that known licences cover, halved for an id that only
    a URL stands for. `coverage` is that share, `words` the number of words, and `restricted` tells that what no
    licence covers speaks of restrictions."""

    scores: Mapping[str, float] = field(default_factory=dict)
    coverage: float = 0.0
    words: int = 0
    restricted: bool = False


def recognise(text: str) -> Recognition:
    """Which known licences a text consists of. Only the first `LONGEST` characters are read."""
    return _recognise(normalise(text[:LONGEST]))


def whole(found: Recognition, coverage: float) -> tuple[Statement, ...]:
    """What a text states that consists of known texts to the share `coverage`, taken at its word."""
    known = bool(found.scores) and found.coverage >= coverage
    return tuple(Statement(i, EXACT) for i in found.scores) if known else ()


def normalise(text: str) -> str:
    """Lower case, without copyright lines, on one line with single spaces."""
    lines = (line for line in text.splitlines() if not _COPYRIGHT.match(line))
    return " ".join("\n".join(lines).lower().translate(_SIGNS).split())


def match(text: str) -> tuple[Match, ...]:
    """The known texts in a normalised text, in its order, with what each covers. Slow: a millisecond or less for a
    notice, many for a long text."""
    return tuple(Match(from_classifier(found.id), found.start, found.end) for found in find_known(text))


def is_url(text: str, found: Match) -> bool:
    """Whether only the URL of a licence was matched."""
    return text.startswith("http", found.start) and " " not in text[found.start : found.end].strip()


def summarise(text: str, matches: Sequence[Match]) -> Recognition:
    """What the matches of a normalised text say of it as a whole."""
    if not matches:
        return Recognition(words=len(text.split()))
    coverage = sum(found.end - found.start for found in matches) / len(text)
    scores: dict[str, float] = {}
    rest, end = [], 0
    for found in matches:
        rest.append(text[end : found.start])
        end = found.end
        score = round(coverage / 2 if is_url(text, found) else coverage, 4)
        scores[found.id] = max(score, scores.get(found.id, 0.0))
    restricted = any(map(_RESTRICTION.search, [*rest, text[end:]]))
    return Recognition(dict(sorted(scores.items())), coverage, len(text.split()), restricted)


@lru_cache(maxsize=8192)
def _recognise(text: str) -> Recognition:
    return summarise(text, match(text))
