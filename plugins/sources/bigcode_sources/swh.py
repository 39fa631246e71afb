"""`sources.swh`: files that a manifest names by Software Heritage identifiers, from a store of contents."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from bigcode.api import FetchContext, Unit
from bigcode_sources.config_tables import SwhConfig
from bigcode_sources.intake import NEWEST, Omissions, clean_path
from bigcode_sources.pinned import find_pinned, open_pinned, unreadable

if TYPE_CHECKING:
    import pyarrow as pa

    from bigcode_sources.rows import Row

_KEY = re.compile(r"^[0-9a-f]{40,64}$")
_SWHID = re.compile(r"^(?:swh:1:cnt:)?([0-9a-f]{40})(?:;.*)?$", re.DOTALL)


class SwhCollector:
    """One unit a manifest."""

    def __init__(self, config: SwhConfig) -> None:
        self.config = config

    def units(self) -> Iterable[Unit]:
        """Sorted by path. Contents need no pin: their identifiers in the manifest are digests.

        Raises:
            Problem: E708 when an unpinned manifest cannot be read, or a pattern names nothing.
        """
        said = self.config.model_dump(mode="json", by_alias=True, include={"format", "file_bytes"})
        said |= {"columns": self.config.resolved, "host": self.config.origin_host}
        for place, sha256 in find_pinned(self.config.manifests, self.config.root).items():
            yield Unit(place, {"sha256": sha256, **said})

    def fetch(self, unit: Unit, ctx: FetchContext) -> pa.Table:
        """Host, owner and repository come from the origin. A content that is missing, altered, too large or no text
        is left out and counted, and so is a line of the manifest that names no file.

        Raises:
            Problem: E702 when the manifest does not have its digest, E708 when it cannot be read or lacks a column.
        """
        from bigcode_sources.manifests import read_jsonl, read_parquet
        from bigcode_sources.rows import table_of

        omissions = Omissions(unit.name, self.config.file_bytes)
        contents = Contents(self.config.contents, self.config.root, self.config.file_bytes)
        rows: dict[tuple[str, ...], Row] = {}
        with open_pinned(unit.name, unit.identity["sha256"], self.config.root, ctx) as file:
            read = read_jsonl if self.config.format == "jsonl" else read_parquet
            for entry in read(unit.name, file, self.config.resolved, omissions):
                row = self._row(entry, contents, omissions)
                if row is not None and rows.setdefault(row[:5], row) is not row:
                    omissions.count("repeated-path")
        omissions.report(ctx)
        return table_of(rows.values())

    def _row(self, entry: dict[str, Any], contents: Contents, omissions: Omissions) -> Row | None:
        names = origin_of(entry["origin"], self.config.origin_host)
        path, revision = entry["path"], entry.get("revision") or ""
        oid = _SWHID.match(str(entry["swhid"]))
        key = str(entry.get("key") or (oid[1] if oid else ""))
        well = isinstance(path, str) and isinstance(revision, str) and revision.isprintable()
        if not (names and oid and well and _KEY.match(key)):
            omissions.count("bad-row")
            return None
        revision = revision.removeprefix("swh:1:rev:")
        try:
            # The root of a directory is where paths of a manifest begin.
            path = clean_path(path.removeprefix("/"))
        except ValueError as reason:
            omissions.refuse(path, str(reason))
            return None
        found = contents.read(oid[1], key)
        if isinstance(found, str):
            omissions.count(found)
            return None
        text = _decode(found, entry.get("encoding"))
        if not omissions.takes(text, pointers=False):
            return None
        released = entry.get("released")
        known = released if isinstance(released, int) and not isinstance(released, bool) else 0
        return (*names, revision, path, max(0, min(known, NEWEST)), text)


@dataclass(slots=True)
class Contents:
    """A store of contents by sha1_git, which is the digest of `blob SIZE`, NUL and the bytes, as in Git."""

    place: str
    root: str
    most: int
    _system: Any = None
    _form: str = ""
    _forms: tuple[str, ...] = field(default=("{0}/{1}/{2}", "{0}/{1}/{2}.gz", "{2}", "{2}.gz"))

    def read(self, oid: str, key: str) -> bytes | str:
        """The verified bytes that lie under `key`, or why there are none: `missing`, `altered` or `too-large`."""
        packed = self._open(key)
        if packed is None:
            return "missing"
        most = self.most + 1
        try:
            with packed as file:
                data = file.read(max(most, 2))
                # A plain content may itself be gzip; the digest tells which of the two is meant.
                if data[:2] == b"\x1f\x8b" and not (len(data) < most and _is(data, oid, key)):
                    with gzip.open(io.BytesIO(data + file.read(most))) as unpacked:
                        data = unpacked.read(most)
        except (OSError, EOFError, zlib.error):
            return "altered"
        if len(data) >= most:
            return "too-large"
        return data if _is(data, oid, key) else "altered"

    def _open(self, key: str) -> IO[bytes] | None:
        # The form that held last time is tried first, as a store has one as a rule.
        for form in (self._form, *self._forms) if self._form else self._forms:
            name = form.format(key[:2], key[2:4], key)
            try:
                file: IO[bytes] = self._files.open(f"{self._base}/{name}", "rb")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue
            except Exception as error:
                reason = getattr(error, "strerror", "") or type(error).__name__
                raise unreadable("the store of contents", reason) from error
            self._form = form
            return file
        return None

    @property
    def _base(self) -> str:
        place = self.place if "://" in self.place else str(Path(self.root or ".", self.place).resolve())
        return place.rstrip("/")

    @property
    def _files(self) -> Any:
        if self._system is None:
            import fsspec

            self._system = fsspec.core.url_to_fs(self._base)[0]
        return self._system


def sha1_git(data: bytes) -> str:
    """The identifier of a content in Git and Software Heritage."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _is(data: bytes, oid: str, key: str) -> bool:
    """Whether a content is the one of a manifest, whose key in the store may be the plain sha1 of the bytes."""
    return not {oid, key}.isdisjoint((sha1_git(data), hashlib.sha1(data, usedforsecurity=False).hexdigest()))


def origin_of(origin: Any, host: str) -> tuple[str, str, str] | None:
    """Host, owner and repository of an origin URL, or of `owner/repository` on a known host; the owner of a deeper
    path is its first part."""
    if not isinstance(origin, str) or not origin.isprintable():
        return None
    if "://" in origin:
        try:
            parts = urlsplit(origin)
            host, path = parts.hostname or "", unquote(parts.path)
        except ValueError:
            return None
    else:
        path = origin
    owner, _, name = path.strip("/").removesuffix(".git").partition("/")
    return (host, owner, name) if host and owner and name and (owner + name).isprintable() else None


def _decode(data: bytes, encoding: Any) -> bytes:
    """Text that a manifest says is in another encoding, as UTF-8; as it is, where that cannot be."""
    if not isinstance(encoding, str) or not encoding:
        return data
    try:
        return data.decode(encoding).encode()
    except (LookupError, ValueError):
        return data
