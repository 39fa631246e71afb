"""A field of shades: many curves at once, a row each, darker where the value is greater."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bigcode.api import Series
from bigcode.cards.drawing import FONT, WIDTH, Drawing, choose_ticks, measure
from bigcode.cards.format import format_number, tidy
from bigcode.cards.marks import Piece

_ROW = 18.0
_COLUMNS = 90
_LEAST = 0.06
"""How much of the colour the smallest value has."""


def draw_heat(series: Sequence[Series], title: str, key: str) -> tuple[Piece, ...]:
    """One row for each series, all over the same steps; shades are logarithmic where all values are positive.

    Long series are put into columns, each with the greatest value in it, so that no spike is lost. At the right of a
    row stands its last value.
    """
    known = [s for s in series if s.points]
    xs = [x for s in known for x, _ in s.points]
    ys = [y for s in known for _, y in s.points if math.isfinite(y)]
    if not ys:
        return ()
    log = min(ys) > 0
    low, high = _level(min(ys), log), _level(max(ys), log)
    left = max(measure(tidy(s.y_label)) for s in known) + 10
    right = WIDTH - max(measure(format_number(s.points[-1][1])) for s in known) - 10
    columns = min(_COLUMNS, max(len(s.points) for s in known))
    first, span = min(xs), (max(xs) - min(xs)) or 1.0
    width = (right - left) / columns
    drawing = Drawing()
    for number, row in enumerate(known):
        top = 4 + number * _ROW
        for column, value in sorted(_columns(row, first, span, columns).items()):
            shade = _LEAST + (1 - _LEAST) * (_level(value, log) - low) / ((high - low) or 1.0)
            drawing.stroke(
                "rect",
                class_="bar",
                x=left + column * width,
                y=top,
                width=width,
                height=_ROW - 2,
                fill_opacity=shade,
            )
        base = top + _ROW / 2 - 1 + FONT * 0.36
        drawing.words(tidy(row.y_label), left - 8, base, "label", anchor="end", entry={"name": row.y_label})
        drawing.words(format_number(row.points[-1][1]), right + 8, base, "value", entry={"tick": f"{key}.y"})
    foot = 4 + len(known) * _ROW
    for tick in choose_ticks(first, first + span, 7):
        if first <= tick <= first + span:
            at = left + (tick - first) / span * (right - left)
            drawing.words(
                format_number(tick), at, foot + 16, "tick", anchor="middle", entry={"tick": f"{key}.x"}
            )
    words = f"{len(known)} rows from {format_number(min(ys))} to {format_number(max(ys))}"
    return drawing.finish(foot + 24, key, title, (Piece(words),))


def _level(value: float, log: bool) -> float:
    return math.log10(value) if log else value


def _columns(row: Series, first: float, span: float, columns: int) -> dict[int, float]:
    found: dict[int, float] = {}
    for x, y in row.points:
        if math.isfinite(y):
            column = min(columns - 1, int((x - first) / span * columns))
            found[column] = max(found.get(column, y), y)
    return found
