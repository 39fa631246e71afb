"""One pass over a text with all patterns at once, which says where a closer look pays.

The pass is Hyperscan's (block mode, Wang et al., NSDI 2019): it reports where matches end, and does so for every
end. Hits of one rule that stand close together become one window, so that a hostile text costs time but no memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import hyperscan

BACK = 4096
"""Bytes before the end of a first match that a rule may look at, within the line: web tokens are that long."""
FORWARD = 4096
"""Bytes after the end of a last match that a rule may look at, within the line."""
_JOIN = 256


@dataclass(frozen=True, slots=True)
class Window:
    """Bytes `start` to `end` of a content, in which the rule of index `rule` is to look for matches."""

    rule: int
    start: int
    end: int


class Gate:
    """Patterns of several rules, compiled together; safe to share between threads.

    `patterns` are (index of the rule, pattern in the syntax of Hyperscan).
    """

    def __init__(self, patterns: Sequence[tuple[int, bytes]]) -> None:
        self.rules = [rule for rule, _ in patterns]
        self.database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self.database.compile(
            expressions=[pattern for _, pattern in patterns],
            ids=list(range(len(patterns))),
            elements=len(patterns),
            flags=[0] * len(patterns),
        )
        self.local = threading.local()

    def hits(self, content: bytes | memoryview) -> dict[int, list[list[int]]]:
        """By rule: pairs of the first and the last end of matches, for matches that stand close together."""
        scratch = getattr(self.local, "scratch", None)
        if scratch is None:
            scratch = self.local.scratch = hyperscan.Scratch(self.database)
        found: dict[int, list[list[int]]] = {}
        if len(content):
            self.database.scan(content, match_event_handler=self._note, context=found, scratch=scratch)
        return found

    def _note(
        self, pattern: int, _start: int, end: int, _flags: int, found: dict[int, list[list[int]]]
    ) -> None:
        rule = self.rules[pattern]
        groups = found.get(rule)
        if groups is None:
            found[rule] = [[end, end]]
            return
        # Ends of one pattern ascend; those of several patterns of a rule need not.
        last = groups[-1]
        if last[0] - _JOIN <= end <= last[1] + _JOIN:
            if end > last[1]:
                last[1] = end
            elif end < last[0]:
                last[0] = end
        else:
            groups.append([end, end])


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
