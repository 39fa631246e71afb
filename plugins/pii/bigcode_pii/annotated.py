"""The labelled set `pii.annotated`: texts that people annotated, in the form of BigCode's sets.

That form is a row a text, with a column of fragments: category, place in characters and value. The sets themselves
are gated, with terms that forbid to pass them on: a user who agreed to them names the file. No line of it enters a
repository or a message.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bigcode.api import Context, Diagnostic, fail
from bigcode_pii.annotated_config import AnnotatedConfig
from bigcode_pii.config import ENTITIES, Entity
from bigcode_pii.folders import check_folder
from bigcode_pii.planted import LABELS

_TEXTS, _FRAGMENTS = ("content", "text"), ("fragments", "pii", "entities")
_CATEGORIES, _VALUES = ("category", "tag", "entity", "label"), ("value", "text")
_SYNONYMS: dict[str, Entity] = {
    "IP": "IP_ADDRESS", "API_KEY": "KEY", "SSH_KEY": "KEY", "TOKEN": "KEY", "PERSON": "NAME", "USER": "USERNAME",
}  # fmt: skip
_EXAMPLES = ("_EXAMPLE", "_PLACEHOLDER", "_DUMMY")
_VARIANTS = ("_LICENSE",)
"""Endings that say where a value stands; it is one all the same."""


class Annotated:
    """Labels: texts and labels of the file; carriers are not used."""

    name = "texts that people annotated"
    carriers = 0

    def __init__(self, config: AnnotatedConfig) -> None:
        self.config = config

    def build(self, carriers: pa.Table, ctx: Context) -> pa.Table:
        """As of `Labels.build`. The kind of a label is its category in the set, in lower case.

        Labels that do not fit their text, or whose category means no entity, are left out and counted in a warning.

        Raises:
            Problem: E109 or E702 if the path holds nothing, or something else than what is pinned; E708 if it is not
                in the form that is read.
        """
        path = check_folder(self.config.path, self.config.sha256, "pii.annotated")
        contents: list[bytes] = []
        labels: list[list[dict[str, Any]]] = []
        left_out: Counter[str] = Counter()
        try:
            for row in islice(_read(path), self.config.rows):
                text = str(row[_name(row, self.config.content, _TEXTS)])
                fragments = row[_name(row, self.config.labels, _FRAGMENTS)]
                # Some versions of the sets keep the list as JSON.
                given = json.loads(fragments) if isinstance(fragments, str) else fragments
                contents.append(text.encode())
                labels.append(self._labels(text, given or [], left_out))
        except (
            ValueError,
            KeyError,
            TypeError,
            IndexError,
            AttributeError,
            OSError,
            pa.ArrowException,
        ) as error:
            # The message of the error may quote a line, which may be a secret.
            raise fail(
                "E708", f"pii.annotated: the set is not in the form that is read ({type(error).__name__})"
            ) from None
        for reason, count in sorted(left_out.items()):
            ctx.warn(
                Diagnostic("E708", f"pii.annotated: {count} labels left out: {reason}", severity="warning")
            )
        return pa.table({"content": pa.array(contents, pa.binary()), "labels": pa.array(labels, LABELS)})

    def _labels(
        self, text: str, fragments: list[Mapping[str, Any]], left_out: Counter[str]
    ) -> list[dict[str, Any]]:
        """Labels with places in bytes, in the order of the text, each once."""
        found: dict[tuple[int, int, str], dict[str, Any]] = {}
        for fragment in fragments:
            category = (
                str(fragment[_name(fragment, "", _CATEGORIES)]).upper().replace(" ", "_").replace("-", "_")
            )
            entity, positive = self._meaning(category)
            if entity is None:
                left_out["their category means no entity"] += 1
                continue
            start, end = _place(fragment)
            value = next((fragment[name] for name in _VALUES if fragment.get(name) is not None), None)
            if not 0 <= start < end <= len(text):
                left_out["they are out of bounds"] += 1
            elif value is not None and text[start:end] != value:
                left_out["their value is not at their place"] += 1
            else:
                first = len(text[:start].encode())
                last = first + len(text[start:end].encode())
                found[first, last, entity] = {
                    "start": first, "end": last, "entity": entity, "kind": category.lower(), "positive": positive,
                }  # fmt: skip
        return [found[key] for key in sorted(found)]

    def _meaning(self, category: str) -> tuple[Entity | None, bool]:
        """The entity that a category stands for, None where it is left out, and whether it is a finding."""
        if category in self.config.categories:
            return self.config.categories[category] or None, True
        example = category.endswith(_EXAMPLES)
        core = category
        for ending in (*_EXAMPLES, *_VARIANTS):
            core = core.removesuffix(ending)
        entity = _SYNONYMS.get(core) or next((known for known in ENTITIES if known == core), None)
        if example and self.config.examples == "out":
            return None, False
        return entity, not example or self.config.examples == "positive"


def _read(path: Path) -> Iterator[Mapping[str, Any]]:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    readable = [file for file in files if file.suffix in (".parquet", ".jsonl", ".json")]
    if not readable:
        raise ValueError("no file in Parquet or JSON lines")
    for file in readable:
        if file.suffix == ".parquet":
            for batch in pq.ParquetFile(file).iter_batches(256):
                yield from batch.to_pylist()
        else:
            with file.open(encoding="utf-8") as lines:
                yield from (json.loads(line) for line in lines if line.strip())


def _name(row: Mapping[str, Any], given: str, usual: tuple[str, ...]) -> str:
    if given:
        return given
    for name in usual:
        if name in row:
            return name
    raise KeyError(usual[0])


def _place(fragment: Mapping[str, Any]) -> tuple[int, int]:
    """Start and end in characters: `position`, or `start` and `end`."""
    if "position" in fragment:
        start, end = fragment["position"]
        return int(start), int(end)
    return int(fragment["start"]), int(fragment["end"])
