"""datasketch: `affine32` signatures file by file, as its users write it; then bands and components for the judge."""

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
from datasketch import MinHash


def main() -> None:
    corpus, out, _ = arguments()
    ids: list[str] = []
    short: list[str] = []
    bands: list[list[bytes]] = []
    size, watch = 0, Stopwatch()
    for row in read_rows(corpus):
        if not passes(row["content"]):
            continue
        watch.start()
        found = shingles(row["content"])
        signature = MinHash(num_perm=PERMUTATIONS, scheme="affine32")
        if found:
            signature.update_batch([shingle.encode() for shingle in found])
        watch.stop()
        size += len(row["content"].encode())
        if not found:
            short.append(file_id(row))
            continue
        ids.append(file_id(row))
        values = signature.hashvalues
        bands.append([values[i * ROWS : (i + 1) * ROWS].tobytes() for i in range(BANDS)])
    first = connect(bands)
    write_kept(out, [name for index, name in enumerate(ids) if first[index] == index] + short)
    report(out, signed_mb=size / 1e6, signing_cpu_s=round(watch.seconds, 3))


if __name__ == "__main__":
    main()
