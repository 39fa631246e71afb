"""rensa: signatures in Rust for batches of shingles that Python makes; then bands and components for the judge."""

from __future__ import annotations

from common import (
    BANDS,
    PERMUTATIONS,
    ROWS,
    Stopwatch,
    arguments,
    connect,
    file_id,
    passes,
    read_rows,
    report,
    shingles,
    write_kept,
)
from rensa import RMinHash

BATCH = 256
"""Files signed in one call."""


def main() -> None:
    corpus, out, _ = arguments()
    ids: list[str] = []
    short: list[str] = []
    bands: list[list[tuple[int, ...]]] = []
    waiting: list[set[str]] = []
    size, watch = 0, Stopwatch()

    def sign() -> None:
        watch.start()
        signatures = RMinHash.digest_matrix_from_token_sets(waiting, PERMUTATIONS, 42).to_rows()
        watch.stop()
        for values in signatures:
            bands.append([tuple(values[i * ROWS : (i + 1) * ROWS]) for i in range(BANDS)])
        waiting.clear()

    for row in read_rows(corpus):
        if not passes(row["content"]):
            continue
        watch.start()
        found = shingles(row["content"])
        watch.stop()
        size += len(row["content"].encode())
        if not found:
            short.append(file_id(row))
            continue
        ids.append(file_id(row))
        waiting.append(found)
        if len(waiting) == BATCH:
            sign()
    if waiting:
        sign()
    first = connect(bands)
    write_kept(out, [name for index, name in enumerate(ids) if first[index] == index] + short)
    report(out, signed_mb=size / 1e6, signing_cpu_s=round(watch.seconds, 3))


if __name__ == "__main__":
    main()
