"""Erasing contents from a store: the tables that hold them, what was made of them, and every cache.

Each object goes in the same three moves: its replacement is written, its tombstone is put, its bytes are removed. So
whatever names it is never without an answer, and after a crash the same order goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bigcode.api.canonical import digest
from bigcode.run import faults
from bigcode.run.cleaning import clean_caches, clean_outputs
from bigcode.run.lineage import archives_of, made_of_text, models_trained_on, read_actions, stones_of, unnamed
from bigcode.run.session import Session
from bigcode.store.gc import list_files
from bigcode.store.store import Store
from bigcode.store.tables import encode_table, read_table
from bigcode.store.tombstones import Tombstone, record_purge

_LINE = 40
"""Two texts that share a line of so many bytes are taken for the same where nothing else tells."""
_PIECE = 16
"""A value of an observation that holds so many bytes of the content verbatim is content."""
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


@dataclass(frozen=True, slots=True)
class Order:
    """What is to go, by the SHA-256 of the contents, and what the tombstones say of it."""

    subject: str
    blobs: frozenset[str]
    reason: str
    as_of: str


@dataclass
class Erased:
    """What was done: objects by what they were, bytes, caches, files outside of the store, and models that stand."""

    objects: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    caches: int = 0
    files: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Hit:
    key: str
    what: str
    size: int


def erase(session: Session, order: Order, *, dry_run: bool = False) -> Erased:
    """Carry out an order. The store must be held alone.

    Raises:
        Problem: E511 when an action of the store cannot be read.
    """
    store, out = session.store, Erased()
    purge = ""
    if order.blobs and not dry_run:
        said = {
            "subject": order.subject,
            "reason": order.reason,
            "asOf": order.as_of,
            "blobs": sorted(order.blobs),
        }
        purge = record_purge(store.files, said)
        faults.point("purge.recorded")
    wanted = pa.array(sorted(order.blobs), pa.string())
    hits = list(_hits(store, wanted))
    contents = _contents(store, hits, wanted)
    lines = frozenset(line for text in contents.values() for line in text.split(b"\n") if len(line) >= _LINE)
    # Observations are compared with the contents, so they come while these are still there.
    for hit in sorted(hits, key=lambda h: (h.what in ("blobs", "rows"), h.what, h.key)):
        table = read_table(store.objects, hit.key)
        fresh = _without(table, hit.what, wanted, contents, lines)
        if fresh is not None:
            _replace(store, hit, encode_table(fresh), order, purge, out, dry_run)
    stones = {stone.digest: stone for stone in stones_of(store)}
    touched = {h.key for h in hits if h.what == "rows"}
    touched |= {d for d, s in stones.items() if s.what in ("rows", "derived", "loose")}
    fetched = {h.key for h in hits if h.what == "blobs"} | {d for d, s in stones.items() if s.what == "blobs"}
    actions = read_actions(store)
    derived = made_of_text(session, actions, touched)
    for key in sorted(derived):
        _bury(store, _Hit(key, "derived", 0), order, purge, out, dry_run)
    for key in sorted(archives_of(actions, fetched)):
        _bury(store, _Hit(key, "archive", 0), order, purge, out, dry_run)
    for key in unnamed(session, actions):
        if not _is_table(store, key):
            _count(out, "download", _size(store, key))
            if not dry_run:
                store.files.remove(store.objects.name(key))
    out.models = models_trained_on(session, actions, touched | derived)
    if not dry_run:
        gone = {stone.digest: stone for stone in stones_of(store)}
        out.caches = clean_caches(store, gone)
        faults.point("purge.caches")
        out.files = clean_outputs(session, gone)
    return out


def _hits(store: Store, wanted: pa.Array) -> Iterator[_Hit]:
    """Tables that hold rows of the contents, or text whose origin they do not say."""
    for name, item in sorted(list_files(store, "objects").items()):
        key = name.rpartition("/")[2]
        if key.startswith(".") or not _is_table(store, key):
            continue
        with store.files.fs.open(store.files.at(name), "rb") as stream:
            parquet = pq.ParquetFile(stream)
            columns = parquet.schema_arrow.names
            if "blob" not in columns:
                if "content" in columns:
                    yield _Hit(key, "loose", item.bytes)
                continue
            found = pc.any(
                pc.is_in(parquet.read(["blob"])["blob"].cast(pa.string()), value_set=wanted)
            ).as_py()
        if found:
            what = "seen" if "content" not in columns else "rows" if "path" in columns else "blobs"
            yield _Hit(key, what, item.bytes)


def _is_table(store: Store, key: str) -> bool:
    try:
        with store.files.fs.open(store.files.at(store.objects.name(key)), "rb") as stream:
            return bool(stream.read(4) == b"PAR1")
    except FileNotFoundError:
        return False


def _contents(store: Store, hits: list[_Hit], wanted: pa.Array) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for hit in hits:
        if hit.what == "blobs":
            table = read_table(store.objects, hit.key, ["blob", "content"])
            chosen = table.filter(pc.is_in(table["blob"], value_set=wanted))
            for blob, text in zip(chosen["blob"].to_pylist(), chosen["content"].to_pylist(), strict=True):
                found[blob] = text or found.get(blob, b"")
    return found


def _without(
    table: pa.Table, what: str, wanted: pa.Array, contents: Mapping[str, bytes], lines: frozenset[bytes]
) -> pa.Table | None:
    """A table without the contents, or None where it holds nothing of them."""
    if what == "loose":
        texts = table["content"].cast(pa.binary()).to_pylist()
        keep = [lines.isdisjoint(text.split(b"\n")) for text in texts if text is not None]
        return None if all(keep) else table.filter(pa.array(keep, pa.bool_()))
    mask = pc.is_in(table["blob"].cast(pa.string()), value_set=wanted).combine_chunks()
    if what == "rows":
        return table.filter(pc.invert(mask))
    if what == "blobs":
        # The rows stay, empty: what was observed of them stands, and seats that they held stay empty.
        content = pc.if_else(
            mask, pa.scalar(b"", pa.binary()), table["content"].cast(pa.binary()).combine_chunks()
        )
        index = table.column_names.index("content")
        return table.set_column(
            index, table.schema.field("content"), content.cast(table.schema.field("content").type)
        )
    columns = [_scrubbed(table, name, mask, contents) for name in table.column_names]
    if not any(changed for _, changed in columns):
        return None
    return pa.table([column for column, _ in columns], schema=table.schema)


def _scrubbed(
    table: pa.Table, name: str, mask: pa.Array, contents: Mapping[str, bytes]
) -> tuple[pa.Array, bool]:
    """A column without pieces of the contents in the rows of a mask, and whether it had any."""
    column = table[name].combine_chunks()
    kind = table.schema.field(name).type
    if name in _NAMES or pa.types.is_primitive(kind):
        return column, False
    rows = pc.indices_nonzero(mask)
    values = column.take(rows).to_pylist()
    blobs = table["blob"].take(rows).to_pylist()
    clean = [_scrub(value, contents.get(blob, b"")) for value, blob in zip(values, blobs, strict=True)]
    if clean == values:
        return column, False
    return _put_rows(column, rows.to_pylist(), pa.array(clean, kind)), True


def _put_rows(column: pa.Array, rows: list[int], values: pa.Array) -> pa.Array:
    """A column with other values in some rows, of any type."""
    place = list(range(len(column)))
    for number, row in enumerate(rows):
        place[row] = len(column) + number
    return pa.concat_arrays([column, values]).take(pa.array(place, pa.int64()))


def _scrub(value: Any, content: bytes) -> Any:
    if isinstance(value, str | bytes):
        raw = value.encode() if isinstance(value, str) else value
        return value[:0] if len(raw) >= _PIECE and raw in content else value
    if isinstance(value, list):
        return [_scrub(item, content) for item in value]
    if isinstance(value, dict):
        return {name: _scrub(item, content) for name, item in value.items()}
    return value


def _replace(
    store: Store, hit: _Hit, data: bytes, order: Order, purge: str, out: Erased, dry_run: bool
) -> None:
    fresh = digest(data)
    if fresh == hit.key:
        return
    if not dry_run:
        store.objects.put(data)
        faults.point("purge.replaced")
    _bury(store, hit, order, purge, out, dry_run, fresh)


def _bury(
    store: Store, hit: _Hit, order: Order, purge: str, out: Erased, dry_run: bool, replaced_by: str = ""
) -> None:
    """Put the tombstone, then take the bytes, if there are any: what is not there now may not come later."""
    size = _size(store, hit.key)
    if size:
        _count(out, hit.what, size)
    if dry_run:
        return
    store.objects.tombstones.put(Tombstone(hit.key, hit.what, order.reason, order.as_of, replaced_by, purge))
    faults.point("purge.buried")
    store.files.remove(store.objects.name(hit.key))
    faults.point("purge.erased")


def _count(out: Erased, what: str, size: int) -> None:
    out.objects[what] = out.objects.get(what, 0) + 1
    out.bytes += size


def _size(store: Store, key: str) -> int:
    name = store.files.at(store.objects.name(key))
    return int(store.files.fs.size(name)) if store.files.exists(store.objects.name(key)) else 0
