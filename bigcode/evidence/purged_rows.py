"""Data files that a purge left: every row is one that the bundle's verdicts keep, with the text that they name."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bigcode.evidence.bundle import Bundle

_ID = ("host", "owner", "repository", "revision", "path", "blob")


def check_rows(bundle: Bundle, subject: str, paths: Sequence[Path]) -> tuple[dict[Path, int], list[str]]:
    """
    Returns:
        the rows of each file, and what is wrong: a file that is no table or holds a row that no verdict keeps, or one
        whose text is neither masked nor rendered and does not have its digest.

    Raises:
        ValueError, LookupError: for verdict tables of another form.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not paths:
        return {}, []
    kept = _kept(bundle, subject)
    plain = _as_collected(bundle, subject)
    counts: dict[Path, int] = {}
    wrong = []
    for path in paths:
        try:
            rows = pq.ParquetFile(path).read([*_ID, "content"]).to_pylist()
        except (pa.ArrowException, OSError):
            wrong.append(f"{path.name} holds no table of files")
            continue
        counts[path] = len(rows)
        seen = Counter(_id(row) for row in rows)
        if any(kept.get(name) is None or count > 1 for name, count in seen.items()):
            wrong.append(f"{path.name} holds rows that the verdicts do not keep")
        elif plain and any(kept[_id(row)] == 0 and _sha256(row["content"]) != row["blob"] for row in rows):
            wrong.append(f"{path.name} holds texts that do not have their digests")
    return counts, wrong


def _kept(bundle: Bundle, subject: str) -> dict[tuple[Any, ...], int]:
    """Kept rows and the number of spans that were masked in each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out: dict[tuple[Any, ...], int] = {}
    for name in bundle:
        if name.startswith(f"verdicts/{subject}/"):
            table = pq.read_table(pa.BufferReader(bundle[name]), columns=[*_ID, "reason", "redactions"])
            rows = table.to_pylist()
            out |= {_id(row): len(row["redactions"] or ()) for row in rows if row["reason"] == "kept"}
    return out


def _as_collected(bundle: Bundle, subject: str) -> bool:
    """Whether texts are written as they were collected, but for what is masked."""
    spec = bundle.json("names.json")["resources"][subject]["spec"]
    return not spec.get("sibling") and not (spec.get("export") or {}).get("render")


def _id(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _ID)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
