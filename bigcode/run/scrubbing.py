"""Tables without contents that go: their rows left out, their texts emptied, what repeats them in observations blanked.

An observation repeats a text also where it folds its case or spaces, or hides an address within it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.decide.columns import FILE, file_ids

_LINE = 40
"""Two texts that share a line of so many bytes are taken for the same where nothing else tells."""
_PIECE = 16
"""A value of an observation that shares so many bytes with the content repeats it."""
_NAMES = frozenset(
    [
        "host",
        "owner",
        "repository",
        "revision",
        "path",
        "name",
        "blob",
        "git_sha1",
        "authors",
        "language",
        "row",
        "seat",
        "cluster",
        "reason",
        "split",
        "signature",
        "bands",
        "shingles",
        "prints",
    ]
)
"""Columns that say which file it is, and hashes; they are no content."""
_VERBATIM = frozenset(["copyright"])
"""Columns whose every value is a line of the content, however short."""


@dataclass(frozen=True)
class Gone:
    """What goes: digests of contents, their texts where they are still there, and the ids of the files they were of,
    each with its digest."""

    blobs: pa.Array
    texts: Mapping[str, bytes]
    files: Mapping[str, str]

    @cached_property
    def lines(self) -> frozenset[bytes]:
        return frozenset(
            line for text in self.texts.values() for line in text.split(b"\n") if len(line) >= _LINE
        )

    @cached_property
    def folded(self) -> Mapping[str, bytes]:
        return {blob: _fold(text) for blob, text in self.texts.items()}


def without(table: pa.Table, what: str, gone: Gone) -> pa.Table | None:
    """A table without the contents, or None where it holds nothing of them.

    Args:
        what: `loose` for texts whose origin no column says, `rows` for files with their texts, `blobs` for texts by
            their digests, `told` for what was read in files that go by their ids, else observations of contents.
    """
    if what == "loose":
        texts = table["content"].cast(pa.binary()).to_pylist()
        keep = [gone.lines.isdisjoint(text.split(b"\n")) for text in texts if text is not None]
        return None if all(keep) else table.filter(pa.array(keep, pa.bool_()))
    blobs = _blobs_of(table, gone) if what == "told" else table["blob"].cast(pa.string()).combine_chunks()
    mask = pc.is_in(blobs, value_set=gone.blobs)
    if what == "rows":
        return table.filter(pc.invert(mask))
    if what == "blobs":
        return _emptied(table, mask)
    rows = pc.indices_nonzero(mask)
    columns = [
        _scrubbed(table, name, rows, blobs.take(rows).to_pylist(), gone) for name in table.column_names
    ]
    if not any(changed for _, changed in columns):
        return None
    return pa.table([column for column, _ in columns], schema=table.schema)


def tells_files(columns: Iterable[str]) -> bool:
    """Whether a table without contents says of which files it speaks."""
    return set(FILE) < set(columns)


def _blobs_of(table: pa.Table, gone: Gone) -> pa.Array:
    return pa.array([gone.files.get(name) for name in file_ids(table).to_pylist()], pa.string())


def _emptied(table: pa.Table, mask: pa.Array) -> pa.Table:
    """The rows stay, empty: what was observed of them stands, and seats that they held stay empty."""
    field = table.schema.field("content")
    texts = table["content"].cast(pa.binary()).combine_chunks()
    content = pc.if_else(mask, pa.scalar(b"", pa.binary()), texts)
    return table.set_column(table.column_names.index("content"), field, content.cast(field.type))


def _scrubbed(
    table: pa.Table, name: str, rows: pa.Array, blobs: list[str], gone: Gone
) -> tuple[pa.Array, bool]:
    """A column without pieces of the contents in these rows, and whether it had any."""
    column = table[name].combine_chunks()
    kind = table.schema.field(name).type
    if name in _NAMES or pa.types.is_primitive(kind):
        return column, False
    values = column.take(rows).to_pylist()
    if name in _VERBATIM:
        clean = [None if value is None else value[:0] for value in values]
    else:
        texts = [gone.folded.get(blob, b"") for blob in blobs]
        clean = [_scrub(value, text) for value, text in zip(values, texts, strict=True)]
    if clean == values:
        return column, False
    return _put_rows(column, rows.to_pylist(), pa.array(clean, kind)), True


def _put_rows(column: pa.Array, rows: list[int], values: pa.Array) -> pa.Array:
    """A column with other values in some rows, of any type."""
    place = list(range(len(column)))
    for number, row in enumerate(rows):
        place[row] = len(column) + number
    return pa.concat_arrays([column, values]).take(pa.array(place, pa.int64()))


def _scrub(value: Any, text: bytes) -> Any:
    if isinstance(value, str | bytes):
        return value[:0] if _repeats(value.encode() if isinstance(value, str) else value, text) else value
    if isinstance(value, list):
        clean = [_scrub(item, text) for item in value]
        return [new for new, old in zip(clean, value, strict=True) if not _lost_its_bounds(new, old)]
    if isinstance(value, dict):
        return {name: _scrub(item, text) for name, item in value.items()}
    return value


def _lost_its_bounds(new: Any, old: Any) -> bool:
    """Whether a permission no longer says what it is for; a denial without bounds is one of all."""
    return isinstance(new, dict) and new.get("says") == "allow" and new.get("pattern") != old.get("pattern")


def _repeats(value: bytes, text: bytes) -> bool:
    folded = _fold(value)
    return any(folded[at : at + _PIECE] in text for at in range(len(folded) - _PIECE + 1))


def _fold(text: bytes) -> bytes:
    return b" ".join(text.lower().split())
