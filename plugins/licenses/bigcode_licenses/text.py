"""Recognition of licence texts, once for each distinct text.

Most licence files are one of a few hundred texts with other names in the copyright lines. What is classified is
the text without those lines, without case, and with punctuation and space evened out; the same form is the key
of the cache, so that the answer does not depend on which of the like files came first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from licenseclassifier import identify_license

from bigcode_licenses.expressions import from_classifier

LONGEST = 1 << 18
"""Characters of a text that are read: collections of notices can have megabytes."""

_COPYRIGHT = re.compile(
    r"\W*(?:copyright\b\W*(?:\(c\)|©|&copy;|\d{4})|©|\(c\)\s*(?:copyright\s*)?\d{4}|all rights reserved\W*$)",
    re.IGNORECASE,
)
# What separates words for the classifier anyway. Brackets, URLs and mark-up keep their signs: it reads them.
_SIGNS = str.maketrans(dict.fromkeys("\"'`“”‘’«»*|~^!;,$\\", " "))
_SPACE = re.compile(r"\s+")
_RESTRICTION = re.compile(
    r"non-?commercial|commercial use (?:is |are )?(?:not|only|prohibit|forbid|requires)"
    r"|(?:may|must|shall) not (?:be )?(?:us|s[eo]l)|not permitted|prohibited|forbidden|proprietary|personal use"
    r"|(?:research|evaluation) purposes|commons clause|additional (?:terms|restrictions)"
)


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


def normalise(text: str) -> str:
    """Lower case, without copyright lines, on one line with single spaces."""
    lines = (line for line in text.splitlines() if not _COPYRIGHT.match(line))
    return _SPACE.sub(" ", "\n".join(lines).lower().translate(_SIGNS)).strip()


@lru_cache(maxsize=8192)
def _recognise(text: str) -> Recognition:
    matches = identify_license(text, coverage_threshold=0.0)
    if not matches:
        return Recognition(words=len(text.split()))
    coverage = sum(match.end - match.start for match in matches) / len(text)
    scores: dict[str, float] = {}
    rest, end = [], 0
    for match in matches:
        rest.append(text[end : match.start])
        end = match.end
        is_url = text.startswith("http", match.start) and " " not in text[match.start : match.end].strip()
        score = round(coverage / 2 if is_url else coverage, 4)
        identifier = from_classifier(match.id)
        scores[identifier] = max(score, scores.get(identifier, 0.0))
    restricted = any(map(_RESTRICTION.search, [*rest, text[end:]]))
    return Recognition(dict(sorted(scores.items())), coverage, len(text.split()), restricted)
