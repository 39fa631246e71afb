"""The page of a training run: its journal as curves, and the steps that stood out.

It is no card: it prints what the journal holds and nothing else, so that its digits need no facts. The same journal
gives the same bytes.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bigcode.api import Series
from bigcode.cards.format import format_number
from bigcode.cards.heat import draw_heat
from bigcode.cards.marks import Piece
from bigcode.cards.plots import draw_curve

Line = Mapping[str, Any]
_CURVES = {
    "loss": "Training loss, nats a token",
    "grad_norm": "Norm of the gradient",
    "lr": "Learning rate",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A section of the page; one without content is left out."""

    anchor: str
    title: str
    body: str


def render_run(address: str, journal: Iterable[Line], style: str) -> str:
    """A page that stands alone. `journal` are points (`series`, `step`, values), `style` is the style of cards."""
    series: dict[str, list[Line]] = {}
    for line in journal:
        series.setdefault(str(line["series"]), []).append(line)
    for lines in series.values():
        lines.sort(key=lambda line: line["step"])
    parts = [part for part in _parts(series) if part.body]
    links = "".join(f'<li class="level"><a href="#{p.anchor}">{html.escape(p.title)}</a></li>' for p in parts)
    body = "".join(f'<h2 id="{p.anchor}">{html.escape(p.title)}</h2>\n{p.body}\n' for p in parts)
    title = f"Training run of {address}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)}</title>
<style>
{style}
</style>
</head>
<body>
<a class="skip" href="#run">Skip to the run</a>
<header><p class="address">{html.escape(address)}</p></header>
<div class="frame">
<nav aria-label="Contents"><h2>Contents</h2><ul>{links}</ul></nav>
<main id="run">
<h1>Training run</h1>
{body}<footer><p>Drawn from the journal of the run, which the store keeps as an output of its training.</p></footer>
</main>
</div>
</body>
</html>
"""


def _parts(series: Mapping[str, Sequence[Line]]) -> Iterator[Part]:
    train, spikes = series.get("train", ()), series.get("spikes", ())
    yield Part("summary", "In short", _summary(train, spikes))
    steps = {line["step"] for line in spikes}
    marks = [index for index, line in enumerate(train) if line["step"] in steps]
    curves = [
        _curve("train", column, title, train, () if column == "lr" else marks)
        for column, title in _CURVES.items()
    ]
    yield Part("course", "Course", "".join([*curves, _rate(train)]))
    yield Part("spikes", "Steps that stood out", _spikes(spikes))
    yield Part("layers", "Gradient by layer", _heat("layers", "Norm of the gradient", series, ""))
    ranges = [_heat("ranges", "Root mean square of what a layer puts out", series, ".rms")]
    ranges.append(_heat("ranges", "Greatest magnitude of what a layer puts out", series, ".max"))
    yield Part("ranges", "Activations and logits", "".join(ranges))
    yield Part("machine", "Machine", _machine(series.get("system", ())))


def _summary(train: Sequence[Line], spikes: Sequence[Line]) -> str:
    if not train:
        return ""
    last = train[-1]
    skipped = sum(bool(line.get("skipped")) for line in spikes)
    rows = [
        ("Steps", format_number(last["step"])),
        ("Tokens", format_number(last["tokens"]) if "tokens" in last else ""),
        ("Loss at the first logged step", format_number(train[0].get("loss", math.nan))),
        ("Loss at the last logged step", format_number(last.get("loss", math.nan))),
        ("Seconds", format_number(last["seconds"]) if "seconds" in last else ""),
        ("Steps that stood out", format_number(len(spikes))),
        ("Of these thrown away", format_number(skipped)),
    ]
    return _table(("Measure", "Value"), [row for row in rows if row[1]])


def _curve(name: str, column: str, title: str, lines: Sequence[Line], marks: Sequence[int] = ()) -> str:
    known = [line for line in lines if _is_number(line.get(column))]
    if len(known) < 2:
        return ""
    points = tuple((float(line["step"]), float(line[column])) for line in known)
    chosen = [(i, format_number(points[i][1]), {"tick": name}) for i in marks[:8] if len(known) == len(lines)]
    ends = f"from {format_number(points[0][1])} to {format_number(points[-1][1])}"
    curve = Series(f"{name}.{column}", "step", column, points)
    return _text(draw_curve(curve, title, f"{name}-{column}", marks=chosen, description=(Piece(ends),)))


def _rate(train: Sequence[Line]) -> str:
    """Tokens a second between two points of one attempt: a resume makes neither run back."""
    found = []
    for a, b in pairwise([line for line in train if "tokens" in line and "seconds" in line]):
        if b["seconds"] > a["seconds"]:
            rate = (b["tokens"] - a["tokens"]) / (b["seconds"] - a["seconds"])
            found.append({"step": b["step"], "tokens/s": rate})
    return _curve("rate", "tokens/s", "Tokens a second", found)


def _spikes(spikes: Sequence[Line]) -> str:
    heads = ("Step", "Loss", "Deviations", "Gradient", "Deviations", "Step was", "Documents")
    rows = []
    for line in spikes:
        numbers = [
            format_number(line[name]) for name in ("loss", "loss_sigmas", "grad_norm", "grad_norm_sigmas")
        ]
        done = "thrown away" if line.get("skipped") else "used"
        rows.append((format_number(line["step"]), *numbers, done, str(line.get("documents", ""))))
    return _table(heads, rows) if rows else ""


def _heat(name: str, title: str, series: Mapping[str, Sequence[Line]], end: str) -> str:
    lines = series.get(name, ())
    columns = {c: None for line in lines for c in line if c not in ("series", "step") and c.endswith(end)}
    curves = []
    for column in sorted(columns, key=_by_number):
        points = tuple(
            (float(line["step"]), float(line[column])) for line in lines if _is_number(line.get(column))
        )
        curves.append(Series(f"{name}.{column}", "step", column.removesuffix(end), points))
    return _text(draw_heat(curves, title, f"heat-{name}{end.replace('.', '-')}"))


def _machine(system: Sequence[Line]) -> str:
    """Load, memory and power; steps of this series are seconds."""
    lines = [{**line, "GiB": line["memory"] / 2**30} if "memory" in line else line for line in system]
    watts = []
    for a, b in pairwise([line for line in lines if "joules" in line]):
        passed = b["seconds"] - a["seconds"]
        if passed > 0 and b["joules"] >= a["joules"]:
            watts.append({"step": b["step"], "W": (b["joules"] - a["joules"]) / passed})
    drawn = [
        _curve("system", "cpu", "Load of the processors, by second", lines),
        _curve("system", "gpu", "Load of the accelerators, by second", lines),
        _curve("system", "GiB", "Memory in use, GiB, by second", lines),
        _curve("system", "W", "Metered power, W, by second", watts),
    ]
    return "".join(drawn)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    kind = "pairs" if len(heads) == 2 else "grid"
    head = "".join(f'<th scope="col">{html.escape(h)}</th>' for h in heads)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _by_number(name: str) -> list[tuple[int, str]]:
    """`h.2` before `h.10`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _text(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)
