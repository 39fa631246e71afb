"""Plots as inline SVG: bars for amounts by name, and a line for a curve.

The code is our own, where a library would draw the same, because every label and tick of a plot enters the trace of
the card: each word is made from an entry and its place in the finished page is known. Colours come from the style of
the page, so a plot reads in light, in dark and on paper.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bigcode.api import Series
from bigcode.cards.drawing import (
    FONT,
    WIDTH,
    Drawing,
    choose_log_ticks,
    choose_ticks,
    measure,
    wrap,
)
from bigcode.cards.format import format_number, tidy
from bigcode.cards.marks import Piece
from bigcode.cards.spans import Entry

_LINE = 16.0
_GAP = 10.0
_THICK = 14.0
_POINTS = 180


@dataclass(frozen=True, slots=True)
class Bar:
    """One amount: its name, its value and the words for both, with what stands behind the words."""

    label: str
    label_entry: Entry | None
    value: float
    text: str
    entry: Entry
    muted: bool = False


def draw_bars(bars: Sequence[Bar], title: str, key: str, *, log: bool = False) -> tuple[Piece, ...]:
    """Horizontal bars from zero, in the order given, the value beside each. With `log` the amounts are dots on a
    logarithmic axis, since the length of a bar would say nothing there."""
    widest = max((measure(bar.label) for bar in bars), default=0.0)
    left = min(widest, WIDTH * 0.4) + _GAP
    right = max((measure(bar.text) for bar in bars), default=0.0) + _GAP
    lines = [wrap(bar.label, left - _GAP) for bar in bars]
    scale, ticks = _scale_bars([bar.value for bar in bars], left, WIDTH - right, log=log)
    drawing = Drawing()
    tops = [4.0]
    for rows in lines:
        tops.append(tops[-1] + max(1, len(rows)) * _LINE + _GAP)
    foot = tops[-1]
    for tick in ticks:
        drawing.stroke("line", class_="grid", x1=scale(tick), x2=scale(tick), y1=0.0, y2=foot)
    for tick, words in _labelled(ticks, scale):
        drawing.words(words, scale(tick), foot + _LINE, "tick", anchor="middle", entry={"tick": f"{key}.x"})
    for bar, rows, top in zip(bars, lines, tops, strict=False):
        middle = top + max(1, len(rows)) * _LINE / 2
        for index, line in enumerate(rows):
            baseline = top + index * _LINE + _LINE / 2 + FONT * 0.36
            entry = _line_entry(bar, whole=len(rows) == 1)
            drawing.words(line, left - _GAP, baseline, "label", anchor="end", entry=entry)
        end = _draw_amount(drawing, bar, middle, left, scale, log=log)
        drawing.words(bar.text, end + 7, middle + FONT * 0.36, "value", entry=bar.entry)
    return drawing.finish(foot + (_LINE + 8 if ticks else 0), key, title, _describe_bars(bars))


def draw_curve(
    series: Series,
    title: str,
    key: str,
    *,
    marks: Sequence[tuple[int, str, Entry]] = (),
    description: Sequence[Piece] = (),
    log: bool | None = None,
) -> tuple[Piece, ...]:
    """A line through the points of a series. `marks` name points by index, with words and what stands behind them.

    The vertical axis is logarithmic when asked for, or when the values are positive and span a factor of thirty.
    Long series are thinned to the least and greatest value of each of many stretches, so that no spike is lost.
    """
    points = [(x, y) for x, y in series.points if math.isfinite(x) and math.isfinite(y)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if log is None:
        log = min(ys) > 0 and max(ys) / min(ys) >= 30
    log = log and min(ys) > 0
    y_ticks = choose_log_ticks(min(ys), max(ys)) if log else choose_ticks(min(ys), max(ys), 7)
    x_ticks = [tick for tick in choose_ticks(min(xs), max(xs), 7) if min(xs) <= tick <= max(xs)]
    top, foot = 34.0, 262.0
    left = max(measure(format_number(tick)) for tick in y_ticks) + _GAP + 2
    right = WIDTH - 16
    across = _scale(min(xs), max(xs), left, right)
    up = _scale(y_ticks[0], y_ticks[-1], foot, top, log=log)
    drawing = Drawing()
    for tick in y_ticks:
        drawing.stroke("line", class_="grid", x1=left, x2=right, y1=up(tick), y2=up(tick))
        words = format_number(tick)
        drawing.words(
            words, left - _GAP, up(tick) + FONT * 0.36, "tick", anchor="end", entry={"tick": f"{key}.y"}
        )
    for tick, words in _labelled(x_ticks, across):
        drawing.stroke("line", class_="axis", x1=across(tick), x2=across(tick), y1=foot, y2=foot + 5)
        drawing.words(words, across(tick), foot + 20, "tick", anchor="middle", entry={"tick": f"{key}.x"})
    drawing.stroke("line", class_="axis", x1=left, x2=right, y1=foot, y2=foot)
    drawing.words(tidy(series.y_label), 0, 14, "unit", entry={"name": tidy(series.y_label)})
    drawing.words(
        tidy(series.x_label), right, foot + 40, "unit", anchor="end", entry={"name": tidy(series.x_label)}
    )
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in _thin(points))
    drawing.stroke("polyline", class_="curve", points=path)
    for index, words, entry in marks:
        x, y = across(points[index][0]), up(points[index][1])
        drawing.stroke("circle", class_="dot", cx=x, cy=y, r=4.0)
        if x > (left + right) / 2:
            drawing.words(words, x - 2, y - 10, "value", anchor="end", entry=entry)
        else:
            falls = up(points[min(len(points) - 1, index + 1 + len(points) // 12)][1]) > y + FONT
            drawing.words(words, x + 9, y + 4 if falls else y - 10, "value", entry=entry)
    return drawing.finish(foot + 50, key, title, description)


def _draw_amount(
    drawing: Drawing, bar: Bar, middle: float, left: float, scale: Callable[[float], float], *, log: bool
) -> float:
    """Draw a bar or a dot; returns where it ends."""
    css = "muted" if bar.muted else "bar"
    if not log:
        width = max(scale(bar.value) - left, 1.5 if bar.value > 0 else 0.0)
        drawing.stroke("rect", class_=css, x=left, y=middle - _THICK / 2, width=width, height=_THICK, rx=2.0)
        return left + width
    if bar.value <= 0:
        return left
    drawing.stroke("circle", class_=css, cx=scale(bar.value), cy=middle, r=5.0)
    return scale(bar.value) + 5


def _line_entry(bar: Bar, *, whole: bool) -> Entry | None:
    if whole or bar.label_entry is None:
        return bar.label_entry
    return {**bar.label_entry, "format": {**bar.label_entry.get("format", {}), "line": True}}


def _describe_bars(bars: Sequence[Bar]) -> tuple[Piece, ...]:
    pieces = []
    for number, bar in enumerate(bars):
        pieces += [
            Piece("; " if number else ""),
            Piece(html.escape(bar.label), bar.label_entry, bar.label),
            Piece(": "),
            Piece(html.escape(bar.text), bar.entry, bar.text),
        ]
    return (*pieces, Piece("."))


def _labelled(ticks: Sequence[float], place: Callable[[float], float]) -> list[tuple[float, str]]:
    """The ticks whose words have room beside one another, with the words."""
    shown: list[tuple[float, str]] = []
    end = -math.inf
    for tick in ticks:
        words = format_number(tick)
        half = measure(words) / 2
        if place(tick) - half >= end + 4:
            shown.append((tick, words))
            end = place(tick) + half
    return shown


def _scale_bars(
    values: Sequence[float], left: float, right: float, *, log: bool
) -> tuple[Callable[[float], float], list[float]]:
    positive = [value for value in values if value > 0]
    if log and positive:
        ticks = choose_log_ticks(min(positive), max(positive))
        return _scale(ticks[0], ticks[-1], left + 8, right, log=True), ticks
    return _scale(0.0, max(positive, default=1.0), left, right), []


def _scale(
    low: float, high: float, start: float, end: float, *, log: bool = False
) -> Callable[[float], float]:
    if log:
        low, high = math.log10(low), math.log10(high)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        shown = math.log10(value) if log else value
        return start + (shown - low) / span * (end - start)

    return place


def _thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= 2 * _POINTS:
        return list(points)
    kept = [points[0]]
    size = len(points) / _POINTS
    for index in range(_POINTS):
        stretch = points[int(index * size) : int((index + 1) * size)]
        extremes = {min(stretch, key=lambda p: p[1]), max(stretch, key=lambda p: p[1])}
        kept += sorted(extremes)
    return [*kept, points[-1]]
