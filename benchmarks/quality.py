"""Judge what a deduplication removed: `python benchmarks/quality.py [DECISIONS...] [--corpus FOLDER] [--sample N]`.

DECISIONS is a `decisions.parquet` of any run, ours or a peer's: columns id and decision (`kept`, `removed`, or anything
else for files that a filter took before). Without any, all runs over the corpus are judged, but for the one that also
judges licences, and the result goes to `quality.json` beside them.

A sample of the files that passed the filters is compared with *all* of them by exact Jaccard similarity of their sets
of five-word shingles; nothing of the project's deduplication is used.

- unjustified: of the removed files, those without any kept file at or over the threshold;
- missed: of the kept files, those with another kept file at or over the threshold.

Files of fewer than ten words are in neither count: they are alike by chance, and the tools treat them differently.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from corpus import CACHE
from scipy import sparse

NGRAM = 5
MIN_WORDS = 10
THRESHOLD = 0.7
CHUNK = 2000
"""Files compared with the sample at a time."""

_WORD = re.compile(rb"[A-Za-z0-9_]+")
_MULTIPLIERS = np.random.default_rng(20261124).integers(1, 2**63, NGRAM, dtype=np.uint64) * np.uint64(
    2
) + np.uint64(1)
Hashes = npt.NDArray[np.uint64]


class Shingler:
    """Sets of shingles. Words become numbers in the order of their first sight, so no two words are confused; five
    numbers become 64 bits, of which two sets of a whole corpus hold an equal pair by chance once in a million runs."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def __call__(self, content: bytes) -> Hashes:
        """Distinct shingles, ascending; empty for a file of fewer than MIN_WORDS words."""
        found = _WORD.findall(content)
        if len(found) < MIN_WORDS:
            return np.empty(0, np.uint64)
        numbers = self._numbers
        ids = np.frombuffer(
            array("Q", [numbers.setdefault(word, len(numbers) + 1) for word in found]), np.uint64
        )
        mixed = _mix(ids)
        count = len(ids) - NGRAM + 1
        total = np.zeros(count, np.uint64)
        for place in range(NGRAM):
            total += mixed[place : place + count] * _MULTIPLIERS[place]
        return np.unique(_mix(total))


def _mix(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014), a bijection."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def read_contents(corpus: Path) -> Iterator[tuple[str, bytes]]:
    for shard in sorted(corpus.glob("*.parquet")):
        for batch in pq.ParquetFile(shard).iter_batches(
            500, columns=["repository", "revision", "path", "content"]
        ):
            for row in batch.to_pylist():
                yield f"{row['repository']}/{row['revision']}/{row['path']}", row["content"].encode()


def sample_of(ids: Sequence[str], size: int) -> set[str]:
    """The same sample for every run over a corpus: the ids of the smallest keyed digests."""
    return set(sorted(ids, key=lambda i: hashlib.sha256(b"sample\0" + i.encode()).digest())[:size])


@dataclass(frozen=True, slots=True)
class Pairs:
    """Similar pairs of a sampled file and any file, both as indices into `ids`; a file is not its own pair."""

    ids: Sequence[str]
    sampled: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]


def find_pairs(corpus: Path, sample: set[str], least: float) -> Pairs:
    """All pairs of a sampled file of MIN_WORDS words or more and a file of the corpus whose similarity is `least` or
    more, by brute force."""
    ids: list[str] = []
    shingler = Shingler()
    sampled: list[int] = []
    sets: list[Hashes] = []
    for index, (name, content) in enumerate(read_contents(corpus)):
        ids.append(name)
        if name in sample:
            found = shingler(content)
            if len(found):
                sampled.append(index)
                sets.append(found)
    vocabulary = np.unique(np.concatenate(sets))
    theirs = _matrix([np.searchsorted(vocabulary, found) for found in sets], len(vocabulary)).T.tocsc()
    sizes = np.array([len(found) for found in sets])
    pieces = []
    chunk: list[npt.NDArray[np.int64]] = []
    chunk_sizes: list[int] = []
    for index, (_, content) in enumerate(read_contents(corpus)):
        found = shingler(content)
        places = np.searchsorted(vocabulary, found)
        places[places == len(vocabulary)] = 0
        chunk.append(places[vocabulary[places] == found])
        chunk_sizes.append(len(found))
        if len(chunk) == CHUNK or index == len(ids) - 1:
            first = index - len(chunk) + 1
            pieces.append(
                _compare(chunk, np.array(chunk_sizes), theirs, sizes, first, np.array(sampled), least)
            )
            chunk, chunk_sizes = [], []
    left, right, similarity = (np.concatenate(part) for part in zip(*pieces, strict=True))
    return Pairs(ids, np.array(sampled), left, right, similarity)


def _compare(
    chunk: Sequence[npt.NDArray[np.int64]],
    chunk_sizes: npt.NDArray[np.int64],
    theirs: Any,
    sizes: npt.NDArray[np.int64],
    first: int,
    sampled: npt.NDArray[np.int64],
    least: float,
) -> tuple[Any, Any, Any]:
    shared = (_matrix(chunk, theirs.shape[0]) @ theirs).tocoo()
    union = chunk_sizes[shared.row] + sizes[shared.col] - shared.data
    similarity = shared.data / union
    good = (similarity >= least) & (shared.row + first != sampled[shared.col])
    return sampled[shared.col[good]], shared.row[good].astype(np.int64) + first, similarity[good]


def _matrix(sets: Sequence[npt.NDArray[np.int64]], width: int) -> Any:
    ends = np.cumsum([0, *(len(found) for found in sets)])
    values = np.ones(ends[-1], np.int32)
    places = np.concatenate(sets) if sets else np.empty(0, np.int64)
    return sparse.csr_matrix((values, places, ends), shape=(len(sets), width))


def judge(pairs: Pairs, decisions: dict[str, str], threshold: float) -> dict[str, Any]:
    """Counts and shares of one run.

    Raises:
        LookupError: when the decisions are those of another corpus.
    """
    if missing := sum(name not in decisions for name in pairs.ids):
        raise LookupError(f"{missing:,} files of the corpus are not in the decisions")
    kept = np.array([decisions[name] == "kept" for name in pairs.ids])
    removed = np.array([decisions[name] == "removed" for name in pairs.ids])
    nearest = np.zeros(len(pairs.ids))
    beside = kept[pairs.right]
    np.maximum.at(nearest, pairs.left[beside], pairs.similarity[beside])
    gone, stays = pairs.sampled[removed[pairs.sampled]], pairs.sampled[kept[pairs.sampled]]
    unjustified = int((nearest[gone] < threshold).sum())
    missed = int((nearest[stays] >= threshold).sum())
    return {
        "kept": int(kept.sum()),
        "removed": int(removed.sum()),
        "sampled_removed": len(gone),
        "sampled_kept": len(stays),
        "unjustified": unjustified,
        "unjustified_share": round(unjustified / max(len(gone), 1), 4),
        "far": int((nearest[gone] < threshold - 0.15).sum()),
        "missed": missed,
        "missed_share": round(missed / max(len(stays), 1), 4),
    }


def read_decisions(path: Path) -> dict[str, str]:
    table = pq.read_table(path, columns=["id", "decision"])
    return dict(zip(table["id"].to_pylist(), table["decision"].to_pylist(), strict=True))


def judge_runs(
    corpus: Path, runs: dict[str, Path], size: int, threshold: float = THRESHOLD
) -> dict[str, Any]:
    """Judgements by run over one sample: of the files that no run's filters took."""
    decisions = {name: read_decisions(path) for name, path in runs.items()}
    judged = [
        name
        for name in next(iter(decisions.values()))
        if all(found.get(name) in ("kept", "removed") for found in decisions.values())
    ]
    pairs = find_pairs(corpus, sample_of(judged, size), threshold - 0.15)
    return {name: judge(pairs, found, threshold) for name, found in decisions.items()}


def all_runs(folder: Path) -> dict[str, Path]:
    """The decisions below a folder of runs by run, of those that did the same work."""
    found = {path.parent.name: path for path in sorted(folder.glob("*/decisions.parquet"))}
    return {name: path for name, path in found.items() if name != "ours-judged"}


def main() -> int:
    parser = argparse.ArgumentParser(description="Judge deduplication by exact similarity.")
    parser.add_argument("decisions", nargs="*", type=Path)
    parser.add_argument("--corpus", type=Path, default=CACHE / "corpus" / "XS")
    parser.add_argument("--into", type=Path, default=CACHE / "runs")
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    options = parser.parse_args()
    folder = options.into / options.corpus.name
    runs = {path.parent.name: path for path in options.decisions} or all_runs(folder)
    if not runs:
        parser.error(f"there are no decisions below {folder}")
    found = judge_runs(options.corpus, runs, options.sample, options.threshold)
    if not options.decisions:
        (folder / "quality.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
