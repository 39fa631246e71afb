"""One pass over a text with all patterns at once, which says where a closer look pays.

The pass is Hyperscan's (block mode, Wang et al., NSDI 2019): it reports where matches end, and does so for every
end. Hits of one rule that stand close together become one window, so that a hostile text costs time but no memory.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import hyperscan

if TYPE_CHECKING:
    from bigcode.api import Context

BACK = 4096
"""Bytes before the end of a first match that a rule may look at, within the line: web tokens are that long."""
FORWARD = 4096
"""Bytes after the end of a last match that a rule may look at, within the line."""
_JOIN = 256
_LITERAL = re.compile(rb"[A-Za-z]{3}|[@:<]")
"""In a pattern that is found by a literal in it."""


@dataclass(frozen=True, slots=True)
class Window:
    """Bytes `start` to `end` of a content, in which the rule of index `rule` is to look for matches."""

    rule: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Patterns:
    """The patterns of a rule, in the syntax of Hyperscan.

    Where `hints` are given, the patterns are looked for only in texts in which one of the hints matches: that spares
    the time of patterns that many texts make slow, for a rule that can find nothing elsewhere.
    """

    patterns: tuple[bytes, ...]
    hints: tuple[bytes, ...] = ()


class Gate:
    """Patterns of several rules, compiled together at the first text; safe to share between threads."""

    def __init__(self, rules: Sequence[Patterns]) -> None:
        places = [
            (rule, pattern) for rule, each in enumerate(rules) if not each.hints for pattern in each.patterns
        ]
        hints = [(rule, hint) for rule, each in enumerate(rules) for hint in each.hints]
        # Among many patterns a hint costs nothing, but for those that no literal leads to.
        slow = [(rule, hint) for rule, hint in hints if not _LITERAL.search(hint)]
        quick = [place for place in hints if place not in slow]
        self.rules, self.quick, self.slow = ([rule for rule, _ in part] for part in (places, quick, slow))
        patterns = [pattern for _, pattern in (*places, *quick)]
        self.first = Scanner(patterns, [False] * len(places) + [True] * len(quick))
        self.hints = Scanner([hint for _, hint in slow], [True] * len(slow))
        self.late = {rule: Scanner(rules[rule].patterns) for rule, _ in hints}

    def prepare(self, ctx: Context) -> None:
        """Compile what every text is scanned with, or take it from the memory: it takes half a second."""
        if self.first.patterns:
            self.first.prepare(ctx)

    def hits(self, content: bytes | memoryview) -> dict[int, list[list[int]]]:
        """By rule: pairs of the first and the last end of matches, for matches that stand close together."""
        found: dict[int, list[list[int]]] = {}
        hinted: set[int] = set()
        if not len(content):
            return found
        if self.first.patterns:
            self.first.scan(content, self._note_first, (found, hinted))
        if self.slow:
            self.hints.scan(content, self._note_slow, hinted)
        for rule in sorted(hinted):
            self.late[rule].scan(content, _note, found.setdefault(rule, []))
            if not found[rule]:
                del found[rule]
        return found

    def _note_slow(self, pattern: int, _start: int, _end: int, _flags: int, hinted: set[int]) -> None:
        hinted.add(self.slow[pattern])

    def _note_first(
        self,
        pattern: int,
        start: int,
        end: int,
        flags: int,
        context: tuple[dict[int, list[list[int]]], set[int]],
    ) -> None:
        found, hinted = context
        if pattern >= len(self.rules):
            hinted.add(self.quick[pattern - len(self.rules)])
            return
        rule = self.rules[pattern]
        groups = found.get(rule)
        if groups is None:
            found[rule] = [[end, end]]
        else:
            _note(pattern, start, end, flags, groups)


def _note(_pattern: int, _start: int, end: int, _flags: int, groups: list[list[int]]) -> None:
    # Ends of one pattern ascend; those of several patterns of a rule need not.
    if groups and groups[-1][0] - _JOIN <= end <= groups[-1][1] + _JOIN:
        last = groups[-1]
        if end > last[1]:
            last[1] = end
        elif end < last[0]:
            last[0] = end
    else:
        groups.append([end, end])


class Scanner:
    """Patterns in one database, each reported at every end of a match, or `once` a text where that says so."""

    def __init__(self, patterns: Sequence[bytes], once: Sequence[bool] = ()) -> None:
        self.patterns, self.once = tuple(patterns), tuple(once) or (False,) * len(patterns)
        self.lock, self.local = threading.Lock(), threading.local()
        self.database: hyperscan.Database | None = None

    def scan(self, content: bytes | memoryview, note: Callable[..., None], context: object) -> None:
        scratch = getattr(self.local, "scratch", None)
        if scratch is None:
            scratch = self.local.scratch = hyperscan.Scratch(self._load())
        self.database.scan(content, match_event_handler=note, context=context, scratch=scratch)

    def prepare(self, ctx: Context) -> None:
        """Compile the database, or take the compiled one that an earlier run has left."""
        with self.lock:
            if self.database is not None:
                return
            key = f"hyperscan-{hyperscan.__version__}/{_digest(self.patterns, self.once)}"
            kept = ctx.recall(key)
            if kept is not None:
                # The library checks version, sum and processor.
                with suppress(hyperscan.error):
                    self.database = hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK)
                    return
            self.database = self._compile()
            ctx.remember(key, hyperscan.dumpb(self.database))

    def _load(self) -> hyperscan.Database:
        with self.lock:
            if self.database is None:
                self.database = self._compile()
            return self.database

    def _compile(self) -> hyperscan.Database:
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=list(self.patterns),
            ids=list(range(len(self.patterns))),
            elements=len(self.patterns),
            flags=[hyperscan.HS_FLAG_SINGLEMATCH if once else 0 for once in self.once],
        )
        return database


def _digest(patterns: Sequence[bytes], once: Sequence[bool]) -> str:
    parts = (b"%d%d:%s" % (o, len(p), p) for p, o in zip(patterns, once, strict=True))
    return sha256(b"".join(parts)).hexdigest()


def windows(content: bytes, hits: dict[int, list[list[int]]]) -> Iterator[Window]:
    """The parts of lines around hits, by rule and place; parts of one rule that touch are one."""
    for rule in sorted(hits):
        start = end = -1
        for first, last in sorted(hits[rule]):
            far = max(0, first - BACK)
            # The line before belongs to it: a name and its value may stand on two lines.
            begin = content.rfind(b"\n", far, first)
            begin = max(far, content.rfind(b"\n", far, max(far, begin)) + 1)
            stop = content.find(b"\n", last, last + FORWARD)
            stop = min(len(content), last + FORWARD) if stop < 0 else stop + 1
            if begin <= end:
                end = max(end, stop)
                continue
            if end >= 0:
                yield Window(rule, start, end)
            start, end = begin, stop
        yield Window(rule, start, end)
