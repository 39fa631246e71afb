"""text-dedup, read to write, with its own words (Unicode, lower case), in which it differs from all others here.

0.4.0 believes its bands. 0.4.1, which needs Python 3.12, is run with `check_false_positive`: it is the one peer that
verifies. Both leave out files of fewer than five words.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from common import (
    BANDS,
    NGRAM,
    PERMUTATIONS,
    ROWS,
    THRESHOLD,
    arguments,
    file_id,
    passes,
    read_rows,
    write_kept,
)

SCHEMA = pa.schema([("id", pa.string()), ("content", pa.string())])


def filtered(corpus: Path, path: Path) -> None:
    """Write the rows that pass the filters as one table."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as sink:
        rows: list[dict[str, str]] = []
        for row in read_rows(corpus):
            if passes(row["content"]):
                rows.append({"id": file_id(row), "content": row["content"]})
            if len(rows) == 1000:
                sink.write_table(pa.Table.from_pylist(rows, SCHEMA))
                rows = []
        if rows:
            sink.write_table(pa.Table.from_pylist(rows, SCHEMA))


def run_unchecked(source: Path, out: Path, workers: int) -> None:
    options = {
        "path": "parquet", "data_files": source, "split": "train", "cache_dir": out / "cache",
        "output": out / "result", "column": "content", "num_proc": workers, "ngram": NGRAM, "num_perm": PERMUTATIONS,
        "threshold": THRESHOLD, "b": BANDS, "r": ROWS, "batch_size": 10_000,
    }  # fmt: skip
    command = [sys.executable, "-m", "text_dedup.minhash"]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    subprocess.run(command, check=True)


def run_checked(source: Path, out: Path, workers: int) -> None:
    import json

    from text_dedup.config.base import load_config_from_toml
    from text_dedup.minhash import main as deduplicate

    sections = {
        "input": {"input_type": "local_files", "file_type": "parquet"},
        "input.read_arguments": {
            "path": "parquet", "data_files": str(source), "split": "train", "cache_dir": str(out / "cache"),
        },
        "algorithm": {
            "algorithm_name": "minhash", "text_column": "content", "num_perm": PERMUTATIONS, "ngram_size": NGRAM,
            "threshold": THRESHOLD, "bands": BANDS, "rows": ROWS, "num_proc": workers, "check_false_positive": True,
        },
        "output": {"output_dir": str(out / "result")},
        "debug": {},
    }  # fmt: skip
    # A string, a number or a list of JSON is one of TOML too.
    text = "".join(
        f"[{section}]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        for section, values in sections.items()
    )
    config = out / "config.toml"
    config.write_text(text)
    deduplicate(load_config_from_toml(config))


def kept_ids(folder: Path) -> list[str]:
    ids: list[str] = []
    for path in sorted(folder.glob("*.arrow")):
        with pa.memory_map(str(path)) as source:
            for batch in pa.ipc.open_stream(source):
                ids += batch.column("id").to_pylist()
    return ids


def main() -> None:
    corpus, out, workers = arguments()
    source = out / "good.parquet"
    filtered(corpus, source)
    checked = version("text-dedup") != "0.4.0"
    (run_checked if checked else run_unchecked)(source, out, workers)
    write_kept(out, kept_ids(out / "result"))


if __name__ == "__main__":
    main()
