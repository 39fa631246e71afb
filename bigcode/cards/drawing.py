"""Strokes and words of an SVG. Words are kept apart from strokes, because every label and tick enters the trace."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Sequence

from bigcode.cards.marks import Piece, attributes
from bigcode.cards.spans import Entry

WIDTH = 720.0
FONT = 13.0
_BREAK = re.compile(r"[^\s\-./_=,:+]*(?:[\-./_=,:+]+|\s+|$)")


class Drawing:
    """An SVG under way, as pieces; `finish` wraps them in the element with its title and description."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []

    def stroke(self, tag: str, **values: float | str) -> None:
        """An element without content; numbers are written to a hundredth, `_` in a name stands for `-`."""
        shown = {name.rstrip("_").replace("_", "-"): _coordinate(value) for name, value in values.items()}
        self._pieces.append(Piece(f"<{tag}{attributes(shown)}/>"))

    def words(
        self, text: str, x: float, y: float, css: str, *, anchor: str = "start", entry: Entry | None = None
    ) -> None:
        """Text at its baseline; `entry` is what stands behind it (none for words without digits)."""
        place = {"class": css, "x": _coordinate(x), "y": _coordinate(y), "text-anchor": anchor}
        self._pieces += [
            Piece(f"<text{attributes(place)}>"),
            Piece(html.escape(text), entry, text),
            Piece("</text>"),
        ]

    def finish(self, height: float, key: str, title: str, description: Sequence[Piece]) -> tuple[Piece, ...]:
        """A figure with the title as its caption; readers of the page without sight hear title and description."""
        box = {
            "viewBox": f"0 0 {_coordinate(WIDTH)} {_coordinate(height)}",
            "role": "img",
            "aria-labelledby": f"{key}-title {key}-desc",
        }
        return (
            Piece(f'<figure class="plot"><figcaption>{html.escape(title)}</figcaption><div class="canvas">'),
            Piece(f"<svg{attributes(box)}>"),
            Piece(f'<title id="{key}-title">{html.escape(title)}</title><desc id="{key}-desc">'),
            *description,
            Piece("</desc>"),
            *self._pieces,
            Piece("</svg></div></figure>"),
        )


def measure(text: str, size: float = FONT) -> float:
    """The width of text in a sans-serif face, in the units of the drawing, rather too wide than too narrow."""
    return sum(_advance(char) for char in text) * size


def wrap(text: str, width: float) -> list[str]:
    """Lines no wider than `width`: broken after spaces and joints, and inside a word only where it fills a line."""
    lines = [""]
    for chunk in (match[0] for match in _BREAK.finditer(text) if match[0]):
        if measure((lines[-1] + chunk).rstrip()) <= width + 0.01:
            lines[-1] += chunk
            continue
        if lines[-1]:
            lines.append("")
        for char in chunk:
            if lines[-1] and measure(lines[-1] + char) > width:
                lines.append("")
            lines[-1] += char
    return [line.strip() for line in lines if line.strip()]


def choose_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round values (1, 2 or 5 times a power of ten) that enclose `low` and `high`."""
    if high <= low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    raw = (high - low) / max(1, count - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def choose_log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten that enclose two positive values, with 2 and 5 times each where they span less than two."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    decades = range(first, last + 1)
    if last - first > 2:
        return [10.0**power for power in decades]
    fine = [factor * 10.0**power for power in decades for factor in (1, 2, 5)]
    below = max((tick for tick in fine if tick <= low * 1.0001), default=fine[0])
    above = min((tick for tick in fine if tick >= high * 0.9999), default=fine[-1])
    chosen = [tick for tick in fine if below <= tick <= above]
    return chosen if len(chosen) > 1 else [10.0**first, 10.0**last]


def _advance(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    if char in "ijl.,:;'|!()[]{} tfI":
        return 0.4
    if char in "mwMW@%":
        return 0.95
    return 0.72 if char.isupper() else 0.63


def _coordinate(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.2f}".rstrip("0").rstrip(".")
