"""Plots of shares that were estimated: a dot for each, and a line from the low to the high end of its interval."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from bigcode.cards.drawing import FONT, WIDTH, Drawing, measure
from bigcode.cards.format import format_number
from bigcode.cards.marks import Piece
from bigcode.cards.spans import Entry

_ROW = 26.0
_GAP = 10.0
_LINE = 16.0
_LEAST_LEFT = 96.0
_LEAST_RIGHT = 185.0
"""Room for names and words, so that the axes of several plots of a card lie under one another."""
_TICKS = (0.0, 25.0, 50.0, 75.0, 100.0)


@dataclass(frozen=True, slots=True)
class Dot:
    """One share in percent with its interval: its name, and the words for it, with what stands behind both."""

    label: str
    label_entry: Entry
    value: float
    low: float
    high: float
    text: str
    entry: Entry


def draw_intervals(dots: Sequence[Dot], title: str, key: str) -> tuple[Piece, ...]:
    """Dots and their intervals over one axis from nothing to all, in the order given, the words at the right."""
    left = max(_LEAST_LEFT, *(measure(dot.label) + _GAP + 4 for dot in dots))
    right = WIDTH - max(_LEAST_RIGHT, *(measure(dot.text) for dot in dots)) - _GAP
    foot = 4.0 + _ROW * len(dots)

    def place(percent: float) -> float:
        return left + percent / _TICKS[-1] * (right - left)

    drawing = Drawing()
    for tick in _TICKS:
        drawing.stroke("line", class_="grid", x1=place(tick), x2=place(tick), y1=0.0, y2=foot)
        words = format_number(tick)
        drawing.words(words, place(tick), foot + _LINE, "tick", anchor="middle", entry={"tick": f"{key}.x"})
    for index, dot in enumerate(dots):
        middle = 4.0 + _ROW * (index + 0.5)
        baseline = middle + FONT * 0.36
        drawing.words(dot.label, left - _GAP - 4, baseline, "label", anchor="end", entry=dot.label_entry)
        drawing.stroke("line", class_="interval", x1=place(dot.low), x2=place(dot.high), y1=middle, y2=middle)
        drawing.stroke("circle", class_="dot", cx=place(dot.value), cy=middle, r=4.5)
        drawing.words(dot.text, right + _GAP, baseline, "value", entry=dot.entry)
    return drawing.finish(foot + _LINE + 8, key, title, _describe(dots))


def _describe(dots: Sequence[Dot]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for number, dot in enumerate(dots):
        pieces += [
            Piece("; " if number else ""),
            Piece(html.escape(dot.label), dot.label_entry, dot.label),
            Piece(": "),
            Piece(html.escape(dot.text), dot.entry, dot.text),
        ]
    return (*pieces, Piece("."))
