"""`sources.tables`: tables that already hold source files, as rows."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bigcode.api import FetchContext, Place, Unit, fail
from bigcode_sources.config import Table, TablesConfig
from bigcode_sources.intake import NEWEST, Omissions, clean_path

if TYPE_CHECKING:
    import pyarrow as pa

    from bigcode_sources.rows import Row

NEEDED = ("owner", "repository", "path", "content")
DEFAULTS: Mapping[str, Any] = {"host": "table", "revision": "", "released": 0}
"""What a column holds that the table lacks and the spec does not map."""


class TablesCollector:
    """One unit a table."""

    def __init__(self, config: TablesConfig) -> None:
        self.config = config

    def units(self) -> Iterable[Unit]:
        """Sorted by path. The digest of an unpinned table is taken now, so that an edit is a reason to run.

        Raises:
            Problem: E708 when an unpinned table cannot be read.
        """
        settings = self.config.model_dump(by_alias=True, include={"format", "columns", "file_bytes"})
        for table in sorted(self.config.tables, key=lambda t: t.path):
            yield Unit(table.path, {"sha256": table.sha256 or self._digest(table), **settings})

    def fetch(self, unit: Unit, ctx: FetchContext) -> pa.Table:
        """The rows with safe paths and UTF-8 text; of several rows for one file the first.

        Raises:
            Problem: E702 when the table does not have its digest, E708 when it cannot be read or lacks a column
                or a value.
        """
        from bigcode_sources.rows import table_of

        table = next(t for t in self.config.tables if t.path == unit.name)
        data = self._load(table, unit.identity["sha256"], ctx)
        read = _read_jsonl if self.config.format == "jsonl" else _read_parquet
        omissions = Omissions(table.path, self.config.file_bytes)
        rows = {row[:5]: row for row in _taken(read(table.path, data, self.config.columns), omissions)}
        for warning in omissions.warnings():
            ctx.warn(warning)
        return table_of(rows.values())

    def _place(self, table: Table) -> str:
        return table.path if table.remote else str(Path(self.config.root or ".", table.path))

    def _digest(self, table: Table) -> str:
        try:
            with open(self._place(table), "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(table.path, error.strerror or type(error).__name__) from error

    def _load(self, table: Table, sha256: str, ctx: FetchContext) -> bytes:
        kept = ctx.cached(sha256) if table.remote else None
        if kept is not None:
            return kept
        import fsspec

        try:
            with fsspec.open(self._place(table), "rb") as file:
                data: bytes = file.read()
        # What fsspec raises depends on the file system behind the URL; none of it is for the user to see.
        except Exception as error:
            raise _unreadable(table.path, getattr(error, "strerror", "") or type(error).__name__) from error
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            raise fail(
                "E702",
                f"{table.path}: the table has sha256 {found}, expected {sha256}",
                hint="Compare both before you change the pin; an unpinned table changed while the run went on.",
            )
        if table.remote:
            ctx.keep(data)
        return data


def _read_jsonl(name: str, data: bytes, columns: Mapping[Any, str]) -> Iterator[Row]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        place = Place(name, number)
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "") or "not UTF-8, or nested too deep"
            raise _unreadable(name, f"the line is not JSON ({reason})", place) from error
        if not isinstance(values, dict):
            raise _unreadable(name, "the line is not a JSON object", place)
        yield _row(name, values, columns, _missing(values, columns), place)


def _read_parquet(name: str, data: bytes, columns: Mapping[Any, str]) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(data))
        missing = _missing(file.schema_arrow.names, columns)
        if any(ours in NEEDED or ours in columns for ours in missing):
            _row(name, {}, columns, missing)
        theirs = [columns.get(ours, ours) for ours in (*NEEDED, *DEFAULTS) if ours not in missing]
        for batch in file.iter_batches(columns=theirs):
            filled = [_as_seconds(column).to_pylist() for column in batch.columns]
            for values in zip(*filled, strict=True):
                yield _row(name, dict(zip(batch.schema.names, values, strict=True)), columns, missing)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(name, "it is not a Parquet file that can be read") from error


def _as_seconds(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("s", column.type.tz), safe=False).cast(pa.int64())
    return column


def _missing(names: Iterable[str], columns: Mapping[Any, str]) -> Sequence[str]:
    have = set(names)
    return [ours for ours in (*NEEDED, *DEFAULTS) if columns.get(ours, ours) not in have]


def _row(
    name: str,
    values: Mapping[str, Any],
    columns: Mapping[Any, str],
    missing: Sequence[str],
    place: Place | None = None,
) -> Row:
    absent = [columns.get(ours, ours) for ours in missing if ours in NEEDED or ours in columns]
    if absent:
        plural = "columns" if len(absent) > 1 else "column"
        raise _unreadable(name, f"it lacks the {plural} {', '.join(f'`{c}`' for c in absent)}", place)
    found = {
        ours: DEFAULTS[ours] if ours in missing else values[columns.get(ours, ours)]
        for ours in (*NEEDED, *DEFAULTS)
    }
    for ours in ("host", "owner", "repository", "path", "revision"):
        value = found[ours]
        if not isinstance(value, str) or (not value and ours in ("host", "owner", "repository")):
            raise _unreadable(name, f"`{columns.get(ours, ours)}` must be text in every row", place)
        if ours != "path" and not value.isprintable():
            raise _unreadable(name, f"`{columns.get(ours, ours)}` must be printable in every row", place)
    content, released = found["content"], found["released"]
    if isinstance(content, str):
        # A lone surrogate, which JSON can spell, becomes bytes that are then seen not to be UTF-8.
        content = content.encode(errors="surrogatepass")
    if not isinstance(content, bytes):
        raise _unreadable(name, f"`{columns.get('content', 'content')}` must be text in every row", place)
    if not isinstance(released, int) or isinstance(released, bool):
        raise _unreadable(
            name, f"`{columns.get('released', 'released')}` must be whole seconds since the epoch", place
        )
    released = max(0, min(released, NEWEST))
    return (
        found["host"],
        found["owner"],
        found["repository"],
        found["revision"],
        found["path"],
        released,
        content,
    )


def _taken(rows: Iterable[Row], omissions: Omissions) -> Iterator[Row]:
    seen: set[tuple[str, ...]] = set()
    for *names, raw, released, content in rows:
        host, owner, repository, revision = names
        try:
            path = clean_path(raw)
        except ValueError as reason:
            omissions.refused.append((raw, str(reason)))
            continue
        key = (host, owner, repository, revision, path)
        if key in seen:
            omissions.refused.append((raw, "an earlier row has this path"))
            continue
        seen.add(key)
        if omissions.takes(content):
            yield (*key, released, content)


def _unreadable(name: str, reason: str, place: Place | None = None) -> Exception:
    return fail("E708", f"{name}: {reason}", place)
