"""Unpacking of source archives in memory: nothing is written, nothing is run, and no read is unbounded."""

from __future__ import annotations

import bz2
import calendar
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import IO, cast

from bigcode.api import fail
from bigcode_sources.config import Limits
from bigcode_sources.intake import Accepted, Member, accept, too_large

METADATA_BYTES = 2**15
"""What may lie between two members of a tar archive: headers, long names, padding and one block read ahead."""

PLACEHOLDER_TIMES = frozenset({499_162_500, 1_580_601_600})
"""Packers that build reproducibly write the second of February 2020 for every file; npm a moment of 1985."""
ZIP_FLOOR = 315_619_200
"""Zip cannot say anything before 1980; a time up to the end of its first day says nothing."""

_MAGIC = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)
# All that the readers of the standard library raise on bytes that someone else made; recursion through chained
# headers is a RuntimeError.
_UNREADABLE = (
    tarfile.TarError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError,
    OSError, ValueError, OverflowError, NotImplementedError, RuntimeError, IndexError, MemoryError,
)  # fmt: skip


def unpack(source: str, data: bytes, limits: Limits, pointers: bool = True) -> Accepted:
    """The text files of a tar (plain, gzip, bzip2, xz) or zip archive, below its single top folder if it has one.

    `source` names the archive in messages; without `pointers`, those of Git LFS are left out. Times are the members'
    own, read as UTC; `newest` is zero when all that they hold is a placeholder.

    Raises:
        Problem: E705 when the archive is unreadable or over the limits on count, size or ratio.
    """
    zipped = data.startswith((b"PK\x03\x04", b"PK\x05\x06"))
    members = _zip_members(source, data, limits) if zipped else _tar_members(source, data, limits)
    try:
        accepted = accept(source, members, limits, pointers)
    except _UNREADABLE as error:
        raise fail("E705", f"{source}: the archive cannot be read ({type(error).__name__})") from error
    known = accepted.newest > ZIP_FLOOR and accepted.newest not in PLACEHOLDER_TIMES
    return replace(accepted, files=_below_top(accepted.files), newest=accepted.newest if known else 0)


class _Meter(io.RawIOBase):
    """A stream that refuses to give more than it was last allowed."""

    def __init__(self, source: str, stream: IO[bytes], packed: int, ratio: int) -> None:
        self._source, self._stream, self._ratio = source, stream, ratio
        # tar pads to blocks, which in a very small archive dwarf the content.
        self._most = packed * ratio + tarfile.RECORDSIZE
        self._given = 0
        self._allowed = METADATA_BYTES

    def allow(self, size: int) -> None:
        self._allowed = self._given + size

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            raise ValueError("the stream is read in blocks")
        data = self._stream.read(size)
        self._given += len(data)
        if self._given > self._most:
            raise too_large(f"{self._source}: it unpacks to more than {self._ratio} times its size")
        if self._given > self._allowed:
            raise too_large(f"{self._source}: a member's header is larger than {METADATA_BYTES} bytes")
        return data


def _tar_members(source: str, data: bytes, limits: Limits) -> Iterator[Member]:
    raw = io.BytesIO(data)
    opener = next((opener for magic, opener in _MAGIC if data.startswith(magic)), None)
    plain = cast(IO[bytes], opener(raw) if opener else raw)
    meter = _Meter(source, plain, len(data), limits.ratio)
    with tarfile.open(
        fileobj=cast(IO[bytes], meter), mode="r|", encoding="utf-8", errors="surrogateescape"
    ) as archive:
        for entry in _entries(archive):
            # A size below zero would send the reader backwards.
            if entry.size < 0:
                raise tarfile.ReadError("negative size")
            meter.allow(entry.size + METADATA_BYTES)
            yield _tar_member(archive, entry, limits)


def _entries(archive: tarfile.TarFile) -> Iterable[tarfile.TarInfo]:
    while (entry := archive.next()) is not None:
        # The reader keeps every header that it has seen; nothing here looks back.
        archive.members = []  # type: ignore[attr-defined]
        yield entry


def _tar_member(archive: tarfile.TarFile, entry: tarfile.TarInfo, limits: Limits) -> Member:
    name, size, time = entry.name, entry.size, int(entry.mtime)
    if entry.isdir():
        return Member(name, "folder", size, time)
    if entry.issym():
        return Member(name, "refused", size, time, refusal="a symbolic link")
    if entry.islnk():
        return Member(name, "refused", size, time, refusal="a hard link")
    if entry.isdev():
        return Member(name, "refused", size, time, refusal="a device or a pipe")
    if entry.issparse() or not entry.isreg():
        return Member(name, "refused", size, time, refusal="not a plain file")
    content = None
    if size <= limits.file_bytes:
        stream = archive.extractfile(entry)
        content = stream.read() if stream else None
    return Member(name, "file", size, time, content)


def _zip_members(source: str, data: bytes, limits: Limits) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        # The directory is believed for the sum alone: each read stops at the size that it declares.
        if sum(entry.file_size for entry in entries) > limits.ratio * len(data):
            raise too_large(f"{source}: it unpacks to more than {limits.ratio} times its size")
        for entry in entries:
            yield _zip_member(archive, entry, limits)


def _zip_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: Limits) -> Member:
    name, size, time = entry.filename, entry.file_size, _zip_time(entry)
    mode = stat.S_IFMT(entry.external_attr >> 16)
    if mode == stat.S_IFLNK:
        return Member(name, "refused", size, time, refusal="a symbolic link")
    if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
        return Member(name, "refused", size, time, refusal="a device or a pipe")
    if name.endswith("/"):
        return Member(name, "folder", size, time)
    if entry.flag_bits & 0x1:
        return Member(name, "refused", size, time, refusal="encrypted")
    # The other methods unpack a whole input block at once, whatever its size becomes.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Member(name, "refused", size, time, refusal="an unusual compression method")
    content = archive.read(entry) if size <= limits.file_bytes else None
    return Member(name, "file", size, time, content)


def _zip_time(entry: zipfile.ZipInfo) -> int:
    try:
        return calendar.timegm((*entry.date_time, 0, 0, 0))
    except ValueError:
        return 0


def _below_top(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    tops = {path.partition("/")[0] for path in files}
    if len(tops) != 1 or tops & files.keys():
        return files
    return {path.partition("/")[2]: content for path, content in files.items()}
