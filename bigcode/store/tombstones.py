"""Tombstones: that an object was erased, why and as of when, and what stands in its place.

An erased digest is never stored again, and whatever names it is not absent: actions, keys and evidence stay as they
are. Where a table lost some of its rows, a read of the old digest gives the table without them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bigcode.api.canonical import canonical, key_of
from bigcode.api.diagnostics import Problem, fail

if TYPE_CHECKING:
    from bigcode.store.objects import Files


@dataclass(frozen=True, slots=True)
class Tombstone:
    """`what` is blobs, rows, seen (tables of contents, of written files, of observations), told, notices, loose,
    archive or derived; `reason` names no person; `as_of` is a date; `purge` is the id of the order."""

    digest: str
    what: str
    reason: str
    as_of: str
    replaced_by: str = ""
    purge: str = ""


class Tombstones:
    """`tombstones/ab/abcd....json`, one for each erased object; the first one stands."""

    def __init__(self, files: Files) -> None:
        self._files = files

    @staticmethod
    def name(key: str) -> str:
        return f"tombstones/{key[:2]}/{key}.json"

    def has(self, key: str) -> bool:
        return self._files.exists(self.name(key))

    def read(self, key: str) -> Tombstone | None:
        """The tombstone of a digest, or None.

        Raises:
            Problem: E511 when it cannot be read.
        """
        data = self._files.read(self.name(key))
        if data is None:
            return None
        try:
            return Tombstone(**json.loads(data))
        except (ValueError, TypeError, RecursionError) as error:
            hint = "Restore it from a copy of the store, or run the same `bigcode purge` again."
            raise fail("E511", f"{self.name(key)} cannot be read", hint=hint) from error

    def standing(self, key: str) -> str:
        """The digest of what stands for an object since a purge: its own, that of its replacement, or an empty string
        when it was erased as a whole.

        Raises:
            Problem: E511, as `read`.
        """
        stone = self.read(key)
        if stone is None:
            return key
        return self.standing(stone.replaced_by) if stone.replaced_by else ""

    def put(self, stone: Tombstone) -> None:
        self._files.put_if_absent(self.name(stone.digest), canonical(asdict(stone)))


def erased(stone: Tombstone) -> Problem:
    """What a read of an object that was erased as a whole meets."""
    return fail(
        "E512",
        f"object {stone.digest[:12]} was erased as of {stone.as_of}: {stone.reason}",
        hint="Nothing brings it back; what is built from the current data does not need it.",
    )


def record_purge(files: Files, order: Mapping[str, Any]) -> str:
    """Write down which contents must not come back; returns the id of the order. Writing it again changes nothing.

    Args:
        order: subject, reason, asOf, and blobs: sorted SHA-256 of contents.
    """
    purge = key_of([order["subject"], order["blobs"]])[:16]
    files.put_if_absent(f"purges/{purge}.json", canonical(dict(order)))
    return purge


def purged_blobs(files: Files) -> frozenset[str]:
    """SHA-256 of all contents that were purged and must not be taken in again."""
    found: set[str] = set()
    for name in files.names("purges"):
        found |= _blobs(json.loads(files.read(f"purges/{name}") or b"{}"))
    return frozenset(found)


def purge_of(files: Files, blob: str) -> Mapping[str, Any] | None:
    """The first order, by its id, that erased a content; None for one that no order names."""
    for name in files.names("purges"):
        order: dict[str, Any] = json.loads(files.read(f"purges/{name}") or b"{}")
        if blob in _blobs(order):
            return order
    return None


def _blobs(order: Mapping[str, Any]) -> set[str]:
    blobs: Iterable[str] = order.get("blobs", ())
    return set(blobs)
