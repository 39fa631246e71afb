"""How fast token shards are encoded: `python benchmarks/encoding.py [--megabytes N] [--runs N] [--json]`.

A tokenizer is trained on a part of the Python files that this environment has installed, and other files are encoded
literally, on one core, by each of the arms in turn, run after run; the median of CPU seconds counts. An arm whose ids
differ from those of the tokenizers library is worth nothing and ends the run. `shards` is all that `train.tokens` does:
it reads a parquet file, encodes, marks pre-tokens, checks one document in 256 and writes. `tiktoken`, where installed,
has the same merges and the expression that splits as the tokenizer does. Warm arms have seen the text once before.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

# The library's threads are told of before it is loaded.
os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from kernels import read_corpus

from bigcode.testing.context import JobContext
from bigcode_train.config import TokensConfig
from bigcode_train.tokens.bpe import save_tokenizer, train_bpe
from bigcode_train.tokens.encoder import load_reference, make_encoder, read_form
from bigcode_train.tokens.token_files import open_folder
from bigcode_train.tokens.writer import TokenWriter

TARGET = 8
"""MB/s a core."""
SPECIAL = ("<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<filename>")
STAR = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?=\p{N})|\s+(?!\S)|\s+"
Ids = list[int]


def make_arms(path: Path, texts: Sequence[str]) -> dict[str, Callable[[], Ids]]:
    """Each gives the ids of all texts in a row."""
    reference = load_reference(path)
    contents = [text.encode() for text in texts]
    warm = make_encoder(path)
    arms: dict[str, Callable[[], Ids]] = {
        "encode_batch": lambda: _flat(e.ids for e in reference.encode_batch(texts, add_special_tokens=False)),
        "encode_batch_fast": lambda: _flat(
            e.ids for e in reference.encode_batch_fast(texts, add_special_tokens=False)
        ),
        "ours, cold": lambda: make_encoder(path, reference).encode(contents).ids.tolist(),
        "ours, warm": lambda: warm.encode(contents).ids.tolist(),
    }
    if ranks := load_tiktoken(path):
        arms["tiktoken"] = lambda: _flat(ranks.encode_ordinary_batch(texts, num_threads=1))
    return arms


def load_tiktoken(path: Path) -> Any:
    """The same merges in tiktoken; None where it is not installed."""
    try:
        import tiktoken
    except ImportError:
        return None
    form = read_form(json.loads(path.read_text(encoding="utf-8")))
    if form is None:
        return None
    texts = {int(number): bytes([byte]) for byte, number in enumerate(form.byte_ids)}
    for left, right, made in form.merges.tolist():
        texts[made] = texts[left] + texts[right]
    return tiktoken.Encoding(
        "ours", pat_str=STAR, mergeable_ranks={text: n for n, text in texts.items()}, special_tokens={}
    )


def write_shards(folder: Path, tokenizer: Path) -> float:
    """CPU seconds of the component, from parquet to token shards, on one thread."""
    config = TokensConfig(threads=1)
    inputs = {"data": {"a.parquet": folder / "a.parquet"}, "tokenizer": {"tokenizer.json": tokenizer}}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        job = JobContext(config, Path(scratch), {"seed": 0, "source": ""}, inputs)
        started = time.process_time()
        TokenWriter(config).run(job)
        spent = time.process_time() - started
        open_folder({path.name: path for path in (job.out / "tokens").iterdir()})
    return spent


def _flat(parts: Any) -> Ids:
    return [number for part in parts for number in part]


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the encoding of token shards.")
    parser.add_argument("--megabytes", type=int, default=16)
    parser.add_argument("--vocabulary", type=int, default=16_384)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    corpus = read_corpus(2 * given.megabytes * 1_000_000)["content"].to_pylist()
    texts = [content.decode(errors="replace") for content in corpus]
    half = next(i for i, size in enumerate(accumulate(map(len, texts))) if size > given.megabytes * 1_000_000)
    train, measured = texts[half:], texts[:half]
    size = sum(len(text.encode()) for text in measured) / 1e6
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_tokenizer(train_bpe(train, given.vocabulary, SPECIAL, 2), SPECIAL, folder)
        pq.write_table(pa.table({"content": measured, "language": ["Python"] * half}), folder / "a.parquet")
        arms = make_arms(folder / "tokenizer.json", measured)
        expected = np.array(arms["encode_batch"]())
        for arm, encode in arms.items():
            if not np.array_equal(np.array(encode()), expected):
                raise SystemExit(f"{arm}: other ids than the tokenizer")
        for _ in range(given.runs):
            for arm, encode in arms.items():
                started = time.process_time()
                encode()
                seconds.setdefault(arm, []).append(time.process_time() - started)
            seconds.setdefault("shards", []).append(write_shards(folder, folder / "tokenizer.json"))
    speed = {arm: size / statistics.median(spent) for arm, spent in seconds.items()}
    spread = {arm: max(spent) / min(spent) for arm, spent in seconds.items()}
    result = {
        arm: {
            "mb_s": round(mb_s, 2),
            "ratio": round(mb_s / speed["encode_batch_fast"], 1),
            "spread": round(spread[arm], 2),
        }
        for arm, mb_s in speed.items()
    }
    if given.json:
        print(json.dumps({"megabytes": round(size, 1), "tokens": len(expected), "arms": result}))
        return 0
    print(f"{size:.1f} MB of Python, {len(expected):,} tokens, vocabulary {given.vocabulary:,}, one core")
    print(f"{'arm':20} {'MB/s':>8} {'ratio':>7} {'spread':>7}")
    for arm, row in result.items():
        print(f"{arm:20} {row['mb_s']:8.2f} {row['ratio']:7.1f} {row['spread']:7.2f}")
    return 0 if result["shards"]["mb_s"] >= TARGET else 1


if __name__ == "__main__":
    raise SystemExit(main())
