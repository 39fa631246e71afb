"""Datasets that stand beside another: their licences come from it, and their people get other names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

REPOSITORIES = pa.schema(
    [
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("license", pa.string()),
        ("license_source", pa.string()),
        ("license_reason", pa.string()),
    ]
)
RECORDS = ("commits", "issues", "metadata")
"""Kinds of siblings whose rows are records and not files."""
_HOME = ["host", "owner", "repository"]
METADATA = pa.schema(
    [
        ("name", pa.string()),
        ("stars", pa.int64()),
        ("forks", pa.int64()),
        ("fork_of", pa.string()),
        ("renamed_from", pa.list_(pa.string())),
        ("deleted", pa.bool_()),
        ("created", pa.int64()),
        ("pushed", pa.int64()),
        ("languages", pa.list_(pa.string())),
        ("license_told", pa.string()),
    ]
)
"""What a record of a repository says, as columns. `stars` and `forks` are the larger of what was told last and what
was seen; `created` and `pushed` are seconds since the epoch; `license_told` is what its host says. All but lists and
`name` are null where the record does not say."""


def of_repositories(observations: pa.Table, license_: pa.Table) -> pa.Table:
    """The licence verdict of each repository: that of most files of its newest revision, the first by name of equals.

    Args:
        observations: host, owner, repository, revision, released, row by row with `license_`.
    """
    table = observations.select([*_HOME, "revision", "released"])
    for name in ("license", "license_source", "license_reason"):
        table = table.append_column(name, license_[name])
    newest = table.group_by(_HOME, use_threads=False).aggregate([("released", "max")])
    joined = table.join(newest, _HOME, join_type="inner")
    last = joined.filter(pc.equal(joined["released"], joined["released_max"]))
    counted = last.group_by(REPOSITORIES.names, use_threads=False).aggregate([([], "count_all")])
    ranked = counted.sort_by(
        [*((n, "ascending") for n in _HOME), ("count_all", "descending"), ("license", "ascending"),
         ("license_reason", "ascending"), ("license_source", "ascending")]
    ).combine_chunks()  # fmt: skip
    first = ranked.group_by(_HOME, use_threads=False).aggregate(
        [(n, "first") for n in REPOSITORIES.names if n not in _HOME]
    )
    return (
        first.rename_columns([c.removesuffix("_first") for c in first.column_names])
        .select(REPOSITORIES.names)
        .cast(REPOSITORIES)
    )


def read_repositories(texts: Sequence[str]) -> pa.Table:
    """Records of repositories (JSON, masked already) as columns of schema `METADATA`, row by row."""
    return pa.Table.from_pylist([_read_repository(text) for text in texts], METADATA)


def _read_repository(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = None
    said: Mapping[str, Any] = record if isinstance(record, dict) else {}
    return {
        "name": _as(str, said.get("name")) or "",
        "stars": _most(said.get("stars")),
        "forks": _most(said.get("forks")),
        "fork_of": _as(str, said.get("parent")),
        "renamed_from": _words(said.get("renamed_from")),
        "deleted": _as(bool, said.get("deleted")),
        "created": _count(said.get("created")),
        "pushed": _count(said.get("pushed")),
        "languages": _words(said.get("languages")),
        "license_told": _as(str, said.get("license")),
    }


def _as(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else None


def _count(value: Any) -> int | None:
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value if plain and 0 <= value < 2**63 else None


def _most(value: Any) -> int | None:
    numbers = [_count(n) for n in value.values()] if isinstance(value, dict) else []
    return max((n for n in numbers if n is not None), default=None)


def _words(value: Any) -> list[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{0,4}|.)?", re.DOTALL)


def spans_in_json(content: bytes, spans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The spans of a JSON text so that what replaces them leaves it JSON: none begins or ends within an escape (the
    `n` of `\\n` may look like the first letter of an address), and replacements are escaped.

    Args:
        spans: in order; struct of start and end (bytes) and replacement.
    """
    out: list[dict[str, Any]] = []
    done = 0
    for span in spans:
        start = max(done, _outside(content, int(span["start"]), begins=True))
        end = _outside(content, int(span["end"]), begins=False)
        if start < end:
            said = json.dumps(str(span["replacement"]), ensure_ascii=False)[1:-1]
            out.append({**span, "start": start, "end": end, "replacement": said})
            done = end
    return out


_LONGEST_ESCAPE = 6


def _outside(content: bytes, at: int, *, begins: bool) -> int:
    """Where a span may begin or end: letters that are written as numbers go with it, line breaks and quotes do not."""
    slash = content.rfind(b"\\", max(0, at - _LONGEST_ESCAPE), at)
    if slash < 0:
        return at
    while slash > 0 and content[slash - 1 : slash] == b"\\":
        slash -= 1
    for found in _ESCAPE.finditer(content, slash, at + _LONGEST_ESCAPE):
        if found.start() < at < found.end():
            letter = found[0][1:2] == b"u"
            return found.start() if begins == letter else found.end()
    return at
