"""The format of token shards: `tokens.bin`, `offsets.npy` and `header.json` in one folder.

`tokens.bin` holds the ids of all documents one after the other, little endian, uint16 or uint32, each document
closed by the end-of-text token. `offsets.npy` is int64 of length documents + 1: document `i` takes the tokens
from `offsets[i]` to `offsets[i + 1]`. The header names the tokenizer by the digest of its `tokenizer.json`.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigcode.api import ProcessContext

TOKENS, OFFSETS, HEADER = "tokens.bin", "offsets.npy", "header.json"


@dataclass(frozen=True, slots=True)
class TokenFiles:
    """Token shards that were opened: ids uint16 or uint32 (a memory map), offsets int64, and the header."""

    ids: NDArray[Any]
    offsets: NDArray[np.int64]
    header: Mapping[str, Any]

    @property
    def documents(self) -> int:
        return len(self.offsets) - 1

    def place(self, document: int) -> str:
        """The shard of the dataset and the row in it that a document came from."""
        starts = [first for first, _ in self.header["shards"]]
        first, name = self.header["shards"][bisect_right(starts, document) - 1]
        return f"{name}:{document - first}"


def dtype_for(vocabulary: int) -> np.dtype[Any]:
    """The smallest type that holds all ids of a vocabulary."""
    return np.dtype("<u2" if vocabulary <= 2**16 else "<u4")


def write_tokens(
    folder: Path, documents: Iterable[list[int]], end: int, dtype: np.dtype[Any]
) -> NDArray[np.int64]:
    """Write ids and offsets; `end` is put after each document. Returns the lengths of documents, `end` included."""
    folder.mkdir(parents=True, exist_ok=True)
    lengths: list[int] = []
    with (folder / TOKENS).open("wb") as file:
        for ids in documents:
            file.write(np.asarray([*ids, end], dtype).tobytes())
            lengths.append(len(ids) + 1)
    sizes = np.asarray(lengths, np.int64)
    np.save(folder / OFFSETS, np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes))))
    return sizes


def write_header(folder: Path, header: Mapping[str, Any]) -> None:
    text = json.dumps(header, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / HEADER).write_text(text + "\n", encoding="utf-8")


def open_tokens(ctx: ProcessContext) -> TokenFiles:
    """Open the input `tokens`; ids stay on disk."""
    paths = {Path(entry.name).name: ctx.path(entry) for entry in ctx.entries("tokens")}
    header = json.loads(paths[HEADER].read_text(encoding="utf-8"))
    ids = np.memmap(paths[TOKENS], np.dtype(header["dtype"]), "r")
    return TokenFiles(ids, np.load(paths[OFFSETS]), header)
