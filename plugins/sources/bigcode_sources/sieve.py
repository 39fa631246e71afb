"""Rows of tables as files: whole columns are checked at once, and single rows only where a column as a whole fails."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode_sources.intake import LONGEST_NAME, POINTER, POINTER_BYTES, Omissions, clean_path, too_large
from bigcode_sources.rows import SCHEMA

KEYS = ("host", "owner", "repository", "revision", "path")

# Any path that `clean_path` would refuse or change, and some that it would not.
_SUSPECT = r"[\x00-\x1f\x7f-\x{9f}\\]|^/|^[A-Za-z]:|//|/$|(^|/)\.{1,2}(/|$)|^$"

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(slots=True)
class Sieve:
    """Takes batches of rows and keeps those that are text files with safe names; the first of two with one key.

    A batch has the columns of `rows.SCHEMA`, none null; `path` is binary and as the source says it.
    """

    omissions: Omissions
    pointers: bool = True
    """Whether pointers of Git LFS are kept."""
    most_bytes: int = 2**33
    _held: int = 0
    _keys: list[pa.Array] = field(default_factory=list)
    _taken: list[Mask] = field(default_factory=list)
    _kept: list[pa.RecordBatch] = field(default_factory=list)

    def take(self, batch: pa.RecordBatch) -> None:
        """Check a batch; what is left out is counted in the omissions.

        Raises:
            TooLarge: when all batches together hold more than `most_bytes` of text.
        """
        self._held += batch.column("content").nbytes
        if self._held > self.most_bytes:
            # A few kilobytes of Parquet can stand for any number of rows.
            raise too_large(f"{self.omissions.source}: it holds more than {self.most_bytes} bytes of text")
        paths = self._clean(batch.column("path"))
        batch = batch.set_column(batch.schema.get_field_index("path"), "path", paths)
        if paths.null_count:
            batch = batch.filter(paths.is_valid())
        if not batch.num_rows:
            return
        taken = self._texts(batch.column("content"))
        self._keys.append(pc.binary_join_element_wise(*(batch.column(name) for name in KEYS), "\0"))
        self._taken.append(taken)
        self._kept.append(batch if taken.all() else batch.filter(pa.array(taken)))

    def table(self) -> pa.Table:
        """All rows that were taken, in the order in which they came: text is moved once, when it is read."""
        if not self._keys:
            return SCHEMA.empty_table()
        taken = np.concatenate(self._taken)
        first = self._first(pa.concat_arrays(self._keys))
        rows = pa.Table.from_batches(self._kept)
        return (rows if first.all() else rows.filter(pa.array(first[taken]))).cast(SCHEMA)

    def _first(self, keys: pa.Array) -> Mask:
        found = pc.dictionary_encode(keys)
        mask = np.ones(len(keys), bool)
        if len(found.dictionary) < len(keys):
            mask[:] = False
            mask[np.unique(found.indices.to_numpy(), return_index=True)[1]] = True
            for key in keys.filter(pa.array(~mask)).to_pylist():
                path = key.rpartition("\0")[2]
                self.omissions.refuse(path, "an earlier row has this path", "repeated-path")
        return mask

    def _clean(self, paths: pa.BinaryArray) -> pa.StringArray:
        """Clean paths, null where one is refused."""
        texts = as_text(paths)
        suspect = pc.or_(
            pc.match_substring_regex(texts, _SUSPECT),
            pc.greater(pc.binary_length(texts), LONGEST_NAME),
        )
        odd = np.flatnonzero(pc.fill_null(suspect, True).to_numpy(zero_copy_only=False))
        if not len(odd):
            return texts
        values = texts.to_pylist()
        for index in odd.tolist():
            name = values[index]
            if name is None:
                name = paths[index].as_py().decode(errors="surrogateescape")
            try:
                values[index] = clean_path(name)
            except ValueError as reason:
                values[index] = None
                self.omissions.refuse(name, str(reason))
        return pa.array(values, pa.string())

    def _texts(self, contents: pa.BinaryArray) -> Mask:
        sizes = pc.binary_length(contents).to_numpy()
        taken = sizes <= self.omissions.file_bytes
        self.omissions.large += len(taken) - int(taken.sum())
        text = ~bad_texts(contents if taken.all() else contents.filter(pa.array(taken)))
        self.omissions.unreadable += len(text) - int(text.sum())
        taken[taken] = text
        if not self.pointers:
            pointer = (sizes < POINTER_BYTES) & taken
            pointer[pointer] = pc.starts_with(contents.filter(pa.array(pointer)), POINTER).to_numpy(
                zero_copy_only=False
            )
            self.omissions.pointers += int(pointer.sum())
            taken &= ~pointer
        return taken


def as_text(values: pa.BinaryArray) -> pa.StringArray:
    """The same as text, null where a value is not UTF-8."""
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        keep = ~_not_utf8(values)
        return pc.if_else(pa.array(keep), values, pa.scalar(None, pa.binary())).cast(pa.string())


def bad_texts(contents: pa.BinaryArray) -> Mask:
    """Where a value is not UTF-8 or holds NUL."""
    return _not_utf8(contents) | _with_nul(contents)


def _with_nul(contents: pa.BinaryArray) -> Mask:
    found = np.zeros(len(contents), bool)
    offsets, data = _parts(contents)
    if not data.size or data.min():
        return found
    # A segment of `reduceat` cannot be empty.
    filled = np.flatnonzero(np.diff(offsets))
    found[filled] = np.minimum.reduceat(data, offsets[filled] - offsets[0]) == 0
    return found


def _not_utf8(values: pa.BinaryArray) -> Mask:
    """Halves that hold a bad value are halved again, so that good ones cost one pass."""
    found = np.zeros(len(values), bool)
    todo = [(0, len(values))]
    while todo:
        start, size = todo.pop()
        try:
            values.slice(start, size).cast(pa.string())
        except pa.ArrowInvalid:
            if size == 1:
                found[start] = True
            else:
                todo += [(start, size // 2), (start + size // 2, size - size // 2)]
    return found


def _parts(values: pa.BinaryArray) -> tuple[np.ndarray, np.ndarray]:
    """The offsets of a binary array, and the bytes between the first and the last of them."""
    _, offsets, data = values.buffers()
    if not len(values):
        return np.zeros(1, np.int32), np.zeros(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    held = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
    return bounds, held[bounds[0] : bounds[-1]]
