"""Plots: what they show, that they can be read, and that nothing is lost or covered."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcode.api import Series
from bigcode.cards.drawing import choose_log_ticks, choose_ticks, measure, wrap
from bigcode.cards.intervals import Dot, draw_intervals
from bigcode.cards.marks import Piece
from bigcode.cards.plots import Bar, draw_bars, draw_curve


def bar(label: str, value: float) -> Bar:
    return Bar(label, {"name": label}, value, f"{value:g} files", {"fact": f"S/files{{license={label}}}"})


def figure(pieces: tuple[Piece, ...]) -> ET.Element:
    return ET.fromstring("".join(piece.text for piece in pieces))


def texts(root: ET.Element, css: str) -> list[str]:
    return [node.text or "" for node in root.iter("text") if node.get("class") == css]


def boxes(root: ET.Element, css: str) -> list[tuple[float, float, float]]:
    """Left end, right end and baseline of the words of a class."""
    found = []
    for node in root.iter("text"):
        if node.get("class") == css:
            x, width = float(node.get("x", 0)), measure(node.text or "")
            left = {"start": x, "middle": x - width / 2, "end": x - width}[node.get("text-anchor", "start")]
            found.append((left, left + width, float(node.get("y", 0))))
    return found


BARS = [
    bar("MIT", 80),
    bar("Apache-2.0", 40),
    bar("BSD-2-Clause OR Apache-2.0 WITH LLVM-exception OR something", 1),
]


def test_bars_are_as_long_as_their_values() -> None:
    widths = [float(node.get("width", 0)) for node in figure(draw_bars(BARS, "Files", "p")).iter("rect")]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.02)
    assert widths[2] == pytest.approx(widths[0] / 80, abs=0.02)


def test_a_plot_says_in_words_what_it_shows() -> None:
    root = figure(draw_bars(BARS[:2], "Files kept, by licence", "p"))
    svg = next(root.iter("svg"))
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "p-title p-desc"
    assert [node.text for node in svg.iter("title")] == ["Files kept, by licence"]
    assert [node.text for node in svg.iter("desc")] == ["MIT: 80 files; Apache-2.0: 40 files."]


def test_long_names_are_broken_and_never_cut() -> None:
    root = figure(draw_bars(BARS, "Files", "p"))
    lines = texts(root, "label")
    assert " ".join(lines[2:]) == BARS[2].label
    assert len(lines) > 3
    assert all(left >= 0 for left, _, _ in boxes(root, "label"))
    bottoms = [y for _, _, y in boxes(root, "label")]
    assert all(later - earlier >= 15 for earlier, later in pairwise(bottoms))


def test_values_stay_inside_of_the_drawing() -> None:
    assert all(right <= 720 for _, right, _ in boxes(figure(draw_bars(BARS, "Files", "p")), "value"))


def test_on_a_logarithmic_axis_amounts_are_dots_and_ticks_do_not_touch() -> None:
    root = figure(
        draw_bars([bar("a", 1), bar("b", 1e4), bar("c", 1.2e9), bar("none", 0)], "Files", "p", log=True)
    )
    assert len(list(root.iter("circle"))) == 3
    assert not list(root.iter("rect"))
    ticks = boxes(root, "tick")
    assert len(ticks) >= 3
    assert all(earlier[1] < later[0] for earlier, later in pairwise(ticks))


def test_every_word_of_a_plot_but_its_title_has_an_entry() -> None:
    series = Series("S/train.loss", "step", "nats", tuple((float(n), 9 - n / 20) for n in range(100)))
    for pieces in (draw_bars(BARS, "Files", "p", log=True), draw_curve(series, "Loss", "p")):
        inside = "".join(piece.text for piece in pieces if piece.entry is None)
        assert not re.search(r">[^<]*\d", inside)


def test_a_curve_keeps_its_spikes_and_its_ends() -> None:
    points = tuple((float(n), 50.0 if n == 7777 else 1.0) for n in range(20000))
    root = figure(draw_curve(Series("S/x", "step", "loss", points), "Loss", "p", log=False))
    path = next(root.iter("polyline")).get("points", "").split()
    heights = [float(point.split(",")[1]) for point in path]
    assert len(path) < 1000
    assert min(heights) < max(heights) - 150
    assert float(path[-1].split(",")[0]) == pytest.approx(704.0)


def test_a_curve_over_decades_takes_a_logarithmic_axis() -> None:
    falling = Series("S/x", "step", "loss", tuple((float(n), 5000.0 / (n + 1)) for n in range(500)))
    assert texts(figure(draw_curve(falling, "Loss", "p")), "tick")[:4] == ["10", "100", "1,000", "10,000"]


def test_a_flat_curve_is_drawn() -> None:
    flat = Series("S/x", "step", "loss", ((1.0, 2.0), (2.0, 2.0)))
    assert texts(figure(draw_curve(flat, "Loss", "p")), "tick")


@given(st.text(max_size=80), st.floats(40, 400))
def test_lines_fit_and_keep_every_letter(text: str, width: float) -> None:
    lines = wrap(text, width)
    assert all(measure(line) <= width + 0.02 or len(line) == 1 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(2, 9))
def test_ticks_enclose_their_values_and_are_few(a: float, b: float, count: int) -> None:
    low, high = min(a, b), max(a, b)
    ticks = choose_ticks(low, high, count)
    slack = (abs(low) + abs(high) + 1) * 1e-8
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= count + 2


@given(st.floats(1e-9, 1e9), st.floats(1, 1e9))
def test_logarithmic_ticks_enclose_their_values(low: float, factor: float) -> None:
    ticks = choose_log_ticks(low, low * factor)
    assert ticks == sorted(ticks)
    assert len(ticks) >= 2
    assert ticks[0] <= low * 1.001
    assert ticks[-1] >= low * factor * 0.999


def dot(label: str, value: float, low: float, high: float) -> Dot:
    text = f"≈ {value:g}% ({low:g}% to {high:g}%)"
    return Dot(label, {"name": label}, value, low, high, text, {"fact": f"S/recall{{entity={label}}}"})


def test_an_interval_is_a_line_around_its_dot_on_an_axis_from_nothing_to_all() -> None:
    root = figure(draw_intervals([dot("KEY", 50, 25, 75), dot("EMAIL", 100, 90, 100)], "Found", "p"))
    lines = [node for node in root.iter("line") if node.get("class") == "interval"]
    dots = [float(node.get("cx", 0)) for node in root.iter("circle")]
    ends = [(float(node.get("x1", 0)), float(node.get("x2", 0))) for node in lines]
    assert dots[0] == pytest.approx(sum(ends[0]) / 2, abs=0.02)
    assert dots[1] == pytest.approx(ends[1][1])
    assert texts(root, "tick") == ["0", "25", "50", "75", "100"]
    assert max(right for _, right, _ in boxes(root, "value")) <= 720


def test_plots_of_intervals_share_their_axis() -> None:
    places = {
        tuple(node.get("x1") for node in figure(draw_intervals([d], "Found", "p")).iter("line"))[:5]
        for d in (dot("A", 1, 0, 2), dot("PASSWORD", 100, 99.1, 100))
    }
    assert len(places) == 1
