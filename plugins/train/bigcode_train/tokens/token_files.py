"""The format of token shards, in one folder:

- `tokens.bin`: the ids of all documents one after the other, little endian, uint16 or uint32, each document closed by
  the end-of-text token.
- `marks.bin`: one bit a token, the lowest bit of a byte first; a set bit says that the token begins a pre-token.
- `offsets.npy`: int64, documents + 1: document `i` takes the tokens from `offsets[i]` to `offsets[i + 1]`.
- `languages.npy`: uint16, a document each, into the header's `languages_list`.
- `origins.npy`: int64, a document each: the number of its shard in the header's `shards` times 2**40, plus its row.
- `pieces.npy`: uint8 [pieces, 16], BLAKE2b of each `PIECE` tokens: the bytes of their ids, then of their marks.
- `header.json`: says what was encoded, names the tokenizer by the digest of its `tokenizer.json`, and holds size and
  BLAKE2b of the files above but the first two, which are known by their pieces.

Format 1 has `tokens.bin`, `offsets.npy` and a header without digests; it is read, and cannot be checked.
"""

from __future__ import annotations

import itertools
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigcode.api import Problem, ProcessContext, fail

FORMAT = 2
TOKENS, MARKS, OFFSETS, LANGUAGES = "tokens.bin", "marks.bin", "offsets.npy", "languages.npy"
ORIGINS, PIECES, HEADER = "origins.npy", "pieces.npy", "header.json"
PIECE = 2**19
"""Tokens whose ids and marks have one digest: a mebibyte of 16-bit ids, a few milliseconds to check."""
ROW_BITS = 40
_CHECKED_AT_ONCE = 256
"""Pieces up to which token shards are checked when they are opened; of more, each when it is first read."""


@dataclass(frozen=True, slots=True)
class TokenFiles:
    """Token shards that were opened.

    `ids` is uint16 or uint32, `marks` uint8 (packed), `offsets` and `origins` int64, `languages` uint16, `pieces` uint8
    [n, 16]: all stay on disk, mapped. All but ids and offsets are None in format 1.
    """

    ids: NDArray[Any]
    offsets: NDArray[np.int64]
    header: Mapping[str, Any]
    marks: NDArray[np.uint8] | None = None
    languages: NDArray[np.uint16] | None = None
    origins: NDArray[np.int64] | None = None
    pieces: NDArray[np.uint8] | None = None
    checked: bytearray = field(default_factory=bytearray, repr=False, compare=False)
    """One byte a piece: whether its digest was compared."""

    @property
    def documents(self) -> int:
        return len(self.offsets) - 1

    @property
    def source(self) -> str:
        """The name of the source in its model; empty where there is one source."""
        return str(self.header.get("source", ""))

    def place(self, document: int) -> str:
        """The shard of the dataset and the row in it that a document came from."""
        if self.origins is None:
            starts = [first for first, _ in self.header["shards"]]
            first, name = self.header["shards"][bisect_right(starts, document) - 1]
            return f"{name}:{document - first}"
        shard, row = divmod(int(self.origins[document]), 1 << ROW_BITS)
        return f"{self.header['shards'][shard]}:{row}"

    def language(self, document: int) -> str:
        """The language of a document; empty in format 1."""
        return "" if self.languages is None else self.header["languages_list"][self.languages[document]]

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """The ids of tokens `start` to `stop`, checked: `ids` alone is what the disk says.

        Raises:
            Problem: E812 when a piece of them does not have its digest.
        """
        self.check(start, stop)
        return self.ids[start:stop]

    def starts(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Whether each of the tokens `start` to `stop` begins a pre-token; not for format 1."""
        if self.marks is None:
            raise fail("E812", f"token shards{_named(self.header)} hold no marks", hint=_HINT)
        self.check(start, stop)
        first = start // 8
        bits = np.unpackbits(self.marks[first : -(-stop // 8)], bitorder="little")
        return bits[start - 8 * first : stop - 8 * first].view(np.bool_)

    def check(self, start: int, stop: int) -> None:
        """Compare the digests of the pieces that hold tokens `start` to `stop`, each once.

        Raises:
            Problem: E812 when one differs; it names the documents in it.
        """
        if self.pieces is None or self.marks is None or stop <= start:
            return
        for piece in range(start // PIECE, (stop - 1) // PIECE + 1):
            if self.checked[piece]:
                continue
            first, last = piece * PIECE, min((piece + 1) * PIECE, len(self.ids))
            found = digest_piece(self.ids[first:last], self.marks[first // 8 : -(-last // 8)])
            if found != self.pieces[piece].tobytes():
                raise self._altered(first, last)
            self.checked[piece] = 1

    def _altered(self, first: int, last: int) -> Problem:
        held = np.searchsorted(self.offsets, [first, last - 1], "right") - 1
        places = [self.place(int(document)) for document in held]
        return fail(
            "E812",
            f"token shards{_named(self.header)} are altered: `{TOKENS}` or `{MARKS}` at tokens {first} to {last - 1}, "
            f"documents {places[0]} to {places[1]}",
            hint=_HINT,
        )


_HINT = "Run `bigcode apply` again: an object that does not match its digest is put aside and made anew."


def dtype_for(vocabulary: int) -> np.dtype[Any]:
    """The smallest type that holds all ids of a vocabulary."""
    return np.dtype("<u2" if vocabulary <= 2**16 else "<u4")


def digest_piece(ids: NDArray[Any], marks: NDArray[np.uint8]) -> bytes:
    """BLAKE2b (128 bits) of a piece: bytes of its ids as they are stored, then of its packed marks."""
    digest = blake2b(np.ascontiguousarray(ids).data, digest_size=16)
    digest.update(np.ascontiguousarray(marks).data)
    return digest.digest()


def open_sources(ctx: ProcessContext) -> list[TokenFiles]:
    """The token shards of a model's sources, the inputs `tokens.0`, `tokens.1` ..., in their order.

    Raises:
        Problem: E805 when one was made with another tokenizer than the input `tokenizer`, E812 when one is altered,
            E511 when it has a format that is not known, E707 when there is none or one without a token.
    """
    digest = next((e.digest for e in ctx.entries("tokenizer") if Path(e.name).name == "tokenizer.json"), "")
    found = []
    for number in itertools.count():
        if not ctx.entries(f"tokens.{number}"):
            break
        files = open_tokens(ctx, f"tokens.{number}")
        made_with = files.header["tokenizer"]
        if digest != made_with:
            raise fail(
                "E805",
                f"token shards{_named(files.header)} were made with tokenizer {made_with[:12]}, not "
                f"{digest[:12] or '(none)'}",
                hint="Apply again: both follow from the specs.",
            )
        if not len(files.ids):
            raise fail("E707", f"token shards{_named(files.header)} hold no token")
        found.append(files)
    if not found:
        raise fail(
            "E707", "there are no token shards to train on", hint="Name a dataset in the model's `data`."
        )
    return found


def open_tokens(ctx: ProcessContext, name: str = "tokens.0") -> TokenFiles:
    """Open the token shards of one input; ids and marks stay on disk.

    Raises:
        Problem: E812 when a file is missing, cut or altered, E511 when the format is not known.
    """
    return open_folder({Path(entry.name).name: ctx.path(entry) for entry in ctx.entries(name)})


def open_folder(paths: Mapping[str, Path]) -> TokenFiles:
    """Open token shards whose files lie at `paths`, by their names."""
    try:
        header = json.loads(paths[HEADER].read_text(encoding="utf-8"))
        form, dtype = header["format"], np.dtype(header["dtype"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise fail("E812", f"the `{HEADER}` of token shards cannot be read: {error}", hint=_HINT) from None
    if form not in (1, FORMAT):
        raise fail("E511", f"token shards{_named(header)} have format {form}; {FORMAT} is the newest known")
    sizes = {TOKENS: header["tokens"] * dtype.itemsize}
    if form == FORMAT:
        sizes |= {MARKS: -(-header["tokens"] // 8)} | {
            name: f["bytes"] for name, f in header["files"].items()
        }
    for name, size in sizes.items():
        path = paths.get(name)
        found = path.stat().st_size if path is not None and path.is_file() else None
        if found != size:
            what = "is missing" if found is None else f"has {found} bytes and should have {size}"
            raise fail("E812", f"token shards{_named(header)} are altered: `{name}` {what}", hint=_HINT)
    ids = _map(paths[TOKENS], dtype)
    if form == 1:
        return TokenFiles(ids, np.load(paths[OFFSETS]), header)
    for name, said in header["files"].items():
        if describe_file(paths[name]) != said:
            message = f"token shards{_named(header)} are altered: `{name}` does not have its digest"
            raise fail("E812", message, hint=_HINT)
    offsets, languages, origins, pieces = (
        np.asarray(np.load(paths[name], mmap_mode="r")) for name in (OFFSETS, LANGUAGES, ORIGINS, PIECES)
    )
    marks = _map(paths[MARKS], np.dtype(np.uint8))
    files = TokenFiles(ids, offsets, header, marks, languages, origins, pieces, bytearray(len(pieces)))
    if len(pieces) <= _CHECKED_AT_ONCE:
        files.check(0, len(ids))
    return files


def _map(path: Path, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A memory map as a plain array, whose parts are made faster; an empty file cannot be mapped."""
    return np.asarray(np.memmap(path, dtype, "r")) if path.stat().st_size else np.zeros(0, dtype)


def describe_file(path: Path) -> dict[str, Any]:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return {"bytes": path.stat().st_size, "blake2b": digest.hexdigest()}


def _named(header: Mapping[str, Any]) -> str:
    source = header.get("source", "")
    return f" of `{source}`" if source else ""
