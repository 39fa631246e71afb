"""How fast middles are moved: `python benchmarks/fim.py [--megabytes N] [--runs N] [--width N] [--json]`.

Documents are Python files of this environment, as tokens of a tokenizer trained on a part of them. `decode and encode`
is what the loaders of the StarCoder family do with each document: decode it, cut the text at two characters, encode the
three parts. `character` gives the same ids by encoding anew what stands around the cuts; an arm that does not ends the
run. `token` cuts between tokens. All documents are transformed, on one core; the arms run in turn, and the median of
CPU seconds counts. The `loader` arms make all rows of an epoch, full and packed, with half of the documents
transformed, as a training run reads them; `plain` does without.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# The library's threads are told of before it is loaded.
os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import numpy as np
from kernels import read_corpus
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bigcode_train.order import fim
from bigcode_train.order.fim import Marks
from bigcode_train.order.mixture import plan_mixture
from bigcode_train.order.packing import Recipe, Sequences
from bigcode_train.order.seams import Seams
from bigcode_train.tokens.bpe import save_tokenizer, train_bpe
from bigcode_train.tokens.encoder import load_reference, make_encoder
from bigcode_train.tokens.token_files import TokenFiles

TARGET = 80
"""MB/s a core."""
SPECIAL = ("<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>")
MARKS = Marks(prefix=1, middle=2, suffix=3, pad=4)
SPM = 0.5
KEY = b"benchmark"
_AT_ONCE = 1 << 20
Ids = list[NDArray[Any]]


def make_files(path: Path, texts: Sequence[str]) -> TokenFiles:
    """Token shards in memory."""
    encoded = make_encoder(path).encode([text.encode() for text in texts])
    stops = np.cumsum(encoded.lengths)
    ids = np.insert(encoded.ids, stops, 0).astype(np.uint16)
    marks = np.packbits(np.insert(encoded.starts, stops, True), bitorder="little")
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(encoded.lengths + 1)))
    header = {"end": 0, "source": "", "shards": ["part-0"]}
    return TokenFiles(ids, offsets, header, marks, None, np.arange(len(texts)))


def decode_and_encode(files: TokenFiles, reference: Tokenizer) -> Ids:
    found = []
    orders, cuts = _draw(files)
    for number, (order, cut) in enumerate(zip(orders, cuts, strict=True)):
        ids = files.ids[files.offsets[number] : files.offsets[number + 1] - 1]
        text = reference.decode(ids.tolist(), skip_special_tokens=False)
        first, second = (int(part * (len(text) + 1)) for part in cut)
        parts = (text[:first], text[first:second], text[second:])
        prefix, middle, suffix = (reference.encode(part, add_special_tokens=False).ids for part in parts)
        if order == fim.SPM:
            told = [MARKS.prefix, MARKS.suffix, *suffix, MARKS.middle, *prefix, *middle]
        else:
            told = [MARKS.prefix, *prefix, MARKS.suffix, *suffix, MARKS.middle, *middle]
        found.append(np.asarray(told))
    return found


def move_by_character(files: TokenFiles, seams: Seams) -> Ids:
    found: Ids = []
    orders, cuts = _draw(files)
    first = 0
    while first < files.documents:
        # As many documents at a time as a block holds.
        stop = int(np.searchsorted(files.offsets, files.offsets[first] + _AT_ONCE))
        stop = min(max(stop, first + 1), files.documents)
        spans = [(int(files.offsets[n]), int(files.offsets[n + 1]) - 1) for n in range(first, stop)]
        ids = [files.read(*span) for span in spans]
        patches = seams.cut(ids, [files.starts(*span) for span in spans], cuts[first:stop])
        found += _tell(ids, patches, orders[first:stop])
        first = stop
    return found


def move_by_token(files: TokenFiles) -> Ids:
    orders, cuts = _draw(files)
    offsets = files.offsets.tolist()
    ids = [files.read(offsets[n], offsets[n + 1] - 1) for n in range(files.documents)]
    patches = [fim.cut_between_tokens(len(own), cut) for own, cut in zip(ids, cuts.tolist(), strict=True)]
    return _tell(ids, patches, orders)


def read_rows(files: TokenFiles, width: int, rate: float, level: Any, seams: Seams) -> int:
    """Tokens of all rows of an epoch."""
    recipe = Recipe(width, 0, rate, SPM, MARKS, level, "documents", 0, seams)
    sequences = Sequences([files], recipe, plan_mixture([files]))
    (blocks,) = sequences.blocks
    return sum(
        sequences.rows(first, min(first + 64, blocks.rows_an_epoch)).size
        for first in range(0, blocks.rows_an_epoch, 64)
    )


def _draw(files: TokenFiles) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    documents = np.arange(files.documents)
    return fim.draw_cuts(KEY, documents, 0 * documents, SPM)


def _tell(ids: Ids, patches: Sequence[fim.Patch], orders: NDArray[np.int64]) -> Ids:
    triples = zip(ids, patches, orders.tolist(), strict=True)
    return [np.concatenate(fim.rearrange(own, patch, order, MARKS)) for own, patch, order in triples]


def measure(arms: dict[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """Median CPU seconds of each, the arms in turn."""
    taken: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(runs):
        for name, arm in arms.items():
            started = time.process_time()
            arm()
            taken[name].append(time.process_time() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def run(megabytes: float, runs: int, width: int, vocabulary: int) -> dict[str, Any]:
    contents = read_corpus(int(megabytes * 1.5e6))["content"].to_pylist()
    texts = [text for text in (c.decode("utf-8", "ignore") for c in contents) if text]
    part = len(texts) // 3
    with tempfile.TemporaryDirectory() as folder:
        save_tokenizer(train_bpe(texts[:part], vocabulary, SPECIAL, 2), SPECIAL, Path(folder))
        path = Path(folder, "tokenizer.json")
        reference, seams = load_reference(path), Seams(path)
        texts = texts[part:]
        files = make_files(path, texts)
    size = sum(len(text.encode()) for text in texts)
    theirs, ours = decode_and_encode(files, reference), move_by_character(files, seams)
    same = sum(map(np.array_equal, theirs, ours))
    if same != len(texts):
        raise SystemExit(f"{len(texts) - same} of {len(texts)} documents have other ids")
    arms: dict[str, Callable[[], Any]] = {
        "decode and encode": lambda: decode_and_encode(files, reference),
        "character": lambda: move_by_character(files, seams),
        "token": lambda: move_by_token(files),
        "loader, plain": lambda: read_rows(files, width, 0.0, "token", seams),
        "loader, token": lambda: read_rows(files, width, 0.5, "token", seams),
        "loader, character": lambda: read_rows(files, width, 0.5, "character", seams),
    }
    seconds = measure(arms, runs)
    speeds = {name: round(size / 1e6 / taken, 1) for name, taken in seconds.items()}
    return {
        "megabytes": round(size / 1e6, 1),
        "documents": len(texts),
        "bytes_per_token": round(size / len(files.ids), 2),
        "width": width,
        "same_ids": same,
        "megabytes_per_second": speeds,
        "times_the_reference": round(speeds["character"] / speeds["decode and encode"], 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Time fill-in-the-middle in the loader.")
    parser.add_argument("--megabytes", type=float, default=12)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--width", type=int, default=8192, help="tokens of a row of the loader")
    parser.add_argument("--vocabulary", type=int, default=16384)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = run(options.megabytes, options.runs, options.width, options.vocabulary)
    if options.json:
        print(json.dumps(found))
        return 0
    print(
        f"{found['same_ids']} of {found['documents']} documents have the same ids; {found['megabytes']} MB of text"
    )
    for name, speed in found["megabytes_per_second"].items():
        goal = f"  (goal {TARGET})" if name in ("character", "token") else ""
        print(f"{name:<20} {speed:8.1f} MB/s a core{goal}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
