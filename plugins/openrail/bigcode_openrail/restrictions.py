"""The base restrictions, and what a licence asks of its users in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Clause:
    """One use restriction: `text` completes the words "You may not use ..."."""

    id: str
    text: str
    domain: str
    source: str
    as_of: str = ""


def load_base() -> Mapping[str, Clause]:
    """The fourteen restrictions of the base, by id, in the order of their source."""
    text = files("bigcode_openrail").joinpath("restrictions.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    return {
        item["id"]: Clause(**item | {"text": wording(item["text"])}, as_of=data["asOf"])
        for item in data["restrictions"]
    }


def clauses_of(spec: Mapping[str, Any], base: Mapping[str, Clause]) -> Sequence[Clause]:
    """The restrictions of a License spec: those of the base that it names (all if none), then its own.

    Ids that the base does not define are left out; `check.findings` reports them.
    """
    named = spec.get("restrictions") or ()
    chosen = [clause for id, clause in base.items() if not named or id in named]
    added = [
        Clause(item["id"], wording(item["text"]), "of the licensor", _origin(item))
        for item in spec.get("added", ())
    ]
    return (*chosen, *added)


def wording(text: str) -> str:
    """A restriction's text without what only the YAML around it put there."""
    return " ".join(text.split()).rstrip(".;")


def _origin(item: Mapping[str, Any]) -> str:
    if item.get("equivalentTo") and item.get("reviewer"):
        return f"the License spec, reviewed as equivalent to {item['equivalentTo']}"
    return "the License spec"
