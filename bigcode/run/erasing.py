"""Erasing contents from a store: the tables that hold them, what was made of them, and every cache.

Each object goes in the same three moves: its replacement is written, its tombstone is put, its bytes are removed. So
whatever names it is never without an answer, and after a crash the same order goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bigcode.api.canonical import digest
from bigcode.decide.columns import FILE, file_ids
from bigcode.run import faults
from bigcode.run.cleaning import clean_caches, clean_outputs
from bigcode.run.lineage import archives_of, made_of_text, models_trained_on, read_actions, stones_of, unnamed
from bigcode.run.remade import remake_notices
from bigcode.run.scrubbing import Gone, tells_files, without
from bigcode.run.session import Session
from bigcode.store.gc import list_files
from bigcode.store.store import Store
from bigcode.store.tables import encode_table, read_table
from bigcode.store.tombstones import Tombstone, purged_blobs, record_purge


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
    columns: tuple[str, ...] = ()


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
    gone = _gone(store, hits, wanted)
    actions = read_actions(store)
    # Observations are compared with the contents, so they come while these are still there.
    for hit in sorted(hits, key=lambda h: (h.what in ("blobs", "rows"), h.what, h.key)):
        fresh = without(read_table(store.objects, hit.key), hit.what, gone)
        if fresh is not None:
            _replace(store, hit, encode_table(fresh), order, purge, out, dry_run)
    if order.blobs:
        ever = pa.array(sorted(order.blobs | purged_blobs(store.files)), pa.string())
        for key, data in remake_notices(store, actions, ever):
            now = store.objects.tombstones.standing(key)
            if now:
                _replace(store, _Hit(now, "notices"), data, order, purge, out, dry_run)
    stones = {stone.digest: stone for stone in stones_of(store)}
    touched = {h.key for h in hits if h.what == "rows"}
    touched |= {d for d, s in stones.items() if s.what in ("rows", "derived", "loose")}
    fetched = {h.key for h in hits if h.what == "blobs"} | {d for d, s in stones.items() if s.what == "blobs"}
    derived = made_of_text(session, actions, touched)
    for key in sorted(derived):
        _bury(store, _Hit(key, "derived"), order, purge, out, dry_run)
    for key in sorted(archives_of(actions, fetched)):
        _bury(store, _Hit(key, "archive"), order, purge, out, dry_run)
    for key in unnamed(session, actions):
        if not _is_table(store, key) or _tells_lines(store, key):
            _count(out, "download", _size(store, key))
            if not dry_run:
                store.files.remove(store.objects.name(key))
    out.models = models_trained_on(session, actions, touched | derived)
    if not dry_run:
        stones = {stone.digest: stone for stone in stones_of(store)}
        out.caches = clean_caches(store, stones)
        faults.point("purge.caches")
        out.files = clean_outputs(session, stones)
    return out


def _hits(store: Store, wanted: pa.Array) -> Iterator[_Hit]:
    """Tables that hold rows of the contents, or text whose origin they do not say."""
    for name in sorted(list_files(store, "objects")):
        key = name.rpartition("/")[2]
        if key.startswith(".") or not _is_table(store, key):
            continue
        with store.files.fs.open(store.files.at(name), "rb") as stream:
            parquet = pq.ParquetFile(stream)
            columns = parquet.schema_arrow.names
            if "blob" not in columns:
                if "content" in columns:
                    yield _Hit(key, "loose")
                elif tells_files(columns):
                    yield _Hit(key, "told")
                continue
            found = pc.any(
                pc.is_in(parquet.read(["blob"])["blob"].cast(pa.string()), value_set=wanted)
            ).as_py()
        if found:
            what = "seen" if "content" not in columns else "rows" if "path" in columns else "blobs"
            yield _Hit(key, what, tuple(columns))


def _is_table(store: Store, key: str) -> bool:
    try:
        with store.files.fs.open(store.files.at(store.objects.name(key)), "rb") as stream:
            return bool(stream.read(4) == b"PAR1")
    except FileNotFoundError:
        return False


def _tells_lines(store: Store, key: str) -> bool:
    """Whether a table holds lines of files that it does not name: notices that a broken run left."""
    with store.files.fs.open(store.files.at(store.objects.name(key)), "rb") as stream:
        names = pq.ParquetFile(stream).schema_arrow.names
    return "copyright" in names and "blob" not in names


def _gone(store: Store, hits: list[_Hit], wanted: pa.Array) -> Gone:
    texts: dict[str, bytes] = {}
    files: dict[str, str] = {}
    for hit in hits:
        if hit.what == "blobs":
            table = read_table(store.objects, hit.key, ["blob", "content"])
            chosen = table.filter(pc.is_in(table["blob"], value_set=wanted))
            for blob, text in zip(chosen["blob"].to_pylist(), chosen["content"].to_pylist(), strict=True):
                texts[blob] = text or texts.get(blob, b"")
        elif hit.what == "seen" and tells_files(hit.columns):
            table = read_table(store.objects, hit.key, [*FILE, "blob"])
            chosen = table.filter(pc.is_in(table["blob"], value_set=wanted))
            files.update(zip(file_ids(chosen).to_pylist(), chosen["blob"].to_pylist(), strict=True))
    return Gone(wanted, texts, files)


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
