"""Two detectors and what follows from both: ids with scores, the evidence, and whether a person should look.

The quick one reads every text. ScanCode reads a text when the quick one recognises nothing, or too little, or ids
of different categories of which one rests on a scrap. An answer that no second opinion supports keeps a low score
where it would change the category; what ScanCode alone sees in passing never turns a permissive text into another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from hashlib import sha256
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from bigcode_licenses import scancode
from bigcode_licenses.expressions import UNKNOWN, canonical, licenses_of
from bigcode_licenses.memory import Memory, Recent
from bigcode_licenses.scancode import Hit, Scan
from bigcode_licenses.statements import EXACT, Statement
from bigcode_licenses.table import CATEGORIES, category_of
from bigcode_licenses.text import SHORT_TEXT, Match, Recognition, is_url, match, summarise

if TYPE_CHECKING:
    from bigcode.api import Context
    from bigcode_licenses.config import TiersConfig

SURE = 0.9
"""An id with a lower score, or a text of which less is explained, is not sure."""
_SCRAP = 0.1
"""A known text that covers less of a file than this is a scrap."""
_LONGEST = 1 << 16
"""Characters of a text that ScanCode is given: its time grows with the length, and a collection of notices that is
longer than this needs a person anyway."""
_REPEATED = 100
"""How often two words may follow each other in any text."""
_STATES = ("text", "notice", "tag")
"""Rules of ScanCode that state a licence; a reference may do no more than mention one."""
_SAYS_NOTHING = frozenset(
    f"LicenseRef-scancode-{key}"
    for key in ("unknown", "unknown-license-reference", "unknown-spdx", "free-unknown", "warranty-disclaimer",
                "other-permissive", "other-copyleft", "public-domain-disclaimer", "generic-cla")
)  # fmt: skip
"""What ScanCode says where a licence is mentioned without its name."""


_ANY_VERSION = frozenset(("AGPL-1.0-or-later", "GPL-1.0-or-later", "LGPL-2.0-or-later"))


class Evidence(NamedTuple):
    """A detector's match: from character `start` to `end` of the normalised text; `text` is the sha256 of that part,
    the same wherever the same words stand. What is found by name alone has no place and no digest."""

    id: str
    score: float
    detector: str
    start: int = 0
    end: int = 0
    text: str = ""


class Opinion(NamedTuple):
    """What is stated; `unclear` asks for a person."""

    statements: tuple[Statement, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    unclear: bool = False


class Classifier:
    """Both tiers, each behind what it said before. Answers are functions of the normalised text and the settings."""

    def __init__(self, config: TiersConfig) -> None:
        self.config = config
        # To classify a text anew takes no longer than to read a file.
        self._first = Recent(match)
        self._exact, self._near = (_remember_scans(near) for near in (False, True))

    def recognise(self, text: str, ctx: Context) -> tuple[Recognition, tuple[Match, ...]]:
        """The first tier on a normalised text."""
        matches = self._first.read(text, ctx)
        return summarise(text, matches), matches

    def read_text(self, text: str, ctx: Context) -> Opinion | None:
        """What a normalised licence text states, or None if it consists of no known text. A short text that the first
        tier does not know is none."""
        first, matches = self.recognise(text, ctx)
        known = bool(first.scores) and first.coverage >= self.config.coverage
        scraps = self._scraps(text, matches) if known else frozenset[str]()
        if known and first.coverage >= SURE and not first.restricted and not scraps:
            return Opinion(_statements(first.scores), of_matches(text, matches, first), False)
        if not known and first.words < SHORT_TEXT:
            return None
        scan = self._scan(text, ctx)
        evidence = of_matches(text, matches, first)
        if scan is None:
            if not known:
                return None
            scores = {**first.scores, UNKNOWN: EXACT} if first.restricted else first.scores
            return Opinion(_statements(scores), evidence, True)
        evidence = merge_evidence(evidence, _of_hits(text, scan))
        if known:
            return self._weigh(text, first, matches, scan)._replace(evidence=evidence)
        hits = _telling(scan.hits, _STATES)
        if not hits or scan.coverage < self.config.coverage:
            return None
        good = [hit for hit in hits if hit.score >= SURE] or hits
        scores = {i: min(score, scan.coverage) for i, score in _best(good).items()}
        return Opinion(_statements(scores), evidence, _below(scores.values()) or len(good) < len(hits))

    def read_notice(self, text: str, ctx: Context, likely: bool) -> Opinion:
        """What ScanCode sees in the notice of a source file, where nothing else was recognised; mentions of low
        score are dropped, since a comment may speak of licences without stating one. `likely` tells that somebody
        gives or keeps a right in it: then it is worth a look for other words of the same meaning."""
        if self.config.tier2 == "none" or not _is_prose(text):
            return Opinion()
        opinion = self._read_notice(text, self._exact.read(text, ctx))
        if not opinion.statements and likely and (scan := self._scan(text, ctx)):
            return self._read_notice(text, scan)
        return opinion

    def _read_notice(self, text: str, scan: Scan) -> Opinion:
        hits = _telling(scan.hits, (*_STATES, "reference"))
        scores = _best(hit for hit in hits if hit.score >= SURE or hit.kind in ("text", "notice"))
        evidence = _of_hits(text, scan) if scores else ()
        return Opinion(_statements(scores), evidence, _below(scores.values()))

    def _scan(self, text: str, ctx: Context) -> Scan | None:
        """The second tier on a normalised text; None where there is none, or the text would keep it busy for long."""
        if self.config.tier2 == "none" or len(text) > _LONGEST or not _is_prose(text):
            return None
        exact = self._exact.read(text, ctx)
        return exact if exact.coverage >= SURE else self._near.read(text, ctx)

    def _scraps(self, text: str, matches: Iterable[Match]) -> frozenset[str]:
        """Ids that rest on little of the text and without which its category is another."""
        share: dict[str, float] = {}
        for found in matches:
            part = 0.0 if is_url(text, found) else (found.end - found.start) / len(text)
            share[found.id] = share.get(found.id, 0.0) + part
        small = frozenset(i for i, part in share.items() if part < _SCRAP)
        rest = share.keys() - small
        return small if rest and small and self._worst(rest) != self._worst(share) else frozenset()

    def _weigh(self, text: str, first: Recognition, matches: Iterable[Match], scan: Scan) -> Opinion:
        """What a text states that the first tier knows, once the second has read it, too.

        A scrap of the first tier needs the second one; else its score stays low. What the second alone sees counts
        where it is solid, and adds no name outside SPDX that asks for no more than the rest; what is not solid and
        would change the category is a case for a person.
        """
        hits = _telling(scan.hits, _STATES)
        seen, known = {_stem(hit.id) for hit in hits}, {_stem(i) for i in first.scores}
        scraps = frozenset(i for i in self._scraps(text, matches) if _stem(i) not in seen)
        scores = {
            i: _SCRAP if i in scraps else max(score, scan.coverage) if _stem(i) in seen else score
            for i, score in first.scores.items()
        }
        sure, doubtful = first.scores.keys() - scraps, bool(scraps)
        second = {hit.id for hit in hits if hit.score >= SURE and _stem(hit.id) in known}
        for hit in hits:
            if _stem(hit.id) in known:
                continue
            worse = self._worst([hit.id]) > self._worst(sure)
            solid = hit.score >= SURE and (hit.end - hit.start) / len(text) >= _SCRAP
            if solid:
                second.add(hit.id)
            if solid and (worse or not hit.id.startswith("LicenseRef-")):
                scores[hit.id] = max(min(hit.score, scan.coverage), scores.get(hit.id, 0.0))
            doubtful |= worse
        if first.restricted and scan.coverage < SURE:
            scores[UNKNOWN] = EXACT
            doubtful = True
        explained = max(first.coverage, scan.coverage)
        doubtful |= self._worst(sure) != self._worst(second) or explained < SURE
        if not doubtful:
            # The rest of the text is known, too: a variant with a clause of its own, under another name.
            scores |= {
                i: max(scores[i], explained) for i in sure if first.scores[i] >= round(first.coverage, 4)
            }
        return Opinion(_statements(scores), (), doubtful)

    def _worst(self, ids: Iterable[str]) -> int:
        return max((CATEGORIES.index(category_of(i, self.config.permissive_by)) for i in ids), default=-1)


def merge_evidence(*parts: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """All evidence by place, each once."""
    return tuple(sorted({e for part in parts for e in part}, key=lambda e: (e.start, e.end, e)))


def _remember_scans(near: bool) -> Memory[Scan]:
    return Memory(
        lambda text: scancode.read(text, near),
        lambda: f"{scancode.version()}-{_names_version()}-{'near' if near else 'exact'}",
        lambda scan: [list(scan.hits), scan.coverage],
        lambda kept: Scan(tuple(Hit(*row) for row in kept[0]), kept[1]),
    )


@cache
def _names_version() -> str:
    """What turns a detector's answer into canonical ids."""
    return f"{version('license-expression')}-{version('packaging')}"


def _statements(scores: Mapping[str, float]) -> tuple[Statement, ...]:
    return tuple(Statement(i, round(score, 4)) for i, score in sorted(scores.items()))


def of_matches(text: str, matches: Iterable[Match], found: Recognition) -> tuple[Evidence, ...]:
    return merge_evidence(
        Evidence(m.id, found.scores[m.id], "licenseclassifier", m.start, m.end, _digest(text, m))
        for m in matches
    )


def _of_hits(text: str, scan: Scan) -> tuple[Evidence, ...]:
    return merge_evidence(
        Evidence(h.id, h.score, "scancode", h.start, h.end, _digest(text, h)) for h in scan.hits
    )


def _digest(text: str, found: Match | Hit) -> str:
    return sha256(text[found.start : found.end].encode("utf-8", "surrogatepass")).hexdigest()


def _telling(hits: Iterable[Hit], kinds: tuple[str, ...]) -> list[Hit]:
    """The hits of some kinds, without what they say of licences that are not named."""
    named = ((hit, _name(hit.id)) for hit in hits if hit.kind in kinds)
    return [hit._replace(id=name) for hit, name in named if name]


@lru_cache(maxsize=4096)
def _name(expression: str) -> str:
    names = licenses_of(expression)
    if not names & _SAYS_NOTHING:
        return expression
    return canonical(" AND ".join(sorted(names - _SAYS_NOTHING))) or ""


def _is_prose(text: str) -> bool:
    """Whether no two words make up a twentieth of the text. ScanCode's time grows with the square of how often a rule
    matches: a thousand URLs of a licence would take minutes."""
    words = text.split(" ")
    pairs = Counter(pairwise(words))
    return max(pairs.values(), default=0) <= max(_REPEATED, len(words) // 20)


def _best(hits: Iterable[Hit]) -> dict[str, float]:
    """Each id with its best score; "any version" gives way to a version that is named."""
    scores: dict[str, float] = {}
    for hit in hits:
        scores[hit.id] = max(hit.score, scores.get(hit.id, 0.0))
    versions = Counter(i.split("-")[0] for i in scores)
    return {
        i: score for i, score in scores.items() if i not in _ANY_VERSION or versions[i.split("-")[0]] == 1
    }


def _below(scores: Iterable[float]) -> bool:
    return any(score < SURE for score in scores)


def _stem(identifier: str) -> str:
    """A text cannot tell `-only` from `-or-later`."""
    return identifier.removesuffix("-only").removesuffix("-or-later")
