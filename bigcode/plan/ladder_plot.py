"""A scaling ladder as an SVG: the runs by operations and loss, the law at each size, and the least loss of a budget."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable

from bigcode.cards.drawing import choose_log_ticks, choose_ticks
from bigcode.plan.ladder import Ladder
from bigcode.plan.reconcile import show
from bigcode.plan.scaling import optimum

_WIDTH, _HEIGHT = 720.0, 400.0
_LEFT, _RIGHT, _TOP, _FOOT = 64.0, 704.0, 32.0, 344.0
_STEPS = 60
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.grid{stroke:#ddd}.size{stroke:#8aa5c4;fill:none}"
    ".best{stroke:#b3401f;stroke-width:2;fill:none}.run{fill:#1f4e8c}"
    "@media(prefers-color-scheme:dark){svg{background:#161616}text{fill:#ddd}.grid{stroke:#383838}.run{fill:#9cc3f5}}"
)


def draw_ladder(ladder: Ladder, reach: float) -> str:
    """The drawing, up to `reach` operations; the same ladder gives the same bytes."""
    costs = [6 * r.parameters * r.tokens for r in ladder.runs]
    low, high = math.log10(min(costs)) - 0.2, math.log10(max(reach, *costs)) + 0.2
    curves = [
        ("size", _along(ladder, size, low, high)) for size in sorted({r.parameters for r in ladder.runs})
    ]
    curves.append(("best", [(c, _least(ladder, c)) for c in _between(low, high)]))
    seen = [r.loss for r in ladder.runs]
    ends = [*seen, *(loss for _, loss in curves[-1][1])]
    ticks = choose_ticks(min(ends), max(seen) + 0.1 * (max(seen) - min(ends)), 6)
    across = _scale(low, high, _LEFT, _RIGHT)
    up = _scale(ticks[0], ticks[-1], _FOOT, _TOP)
    title = "Scaling ladder: loss by operations of training"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img">',
        f"<title>{title}</title>",
        f"<desc>{len(ladder.runs)} runs; thin lines: one size; thick line: the least loss of a budget.</desc>",
        f"<style>{_STYLE}</style>",
    ]
    for tick in ticks:
        out.append(_line("grid", _LEFT, up(tick), _RIGHT, up(tick)))
        out.append(_text(f"{tick:g}", _LEFT - 8, up(tick) + 4, "end"))
    for tick in choose_log_ticks(10**low, 10**high):
        x = across(math.log10(tick))
        if _LEFT - 0.5 <= x <= _RIGHT + 0.5:
            out.append(_line("grid", x, _FOOT, x, _FOOT + 5))
            out.append(_text(f"{tick:.0e}".replace("e+", "e"), x, _FOOT + 20, "middle"))
    for css, points in curves:
        inside = [(x, y) for x, y in points if ticks[0] <= y <= ticks[-1]]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in inside)
        out.append(f'<polyline class="{css}" points="{path}"/>')
    for run in ladder.runs:
        x, y = across(math.log10(6 * run.parameters * run.tokens)), up(run.loss)
        about = html.escape(f"{run.name}: {show(run.parameters)} parameters, {show(run.tokens)} tokens")
        out.append(f'<circle class="run" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{about}</title></circle>')
    out.append(_text(f"loss, {html.escape(ladder.unit)}", 4, 18, "start"))
    out.append(_text("operations of training (6ND), FLOP", _RIGHT, _FOOT + 44, "end"))
    return "\n".join([*out, "</svg>", ""])


def _between(low: float, high: float) -> Iterable[float]:
    return (low + (high - low) * i / _STEPS for i in range(_STEPS + 1))


def _along(ladder: Ladder, size: float, low: float, high: float) -> list[tuple[float, float]]:
    """The law for one size, by the logarithm of operations."""
    return [(c, ladder.fit.loss(size, 10**c / 6 / size)) for c in _between(low, high)]


def _least(ladder: Ladder, cost: float) -> float:
    best = optimum(ladder.fit, 10**cost)
    return ladder.fit.loss(best.parameters, best.tokens)


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _line(css: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(text: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
