"""Parquet and JSON lines as batches for the sieve."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bigcode.api import Place, Problem, fail
from bigcode_sources.config_tables import Layout
from bigcode_sources.intake import NEWEST, Omissions
from bigcode_sources.lines import read_lines
from bigcode_sources.rows import SCHEMA
from bigcode_sources.sieve import as_text

REQUIRED = ("owner", "repository", "path", "content")
BATCH_ROWS = 2**12
BATCH_BYTES = 2**25
_BATCH = SCHEMA.set(SCHEMA.get_field_index("path"), pa.field("path", pa.binary()))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one table: `name` is what messages call it, `lenient` says that bad rows are counted instead of raised."""

    name: str
    layout: Layout
    omissions: Omissions
    lenient: bool = False

    def parquet(self, file: IO[bytes]) -> Iterator[pa.RecordBatch]:
        """Batches of the rows, row group by row group.

        Raises:
            Problem: E708 when it is no Parquet file, lacks a column, or holds a bad row.
        """
        try:
            table = pq.ParquetFile(file, pre_buffer=False)
            have = set(table.schema_arrow.names)
            self._require(have)
            theirs = {t for t in self._theirs().values() if t in have}
            for batch in table.iter_batches(BATCH_ROWS, columns=sorted(theirs)):
                yield self._columns(batch)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._problem("it is not a Parquet file that can be read") from error

    def lines(self, file: IO[bytes]) -> Iterator[pa.RecordBatch]:
        """Batches of the rows of JSON lines, plain or gzip. A line that could hold no file small enough is skipped.

        Raises:
            Problem: E708 when the file cannot be read, or at the first bad line.
        """
        rows: list[tuple[Any, ...]] = []
        held = 0
        for place, line in self._lines(file):
            try:
                row = self._row(line, place)
            except Problem:
                if not self.lenient:
                    raise
                self.omissions.count("bad-row")
                continue
            rows.append(row)
            held += len(line)
            if len(rows) == BATCH_ROWS or held > BATCH_BYTES:
                yield _batch(rows)
                rows, held = [], 0
        if rows:
            yield _batch(rows)

    def _lines(self, file: IO[bytes]) -> Iterator[tuple[Place, bytes]]:
        # JSON spells a byte with six characters at most.
        most = 6 * self.omissions.file_bytes + 2**16
        try:
            for number, line in enumerate(read_lines(file, most), 1):
                if line is None:
                    self.omissions.large += 1
                elif line.strip():
                    yield Place(self.name, number), line
        except (OSError, EOFError, zlib.error) as error:
            raise self._problem("it is not a gzip file that can be read") from error

    def _row(self, line: bytes, place: Place) -> tuple[Any, ...]:
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "") or "not UTF-8, or nested too deep"
            raise self._problem(f"the line is not JSON ({reason})", place) from error
        if not isinstance(values, dict):
            raise self._problem("the line is not a JSON object", place)
        self._require(values.keys(), place)
        theirs = self._theirs()
        found = {ours: values.get(column, self._default(ours)) for ours, column in theirs.items()}
        if self.layout.names:
            split = self.layout.names
            both = found.get("names")
            if not isinstance(both, str) or not all(both.partition(split.split)):
                raise self._bad("names", f"must hold an owner, `{split.split}` and a name", place)
            found["owner"], _, found["repository"] = both.partition(split.split)
        for ours in ("host", "owner", "repository", "path", "revision"):
            value = found[ours]
            if not isinstance(value, str) or (not value and ours in ("host", "owner", "repository")):
                raise self._bad(ours, "must be text", place)
            if ours != "path" and not value.isprintable():
                raise self._bad(ours, "must be printable", place)
        content, released = found["content"], found["released"]
        if not isinstance(content, str):
            raise self._bad("content", "must be text", place)
        released = 0 if released is None else released
        if not isinstance(released, int) or isinstance(released, bool):
            raise self._bad("released", "must be whole seconds since the epoch", place)
        # A lone surrogate, which JSON can spell, becomes bytes that are then seen not to be UTF-8.
        path, text = (value.encode(errors="surrogatepass") for value in (found["path"], content))
        path = path[1:] if self.layout.rooted and path.startswith(b"/") else path
        released = max(0, min(released, NEWEST))
        return (found["host"], found["owner"], found["repository"], found["revision"], path, released, text)

    def _columns(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The columns of `rows.SCHEMA`, `path` binary, without the rows that are bad."""
        theirs = self._theirs()
        names = batch.schema.names
        found = {ours: batch.column(t) for ours, t in theirs.items() if t in names}
        bad = np.zeros(batch.num_rows, bool)
        if self.layout.names:
            both = as_text(self._binary(found.pop("names"), "names"))
            mark = self.layout.names.split
            parts = pc.extract_regex(
                both, rf"(?s)^(?P<owner>[^{_quoted(mark)}]+){_quoted(mark)}(?P<repository>.+)$"
            )
            bad |= self._bad_where(pc.is_null(parts), "names", f"must hold an owner, `{mark}` and a name")
            found["owner"], found["repository"] = parts.field("owner"), parts.field("repository")
        out: dict[str, pa.Array] = {}
        for ours in ("host", "owner", "repository", "revision"):
            if ours not in found:
                out[ours] = pa.repeat(pa.scalar(self._default(ours), pa.string()), batch.num_rows)
                continue
            texts = as_text(self._binary(found[ours], ours))
            empty = pc.equal(texts, "") if ours != "revision" else pa.scalar(False)
            bad |= self._bad_where(
                pc.or_(pc.is_null(texts), pc.fill_null(empty, True)), ours, "must be text", bad
            )
            bad |= self._bad_where(_not_printable(texts), ours, "must be printable", bad)
            out[ours] = texts
        for ours in ("path", "content"):
            out[ours] = self._binary(found[ours], ours)
            bad |= self._bad_where(pc.is_null(out[ours]), ours, "must be text", bad)
        if self.layout.rooted:
            out["path"] = _unrooted(out["path"])
        out["released"] = self._seconds(found.get("released"), batch.num_rows)
        made = pa.RecordBatch.from_arrays([out[name] for name in _BATCH.names], names=_BATCH.names)
        if not bad.any():
            return made
        self.omissions.count("bad-row", int(bad.sum()))
        return made.filter(pa.array(~bad))

    def _binary(self, values: pa.Array, ours: str) -> pa.Array:
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        kinds = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view", "null")
        if str(values.type) not in kinds:
            raise self._bad(ours, "must be text")
        return values if values.type == pa.binary() else values.cast(pa.binary())

    def _seconds(self, values: pa.Array | None, rows: int) -> pa.Array:
        if values is None:
            return pa.repeat(pa.scalar(0, pa.int64()), rows)
        kind = values.type
        if pa.types.is_timestamp(kind):
            values = values.cast(pa.timestamp("s", kind.tz), safe=False).cast(pa.int64())
        elif not (pa.types.is_integer(kind) or pa.types.is_null(kind)):
            raise self._bad("released", "must be whole seconds since the epoch")
        # Unsigned numbers above the range wrap to below zero, which is unknown too.
        known = pc.fill_null(values.cast(pa.int64(), safe=False), 0)
        return pc.max_element_wise(0, pc.min_element_wise(known, NEWEST))

    def _bad_where(self, rows: pa.Array, ours: str, says: str, known: Any = None) -> np.ndarray:
        mask = rows.to_numpy(zero_copy_only=False).astype(bool)
        fresh = mask if known is None else mask & ~known
        if fresh.any() and not self.lenient:
            raise self._bad(ours, says)
        return mask

    def _theirs(self) -> Mapping[str, str]:
        names = self.layout.names
        ours = {o: self.layout.columns.get(cast(Any, o), o) for o in SCHEMA.names}
        if names:
            ours = {o: t for o, t in ours.items() if o not in ("owner", "repository")} | {
                "names": names.column
            }
        return ours

    def _default(self, ours: str) -> Any:
        return {"host": self.layout.host, "revision": "", "released": 0}.get(ours)

    def _require(self, have: Any, place: Place | None = None) -> None:
        theirs = self._theirs()
        needed = [o for o in theirs if o in REQUIRED or o == "names" or o in self.layout.columns]
        absent = [theirs[o] for o in needed if theirs[o] not in have]
        if absent:
            plural = "columns" if len(absent) > 1 else "column"
            raise self._problem(f"it lacks the {plural} {', '.join(f'`{c}`' for c in absent)}", place)

    def _bad(self, ours: str, says: str, place: Place | None = None) -> Problem:
        return self._problem(f"`{self._theirs().get(ours, ours)}` {says} in every row", place)

    def _problem(self, reason: str, place: Place | None = None) -> Problem:
        return fail("E708", f"{self.name}: {reason}", place)


def _batch(rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, _BATCH, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=_BATCH)


def _not_printable(texts: pa.Array) -> pa.Array:
    odd = pc.fill_null(pc.match_substring_regex(texts, "[^ -~]"), False)
    if not pc.any(odd).as_py():
        return odd
    return pa.array(
        [bool(o) and not t.isprintable() for o, t in zip(odd.to_pylist(), texts.to_pylist(), strict=True)]
    )


def _unrooted(paths: pa.Array) -> pa.Array:
    rooted = pc.fill_null(pc.starts_with(paths, b"/"), False)
    return pc.if_else(rooted, pc.binary_slice(paths, 1), paths)


def _quoted(mark: str) -> str:
    return rf"\x{{{ord(mark):x}}}"
