"""Signals of files whose place makes them a declaration; of all others nothing but the path is looked at."""

from __future__ import annotations

import re
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api import Context
from bigcode_optout.config import SignalsConfig
from bigcode_optout.declarations import PLACES, read_declarations

SIGNAL = pa.struct([(name, pa.string()) for name in ("kind", "says", "text", "digest", "pattern")])
LONGEST = 500
"""Characters of a declaration that are kept."""
MOST = 1 << 16
"""Bytes of a file that are read."""
_ADDRESS = re.compile(r"[^\s<>\"']+@[^\s<>\"']+\.[^\s<>\"']+")


class Signals:
    """`text` is what was observed, cut and without addresses; `digest` the SHA-256 of all of it."""

    def __init__(self, config: SignalsConfig) -> None:
        self.config = config
        self.places = {kind: re.compile(PLACES[kind], re.IGNORECASE) for kind in config.kinds}
        self.gate = "|".join(f"(?:{PLACES[kind]})" for kind in config.kinds)

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """blob, path, content -> blob, path, signals."""
        paths = table["path"].combine_chunks()
        found = np.zeros(table.num_rows, bool)
        if self.gate:
            found = pc.match_substring_regex(paths, self.gate, ignore_case=True).to_numpy(
                zero_copy_only=False
            )
        rows = np.flatnonzero(found)
        signals = [
            self._read(path, content)
            for path, content in zip(
                paths.take(pa.array(rows)).to_pylist(),
                table["content"].take(pa.array(rows)).to_pylist(),
                strict=True,
            )
        ]
        counts = np.zeros(table.num_rows, np.int32)
        counts[rows] = [len(some) for some in signals]
        offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
        values = pa.array([signal for some in signals for signal in some], SIGNAL)
        column = pa.ListArray.from_arrays(offsets, values)
        return pa.table({"blob": table["blob"], "path": table["path"], "signals": column})

    def _read(self, path: str, content: bytes) -> list[dict[str, str]]:
        text = content[:MOST].decode("utf-8", "replace").removeprefix("\ufeff")
        return [
            {
                "kind": kind,
                "says": said.says,
                "text": _ADDRESS.sub("<address>", said.text)[:LONGEST],
                "digest": sha256(said.text.encode()).hexdigest(),
                "pattern": said.pattern,
            }
            for kind, place in self.places.items()
            if place.search(path)
            for said in read_declarations(kind, path, text, self.config)
        ]
