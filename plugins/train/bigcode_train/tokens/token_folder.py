"""Writes token shards; `token_files` tells the format and reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigcode_train.tokens.token_files import (
    FORMAT,
    HEADER,
    LANGUAGES,
    MARKS,
    OFFSETS,
    ORIGINS,
    PIECE,
    PIECES,
    TOKENS,
    describe_file,
    digest_piece,
)


class TokenFolder:
    """Writes token shards into a folder, batch by batch; nothing but two numbers a document stays in memory."""

    def __init__(self, folder: Path, dtype: np.dtype[Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.dtype = dtype
        self.tokens = 0
        self.languages_list: dict[str, int] = {}
        self._tokens = (folder / TOKENS).open("wb")
        self._marks = (folder / MARKS).open("wb")
        self._held: list[tuple[NDArray[Any], NDArray[np.bool_]]] = []
        self._waiting = 0
        self._pieces: list[bytes] = []
        self._columns: list[tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.int64]]] = []

    def add(
        self,
        ids: NDArray[Any],
        starts: NDArray[np.bool_],
        lengths: NDArray[np.int64],
        languages: Sequence[str],
        origins: NDArray[np.int64],
    ) -> None:
        """Add documents: ids and marks of all of them in a row, each with its end-of-text token."""
        known = self.languages_list
        numbers = [known.setdefault(name, len(known)) for name in languages]
        self._columns.append((lengths, np.asarray(numbers, np.uint16), origins))
        self._held.append((ids.astype(self.dtype, copy=False), starts))
        self._waiting += len(ids)
        self.tokens += len(ids)
        if self._waiting >= PIECE:
            self._flush(PIECE)

    def close(self, header: Mapping[str, Any]) -> dict[str, Any]:
        """Write what is left, the arrays and the header, which is returned."""
        self._flush(1)
        self._tokens.close()
        self._marks.close()
        empty = (np.zeros(0, np.int64), np.zeros(0, np.uint16), np.zeros(0, np.int64))
        lengths, languages, origins = map(np.concatenate, zip(empty, *self._columns, strict=True))
        offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        pieces = np.frombuffer(b"".join(self._pieces), np.uint8).reshape(-1, 16)
        arrays = {OFFSETS: offsets, LANGUAGES: languages, ORIGINS: origins, PIECES: pieces}
        said: dict[str, Any] = {
            **header,
            "format": FORMAT,
            "dtype": self.dtype.str,
            "tokens": self.tokens,
            "documents": len(lengths),
            "languages_list": list(self.languages_list),
            "files": {},
        }
        for name, array in arrays.items():
            np.save(self.folder / name, array)
            said["files"][name] = describe_file(self.folder / name)
        text = json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False)
        (self.folder / HEADER).write_text(text + "\n", encoding="utf-8")
        return said

    def _flush(self, least: int) -> None:
        """Write whole pieces, and the rest too where `least` is one."""
        if not self._held:
            return
        ids, starts = (np.concatenate(part) for part in zip(*self._held, strict=True))
        first = 0
        while len(ids) - first >= least:
            part = ids[first : first + PIECE]
            marks = np.packbits(starts[first : first + PIECE], bitorder="little")
            self._tokens.write(part.tobytes())
            self._marks.write(marks.tobytes())
            self._pieces.append(digest_piece(part, marks))
            first += len(part)
        self._held = [(ids[first:], starts[first:])] if first < len(ids) else []
        self._waiting = len(ids) - first
