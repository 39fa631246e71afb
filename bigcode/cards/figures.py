"""From facts and series to plots: which amounts are shown, in what order and in what unit."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from bigcode.api import Fact, Series
from bigcode.cards.format import convert, suit_unit, tidy
from bigcode.cards.intervals import Dot, draw_intervals
from bigcode.cards.marks import Piece
from bigcode.cards.plots import Bar, draw_bars, draw_curve
from bigcode.cards.spans import Entry, World, amount, members, text_of


def plot_amounts(
    world: World, group: str, key: str, title: str, figure: str, *, top: int, log: bool
) -> tuple[Piece, ...]:
    """Bars for the greatest members of a group and one for all others; empty where nothing is known."""
    known = [(value, fact) for value, fact in members(world, group, key) if amount(fact) is not None]
    unit = _common_unit([fact for _, fact in known])
    if not known or unit is None:
        return ()
    bars = []
    for value, fact in known[:top]:
        entry: Entry = {"fact": fact.id, "format": {"unit": unit}}
        bars.append(_bar(world, tidy(value), {"name": tidy(value)}, fact, unit, entry))
    if len(known) > top:
        rest = {"as": "rest", "top": top, "unit": unit}
        entry = {"fact": f"{group}{{{key}=*}}", "format": rest}
        total = sum(convert(amount(fact) or 0, fact.unit, unit) for _, fact in known[top:])
        bars.append(Bar("all other", None, total, text_of(entry, world), entry, muted=True))
    return draw_bars(bars, title, figure, log=log)


def plot_comparison(
    world: World, pairs: Sequence[tuple[str, str]], title: str, figure: str
) -> tuple[Piece, ...]:
    """Bars for single facts, the first in colour and the others muted; empty where fewer than two are known."""
    found = [
        (words, world.facts[fact_id])
        for words, fact_id in pairs
        if amount(world.facts.get(fact_id)) is not None
    ]
    unit = _common_unit([fact for _, fact in found])
    if len(found) < 2 or unit is None:
        return ()
    bars = []
    for index, (words, fact) in enumerate(found):
        entry: Entry = {"fact": fact.id, "format": {"unit": unit}}
        bars.append(_bar(world, words, None, fact, unit, entry, muted=index > 0))
    return draw_bars(bars, title, figure)


def plot_intervals(
    world: World, group: str, key: str, title: str, figure: str, where: tuple[str, str] | None
) -> tuple[Piece, ...]:
    """A dot with its interval for each estimated share of a group, by name; empty where none has an interval."""
    dots = []
    for value, fact in sorted(members(world, group, key, where), key=lambda item: item[0]):
        share = amount(fact)
        if share is None or fact.interval is None:
            continue
        entry: Entry = {"fact": fact.id, "format": {"unit": "%", "digits": 1}}
        low, high = (convert(bound, fact.unit, "%") for bound in fact.interval)
        name = tidy(value)
        shown = convert(share, fact.unit, "%")
        dots.append(Dot(name, {"name": name}, shown, low, high, text_of(entry, world), entry))
    return draw_intervals(dots, title, figure) if dots else ()


def plot_curve(
    world: World, series: Series, ends: Sequence[str], title: str, figure: str
) -> tuple[Piece, ...]:
    """A line with the facts of its first and last point; empty where the series has fewer than two points."""
    if len(series.points) < 2:
        return ()
    marks: list[tuple[int, str, dict[str, Any]]] = []
    words = [_label(series.y_label), Piece(" over "), _label(series.x_label)]
    for index, fact_id, phrase in zip((0, -1), ends, ("from", "to"), strict=True):
        if amount(world.facts.get(fact_id)) is None:
            continue
        entry = {"fact": fact_id, "format": {"bare": True}}
        text = text_of(entry, world)
        marks.append((index, text, entry))
        words += [Piece(f" {phrase} "), Piece(html.escape(text), entry, text)]
    return draw_curve(series, title, figure, marks=marks, description=words)


def _common_unit(facts: Sequence[Fact]) -> str | None:
    """The unit that suits the greatest of the amounts; None where they are not of one unit."""
    if not facts or len({fact.unit for fact in facts}) > 1:
        return None
    return suit_unit(max(abs(amount(fact) or 0) for fact in facts), facts[0].unit)


def _bar(
    world: World, words: str, label: Entry | None, fact: Fact, unit: str, entry: Entry, *, muted: bool = False
) -> Bar:
    value = convert(amount(fact) or 0, fact.unit, unit)
    return Bar(words, label, value, text_of(entry, world), entry, muted)


def _label(text: str) -> Piece:
    text = tidy(text)
    return Piece(html.escape(text), {"name": text}, text)
