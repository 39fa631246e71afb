"""What repositories themselves ask for: declarations that their code is not to be used for training."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

REASON = "optout.signal"
_HOME = ("host", "owner", "repository", "revision")


def match(table: pa.Table) -> pa.Array:
    """`optout.signal` for each row that a declaration of its own repository covers, else an empty string.

    Args:
        table: host, owner, repository, revision, path, and signals: list of struct with says (`deny`, `allow` or
            `unclear`) and pattern (a glob of paths, empty for the whole repository).
    """
    signals = table["signals"].combine_chunks()
    declaring = np.flatnonzero(pc.greater(pc.list_value_length(signals), 0).to_numpy(zero_copy_only=False))
    out = np.zeros(table.num_rows, bool)
    if len(declaring):
        homes = pc.dictionary_encode(
            pc.binary_join_element_wise(*(table[n].combine_chunks() for n in _HOME), "\0")
        )
        codes = homes.indices.to_numpy()
        patterns: dict[int, set[str]] = {}
        for row in declaring.tolist():
            for signal in signals[row].as_py():
                if signal["says"] == "deny":
                    patterns.setdefault(int(codes[row]), set()).add(signal["pattern"])
        for home, named in patterns.items():
            rows = np.flatnonzero(codes == home)
            if "" in named:
                out[rows] = True
                continue
            paths = table["path"].take(pa.array(rows)).to_pylist()
            out[rows] = [any(_glob(p).search(path) for p in named) for path in paths]
    return pc.if_else(pa.array(out), REASON, "")


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    """A pattern as `.gitattributes` has it: without a slash it is about names at any depth."""
    anchored = "/" in pattern.rstrip("/")
    body = re.escape(pattern.strip("/"))
    body = (
        body.replace(r"\*\*/", "(?:.*/)?")
        .replace(r"\*\*", ".*")
        .replace(r"\*", "[^/]*")
        .replace(r"\?", "[^/]")
    )
    return re.compile(("^" if anchored else "(?:^|/)") + body + "(?:$|/)")
