"""Lays documents out in rows of one width: every row full, every token placed, no padding.

A row ends within a document only where nothing is left that fits; what is left of that document opens the next row.
A document whose middle is moved to the end is never cut where a row holds it whole. A longer one is cut into
stretches, each transformed by itself so that it fits its row to the last token.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from bigcode_train.order.fim import OVERHEAD, Patch

_WAITING = 32
"""Documents that are held back at the end of a row until one comes that fits or may be cut."""


class Piece(NamedTuple):
    """A stretch in its row: the document's number in its block, tokens `start` to `stop` of it (the end-of-text token
    included), and how it is cut, None where it is told as it is."""

    unit: int
    start: int
    stop: int
    patch: Patch | None


Fit = Callable[[int, int, int], tuple[int, Patch] | None]
"""Of a document (by number) from a token on, how many tokens it takes to fill so much room once transformed, and how
they are cut; None where that cannot be done."""


class _Order(Protocol):
    """Which document comes next."""

    def take(self, room: int) -> tuple[int, bool] | None:
        """A document, and whether it is to be cut to the room that is left; None when there is none left."""
        ...


class _InTurn:
    """One after the other; one that must not be cut and does not fit waits for the next row."""

    def __init__(self, sizes: Sequence[int], whole: Sequence[bool]) -> None:
        self._sizes, self._whole = sizes, whole
        self._next = deque(range(len(sizes)))
        self._waiting: list[int] = []

    def take(self, room: int) -> tuple[int, bool] | None:
        for place, unit in enumerate(self._waiting):
            if self._sizes[unit] <= room:
                del self._waiting[place]
                return unit, False
        while self._next:
            unit = self._next.popleft()
            if self._sizes[unit] <= room or not self._whole[unit]:
                return unit, self._sizes[unit] > room
            self._waiting.append(unit)
            if len(self._waiting) > _WAITING:
                break
        return (self._waiting.pop(0), True) if self._waiting else None


class _BestFit:
    """The largest that fits; where none does, the longest that may be cut. Source of the idea: Ding et al. 2024, "Fewer
    truncations improve language modeling"."""

    def __init__(self, sizes: Sequence[int], whole: Sequence[bool]) -> None:
        self._pool = sorted((size, unit) for unit, size in enumerate(sizes))
        self._whole = whole

    def take(self, room: int) -> tuple[int, bool] | None:
        place = bisect_right(self._pool, (room, len(self._whole))) - 1
        if place >= 0:
            return self._pool.pop(place)[1], False
        if not self._pool:
            return None
        for place in range(len(self._pool) - 1, -1, -1):
            if not self._whole[self._pool[place][1]]:
                return self._pool.pop(place)[1], True
        return self._pool.pop()[1], True


def lay_out(
    lengths: Sequence[int],
    patches: Sequence[Patch | None],
    long: Sequence[bool],
    width: int,
    rows: int,
    fit: Fit,
    best: bool = False,
) -> tuple[list[Piece], list[int]]:
    """Fill `rows` rows of `width` tokens; returns pieces in order, and where each row begins among them.

    `lengths` count tokens with the end-of-text token. `patches` transform whole documents; `long` ones are transformed
    stretch by stretch. Rows must have room for all tokens; what room there is besides goes to control tokens, and to a
    repetition from the beginning when all is placed. Where the room runs out, documents are told as they are.
    """
    sizes = [n + OVERHEAD + p.growth(n - 1) if p else n for n, p in zip(lengths, patches, strict=True)]
    whole = [p is not None for p in patches]
    make = _BestFit if best else _InTurn
    order: _Order = make(sizes, whole)
    spare = rows * width - sum(lengths)
    repeated = False
    pieces: list[Piece] = []
    begins = [0]
    rest: tuple[int, int] | None = None
    for _ in range(rows):
        room = width
        while room:
            if rest:
                (unit, start), cut = rest, True
            else:
                taken = order.take(room)
                if taken is None:
                    repeated, order = True, make(sizes, whole)
                    continue
                (unit, cut), start = taken, 0
            left = lengths[unit] - start
            length, patch = min(left, room), None if cut else patches[unit]
            if long[unit] or (cut and whole[unit]):
                found = fit(unit, start, room)
                length, patch = found or (length, None)
            body = length - (length == left)
            more = OVERHEAD + patch.growth(body) if patch else 0
            if more > spare and not repeated:
                length, patch, more = min(left, room), None, 0
            pieces.append(Piece(unit, start, start + length, patch))
            room -= length + more
            spare -= 0 if repeated else more
            rest = (unit, start + length) if length < left else None
        begins.append(len(pieces))
    return pieces, begins


def lay_out_chunks(lengths: Sequence[int], width: int, rows: int) -> tuple[list[Piece], list[int]]:
    """Cut documents, one after the other, into `rows` chunks of `width` tokens; the last is filled up from the
    beginning."""
    pieces: list[Piece] = []
    begins = [0]
    unit, start = 0, 0
    for _ in range(rows):
        room = width
        while room:
            stop = min(lengths[unit], start + room)
            pieces.append(Piece(unit, start, stop, None))
            room -= stop - start
            unit, start = (unit, stop) if stop < lengths[unit] else ((unit + 1) % len(lengths), 0)
        begins.append(len(pieces))
    return pieces, begins
