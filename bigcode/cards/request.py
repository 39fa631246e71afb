"""What a card is made from, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bigcode.api import Fact, Series


@dataclass(frozen=True)
class CardRequest:
    """All that a card is made from.

    `template` names one of `templates` (file name -> text), which also hold the page and whatever is included.
    `facts` and `declared` are keyed by full id; `declared` holds values that a measured fact has overridden.
    `resources` are plain JSON by address, `verbatim` texts by name with their sha256, `sections` prose by section.
    """

    address: str
    title: str
    template: str
    templates: Mapping[str, str]
    subject: Mapping[str, Any]
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    declared: Mapping[str, Fact] = field(default_factory=dict)
    series: Sequence[Series] = ()
    verbatim: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    sections: Mapping[str, str] = field(default_factory=dict)
    glossary: Sequence[str] = ()

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], templates: Mapping[str, str], glossary: Sequence[str]
    ) -> CardRequest:
        """A request from plain JSON: `address`, `title`, `template`, `subject` (an address among `resources`),
        `resources`, and as they are there `facts` and `declared` (lists), `series`, `verbatim` and `sections`."""
        return cls(
            address=data["address"],
            title=data["title"],
            template=data["template"],
            templates=templates,
            subject=data["resources"][data["subject"]],
            resources=data["resources"],
            facts={item["id"]: Fact.from_json(item) for item in data.get("facts", ())},
            declared={item["id"]: Fact.from_json(item) for item in data.get("declared", ())},
            series=[
                Series(**{**item, "points": tuple((x, y) for x, y in item["points"])})
                for item in data.get("series", ())
            ],
            verbatim={
                name: (item["text"], item["sha256"]) for name, item in data.get("verbatim", {}).items()
            },
            sections=data.get("sections", {}),
            glossary=glossary,
        )


@dataclass(frozen=True)
class Rendered:
    """A finished card. `trace` holds, for `markdown` and `html` each, the sha256 of the text and its spans
    {start, end, fact | name | verbatim | numbering | tick, format?, text}, offsets in code points."""

    markdown: str
    html: str
    trace: dict[str, Any]
    absent: tuple[str, ...] = ()


def load_templates(folder: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The templates of a folder by file name, and the names of its `glossary.yaml`."""
    templates = {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.j2"))}
    glossary = yaml.safe_load((folder / "glossary.yaml").read_text("utf-8"))
    return templates, tuple(str(name) for names in glossary.values() for name in names)
