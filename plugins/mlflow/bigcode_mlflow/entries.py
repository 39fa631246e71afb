"""Values of a run in the form that MLflow takes: names of letters, digits, `_ - . /` and spaces, finite numbers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from bigcode.api import Entry, Fact

T = TypeVar("T")

_LONGEST_NAME = 250
_LONGEST_VALUE = 500
_FOLDERS = ("system", "layers", "ranges")
"""Series of many curves, which MLflow shows folder by folder; it has a page of its own for `system`."""
_WORDS = {"+": "plus", "#": "sharp", "@": "_at_", "%": "percent", "&": "and"}
_GROUPS = {
    "Snapshot": "data",
    "LicensePolicy": "data",
    "OptOutSnapshot": "data",
    "PIIPolicy": "data",
    "Dataset": "data",
    "Tokenizer": "training",
    "Model": "training",
    "Evaluation": "evaluation",
}


@dataclass(frozen=True, slots=True)
class Point:
    """A value of a curve, `after` milliseconds of its node's work."""

    key: str
    value: float
    step: int
    after: int


def group_of(kind: str) -> str:
    """What a resource of this kind is part of, for people who filter runs."""
    return _GROUPS.get(kind, "release")


def is_data(kind: str) -> bool:
    return group_of(kind) == "data"


def safe_name(text: str) -> str:
    """A name that is allowed, and is the same for the same text: `pass@1` is `pass_at_1`.

    A group of a fact becomes a path below it: `fertility{language=C++}` is `fertility/Cplusplus`.
    """
    text = re.sub(
        r"\{([^}]*)\}", lambda m: "/" + "/".join(p.partition("=")[2] or p for p in m[1].split(",")), text
    )
    for sign, word in _WORDS.items():
        text = text.replace(sign, word)
    parts = [re.sub(r"[^A-Za-z0-9_.\- ]", "_", part).strip(". ") for part in text.split("/")]
    return "/".join(part for part in parts if part)[:_LONGEST_NAME].rstrip("/. ") or "_"


def short_name(text: str) -> str:
    """A name without folders."""
    return safe_name(text).replace("/", "_")


def params_of(step: str, params: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Params of a node, named after its step, as nodes of one resource share a run."""
    named = {safe_name(f"{step}.{key}"): str(value)[:_LONGEST_VALUE] for key, value in sorted(params.items())}
    return [(key, value) for key, value in named.items() if value]


def metric_values(facts: Sequence[Fact]) -> Mapping[str, float]:
    """Facts that are numbers, by their name within the resource."""
    values = {}
    for fact in facts:
        if (
            isinstance(fact.value, int | float)
            and not isinstance(fact.value, bool)
            and math.isfinite(fact.value)
        ):
            values[safe_name(_within(fact.id))] = float(fact.value)
    return values


def points_of(journal: Path, start: int = 0) -> tuple[Sequence[Point], int]:
    """Points of a journal of JSON lines (`series`, `step`, values) from byte `start` on, and the byte after its last
    whole line; what cannot be read is left out. A journal that is still written may end within a line."""
    with journal.open("rb") as stream:
        stream.seek(start)
        data = stream.read()
    whole = data.rfind(b"\n") + 1 or (len(data) if start == 0 else 0)
    found: list[Point] = []
    for line in data[:whole].splitlines():
        try:
            point = json.loads(line)
            series, step = str(point.pop("series")), int(point.pop("step"))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        numbers = {
            name: float(value)
            for name, value in point.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        }
        after = int(numbers.get("seconds", 0.0) * 1000)
        mark = "/" if series in _FOLDERS else "."
        found += [Point(safe_name(f"{series}{mark}{n}"), v, step, after) for n, v in sorted(numbers.items())]
    return found, start + whole


def describe_facts(facts: Sequence[Fact], longest: int = 5000) -> str:
    """Facts that are numbers as a table in Markdown, exact to the last digit, those of groups last, as many as fit."""
    lines = ["| Fact | Value | Unit | Kind |", "|---|---:|---|---|"]
    length = sum(len(line) + 1 for line in lines)
    for fact in sorted(facts, key=lambda f: ("{" in f.id, f.id)):
        if fact.withheld or isinstance(fact.value, bool) or not isinstance(fact.value, int | float):
            continue
        line = f"| `{_within(fact.id)}` | {fact.value!r} | {fact.unit} | {fact.kind} |"
        length += len(line) + 1
        if length > longest:
            break
        lines.append(line)
    return "\n".join(lines)


def dataset_digest(entries: Sequence[Entry]) -> str:
    """One sha256 for all objects of an input, whatever their order."""
    return sha256("\n".join(sorted(f"{entry.digest} {entry.name}" for entry in entries)).encode()).hexdigest()


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _within(fact: str) -> str:
    """The fact's id without its subject, `Kind/name@version/`."""
    match = re.match(r"^[A-Z][A-Za-z]*/[^/{]+@[^/{]+/(.+)$", fact)
    return match[1] if match else fact
