"""One verdict per file: the reason first in a fixed order, and all others beside it.

The order is that in which judgement is passed: licence, quality, privacy, split, duplicates, opt-outs. A row
that an opt-out touches carries a keyed id and its reason, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

KEPT = "kept"
PUBLIC = pa.schema(
    [
        ("row", pa.string()),
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("revision", pa.string()),
        ("path", pa.string()),
        ("blob", pa.string()),
        ("bytes", pa.int64()),
        ("language", pa.string()),
        ("license", pa.string()),
        ("license_source", pa.string()),
        ("split", pa.string()),
        ("reason", pa.string()),
        ("also", pa.list_(pa.string())),
        ("seat", pa.string()),
        ("similarity", pa.float64()),
        ("redactions", pa.list_(pa.string())),
    ]
)
_CLASSES = ("license", "quality", "privacy", "split", "duplicate", "optout")


@dataclass(frozen=True, slots=True)
class Touch:
    """What an opt-out does to a row: its keyed id, the reason, and whether the kept file that it repeats is gone.

    A duplicate of a file that is gone would have been elected in its stead; it counts as the opt-out's.
    """

    key: str
    reason: str
    emptied: bool = False


def first_reason(reasons: Sequence[str]) -> str:
    """The reason that comes first in the order of judgement; `kept` when there is none."""
    if not reasons:
        return KEPT
    return min(reasons, key=lambda r: (_CLASSES.index(r.split(".")[0]), reasons.index(r)))


def merge(
    observations: pa.Table,
    licenses: pa.Table,
    quality: pa.Table,
    privacy: pa.Table,
    election: pa.Table,
    removed: Mapping[int, Touch],
) -> tuple[pa.Table, pa.Table]:
    """The public verdict table and the rows to be written, both sorted.

    Args:
        observations, licenses, quality, privacy, election: row by row the same files.
        removed: by row index, what an opt-out does to it.

    Returns:
        verdicts (schema `PUBLIC`), and kept: the observations of kept files with license, license_source,
        split and spans.
    """
    facts = [
        observations.select(["host", "owner", "repository", "revision", "path", "blob", "bytes", "language"]),
        licenses,
        quality,
        privacy,
        election,
    ]
    columns = {name: table[name].to_pylist() for table in facts for name in table.column_names}
    verdicts: list[dict[str, Any]] = []
    kept: list[int] = []
    for index in range(observations.num_rows):
        row = {name: values[index] for name, values in columns.items()}
        reasons = [r for r in (row["license_reason"],) if r]
        reasons += [*row["quality_reasons"], *row["privacy_reasons"]]
        touched = removed.get(index)
        if row["elect_reason"] and not (touched and touched.emptied):
            reasons.append(row["elect_reason"])
        if touched:
            reason = first_reason([*reasons, touched.reason])
            verdicts.append({"row": touched.key, "reason": reason})
            continue
        reason = first_reason(reasons)
        if reason == KEPT:
            kept.append(index)
        verdicts.append(
            {
                **{name: row[name] for name in PUBLIC.names if name in row},
                "row": file_id(row["host"], row["owner"], row["repository"], row["revision"], row["path"]),
                "reason": reason,
                "also": [r for r in reasons if r != reason],
                "redactions": [span["entity"] for span in row["spans"]] if reason == KEPT else [],
            }
        )
    verdicts.sort(key=lambda v: (v.get("path") is None, v["row"]))
    public = pa.table(
        {n: pa.array([v.get(n) for v in verdicts], PUBLIC.field(n).type) for n in PUBLIC.names}, schema=PUBLIC
    )
    wanted = observations.select(
        ["host", "owner", "repository", "revision", "path", "blob", "git_sha1", "bytes", "language"]
    )
    for table, names in (
        (licenses, ("license", "license_source")),
        (election, ("split",)),
        (privacy, ("spans",)),
    ):
        for name in names:
            wanted = wanted.append_column(name, table[name])
    chosen = wanted.take(pa.array(kept, pa.int64()))
    return public, chosen.sort_by(
        [(c, "ascending") for c in ("host", "owner", "repository", "revision", "path")]
    )


def file_id(host: str, owner: str, repository: str, revision: str, path: str) -> str:
    """`host/owner/repository@revision:path`."""
    return f"{host}/{owner}/{repository}@{revision}:{path}"


def masked(content: bytes, spans: Sequence[Mapping[str, object]]) -> bytes:
    """The content with its spans replaced; spans are byte ranges in order that do not overlap."""
    out, position = [], 0
    for span in spans:
        start, end = int(str(span["start"])), int(str(span["end"]))
        out += [content[position:start], str(span["replacement"]).encode()]
        position = end
    return b"".join([*out, content[position:]])
