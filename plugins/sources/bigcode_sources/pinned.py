"""Files that a spec pins by digest, on this machine or behind any URL."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO

from bigcode.api import FetchContext, Problem, fail
from bigcode_sources.config_tables import Table

MOST_BYTES = 2**33
"""What a download may hold; its digest is known only at its end."""
_SUM = re.compile(r"^([0-9a-f]{64})[ *]+(.+)$")


def find_pinned(tables: Iterable[Table], root: str) -> dict[str, str]:
    """Sha256 by place for all that the tables name, sorted: places are URLs, or paths from `root`.

    A pattern of local files is expanded and digested now; a pattern with `sums` names what those list.

    Raises:
        Problem: E708 when a local file or a file of sums cannot be read, or a pattern names nothing.
    """
    found: dict[str, str] = {}
    for table in tables:
        found |= _named(table, root)
    return dict(sorted(found.items()))


def open_pinned(place: str, sha256: str, root: str, ctx: FetchContext) -> IO[bytes]:
    """The file, open for reading, after a comparison with its digest. What came from a URL is kept in the store.

    Raises:
        Problem: E702 when the file does not have this digest, E708 when it cannot be read.
    """
    if "://" not in place:
        return _open_local(place, sha256, root)
    data = ctx.cached(sha256)
    if data is None:
        data = _read_url(place)
        _compare(place, hashlib.sha256(data).hexdigest(), sha256)
        ctx.keep(data)
    return io.BytesIO(data)


def unreadable(name: str, reason: str) -> Problem:
    """The diagnostic of a source that cannot be read."""
    return fail("E708", f"{name}: {reason}")


def _named(table: Table, root: str) -> dict[str, str]:
    if table.sums:
        return _from_sums(table, root)
    if not table.pattern:
        return {table.path: table.sha256 or _digest(table.path, root)}
    base = Path(root or ".")
    places = Path("/").glob(table.path[1:]) if table.path.startswith("/") else base.glob(table.path)
    files = [p if table.path.startswith("/") else p.relative_to(base) for p in places if p.is_file()]
    if not files:
        raise unreadable(table.path, "no file has such a name")
    return {p.as_posix(): _digest(p.as_posix(), root) for p in sorted(files)}


def _from_sums(table: Table, root: str) -> dict[str, str]:
    try:
        lines = Path(root or ".", table.sums).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(table.sums, getattr(error, "strerror", "") or "it is not UTF-8") from error
    head, _, last = table.path.rpartition("/")
    found = {}
    for number, line in enumerate(lines, 1):
        match = _SUM.match(line)
        if not match:
            raise unreadable(table.sums, f"line {number} does not read `SHA256  NAME`")
        if PurePosixPath(match[2]).match(last):
            found[f"{head}/{match[2]}" if head else match[2]] = match[1]
    if not found:
        raise unreadable(table.sums, f"it lists nothing that `{last}` names")
    return found


def _digest(place: str, root: str) -> str:
    try:
        with open(Path(root or ".", place), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(place, error.strerror or type(error).__name__) from error


def _open_local(place: str, sha256: str, root: str) -> IO[bytes]:
    try:
        file = open(Path(root or ".", place), "rb")  # noqa: SIM115
        # The bytes that are compared and those that are read come through one handle, so that a file put in
        # their place meanwhile is never taken for them.
        found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(place, error.strerror or type(error).__name__) from error
    try:
        _compare(place, found, sha256)
    except Problem:
        file.close()
        raise
    file.seek(0)
    return file


def _read_url(url: str) -> bytes:
    if url.startswith(("http://", "https://")):
        from bigcode_sources.index import download

        return download(url, url.rpartition("/")[2].partition("?")[0], MOST_BYTES)
    import fsspec

    try:
        with fsspec.open(url, "rb") as file:
            data: bytes = file.read()
            return data
    # What fsspec raises depends on the file system behind the URL; none of it is for the user to see.
    except Exception as error:
        reason = getattr(error, "strerror", "") or type(error).__name__
        raise unreadable(re.sub(r"//[^/@\s]*@", "//***@", url), reason) from error


def _compare(place: str, found: str, sha256: str) -> None:
    if found != sha256:
        raise fail(
            "E702",
            f"{place}: the file has sha256 {found}, expected {sha256}",
            hint="Compare both before you change the pin; an unpinned file changed while the run went on.",
        )
