"""Every card of a bundle against its trace and the facts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bigcode.api import Diagnostic, Fact, Place
from bigcode.cards.trace import check_trace


def check_cards(bundle: Any, facts: Mapping[str, Fact]) -> Iterable[Diagnostic]:
    """Findings over all cards of a bundle (see `bigcode.evidence.bundle`).

    Names and settings are compared with `names.json`: the resources as cards see them, the glossary, the labels
    of axes.
    """
    lines = (json.loads(line) for line in bundle["declared.jsonl"].splitlines())
    declared = {fact.id: fact for fact in map(Fact.from_json, lines)}
    said = bundle.json("names.json")
    names = set(bundle)
    for name in sorted(names):
        stem, _, ending = name.rpartition(".")
        if name.startswith("cards/") and ending in ("md", "html") and f"{stem}.trace.json" not in names:
            yield Diagnostic("E609", "the card has no trace", Place(name))
        if not name.endswith(".trace.json"):
            continue
        trace = bundle.json(name)
        stem = name.removesuffix(".trace.json")
        if trace["card"] not in said["resources"]:
            yield Diagnostic("E609", "the trace is of no card of the workspace", Place(name))
        for surface, ending in (("markdown", ".md"), ("html", ".html")):
            if trace[surface]["surface"] != surface:
                yield Diagnostic("E609", f"the trace of the {surface} is one of another surface", Place(name))
            text = bundle[stem + ending].decode()
            yield from check_trace(
                text,
                trace[surface],
                facts,
                declared=declared,
                resources=said["resources"],
                glossary=[*said["glossary"], trace["card"]],
                labels=said["labels"],
                file=stem + ending,
            )
