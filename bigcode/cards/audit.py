"""Every card of a bundle against its trace and the facts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bigcode.api import Diagnostic, Fact
from bigcode.cards.trace import check_trace


def check_cards(bundle: Any, facts: Mapping[str, Fact]) -> Iterable[Diagnostic]:
    """Findings over all cards of a bundle (see `bigcode.evidence.bundle`).

    Names and settings are compared with `names.json`: the resources as cards see them, the glossary, the labels
    of axes.
    """
    lines = (json.loads(line) for line in bundle["declared.jsonl"].splitlines())
    declared = {fact.id: fact for fact in map(Fact.from_json, lines)}
    said = bundle.json("names.json")
    for name in bundle:
        if not name.endswith(".trace.json"):
            continue
        trace = bundle.json(name)
        stem = name.removesuffix(".trace.json")
        for surface, ending in (("markdown", ".md"), ("html", ".html")):
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
