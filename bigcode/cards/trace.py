"""Check a finished card against its trace: each span says what its fact says, and no digit stands outside a span."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bigcode.api import Diagnostic, Fact, Problem
from bigcode.api.canonical import digest
from bigcode.cards.lint import lint_rendered, place_of
from bigcode.cards.marks import Surface, unescape
from bigcode.cards.spans import NUMBERING, World, text_of

_TICK = re.compile(r"^−?\d[\d,]*(\.\d+)?( × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?$")
_TICK_TAG = re.compile(r'<text class="tick"[^<>]*>\Z')
_HEADINGS: dict[Surface, re.Pattern[str]] = {
    "markdown": re.compile(r"^#{1,6} \Z", re.MULTILINE),
    "html": re.compile(r'(<h[1-6][^<>]*>|<a href="#[^"<>]*">)$'),
}
_NEAR = 240
_KEYS = ("fact", "name", "verbatim", "numbering", "tick")


def check_trace(
    text: str,
    trace: Mapping[str, Any],
    facts: Mapping[str, Fact],
    *,
    declared: Mapping[str, Fact] | None = None,
    resources: Mapping[str, Any] | None = None,
    verbatim: Mapping[str, tuple[str, str]] | None = None,
    glossary: Sequence[str] = (),
    labels: Sequence[str] = (),
    file: str = "card",
) -> list[Diagnostic]:
    """What differs between a finished text and its facts; empty when all is well.

    `trace` is one surface of a trace: `surface`, `sha256` of the text and `spans`. Names are compared with
    `resources`, `glossary` and `labels`, and settings with `resources`, where these are given; verbatim texts are
    compared with the digest in the trace, and with that of `verbatim` where it is given.
    """
    world = World(facts, declared or {}, resources, verbatim or {}, tuple(glossary), tuple(labels))
    surface: Surface = trace["surface"]
    spans = trace["spans"]
    if trace.get("sha256") not in (None, digest(text.encode())):
        return [_differs(text, 0, file, "the text is not the one that the trace was made for")]
    found: list[Diagnostic] = []
    end = 0
    for span in spans:
        if not (end <= span["start"] <= span["end"] <= len(text)):
            found.append(
                _differs(text, min(end, len(text)), file, "spans overlap or lie outside of the text")
            )
            continue
        end = span["end"]
        if message := _check_span(text, span, surface, world):
            found.append(_differs(text, span["start"], file, message))
    return found + lint_rendered(text, spans, surface, file)


def facts_printed(trace: Mapping[str, Any]) -> list[str]:
    """The ids of the facts that a surface prints, sorted; groups stand as `files.kept{language=*}`."""
    return sorted({span["fact"] for span in trace["spans"] if "fact" in span})


def _check_span(text: str, span: Mapping[str, Any], surface: Surface, world: World) -> str:
    """What is wrong with a span; empty when nothing is."""
    source = text[span["start"] : span["end"]]
    if sum(name in span for name in _KEYS) != 1:
        return "a span stands for one thing"
    if "verbatim" in span and span.get("format", {}).get("as") != "sha256":
        shown = unescape(source, surface) if surface == "html" else source
        return _check_verbatim(shown, span, world)
    shown = source if source == span.get("text") else unescape(source, surface)
    if shown != span.get("text"):
        return f"`{shown}` is printed where the trace holds `{span.get('text')}`"
    if "tick" in span:
        tagged = surface == "html" and _TICK_TAG.search(text, max(0, span["start"] - _NEAR), span["start"])
        return "" if tagged and _TICK.match(shown) else f"`{shown}` is no tick of an axis"
    if "numbering" in span:
        heads = _HEADINGS[surface].search(text, max(0, span["start"] - _NEAR), span["start"])
        return "" if heads and NUMBERING.match(shown) else f"`{shown}` is no number of a heading"
    if "name" in span and not _can_tell(span, world):
        return ""
    if "name" in span and span.get("format", {}).get("as") != "setting" and not world.knows(span["name"]):
        return f"`{span['name']}` is no name of a resource or of the glossary"
    if "verbatim" in span and span["verbatim"] not in world.verbatim:
        return ""
    try:
        wanted = text_of(span, world)
    except Problem as problem:
        return str(problem.diagnostics[0].message)
    if shown == wanted or (span.get("format", {}).get("line") and shown in wanted):
        return ""
    return f"`{shown}` is printed where {_stands_for(span)} gives `{wanted}`"


def _check_verbatim(shown: str, span: Mapping[str, Any], world: World) -> str:
    wanted = span.get("sha256")
    known = world.verbatim.get(span["verbatim"])
    if wanted != digest(shown.encode()) or (known is not None and known[1] != wanted):
        return f"the verbatim text `{span['verbatim']}` does not have its digest"
    return ""


def _can_tell(span: Mapping[str, Any], world: World) -> bool:
    return world.resources is not None or span.get("format", {}).get("as") != "setting"


def _stands_for(span: Mapping[str, Any]) -> str:
    return next(f"{key} {span[key]}" for key in _KEYS if key in span)


def _differs(text: str, offset: int, file: str, message: str) -> Diagnostic:
    return Diagnostic("E609", message, place_of(text, offset, file))
