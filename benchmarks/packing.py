"""How many of the tokens that a model computes are learnt from: `python benchmarks/packing.py [--width N] [--json]`.

The same documents in rows of one width, as trainers commonly lay them out and as `bigcode_train.order.packing` does.
Nothing is trained; `training.py` measures what that is worth in tokens a second.
"""

from __future__ import annotations

import argparse
import json
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bigcode_train.order.fim import Marks
from bigcode_train.order.mixture import plan_mixture
from bigcode_train.order.packing import Recipe, Sequences
from bigcode_train.tokens.token_files import TokenFiles


class Waste(NamedTuple):
    """Tokens of an epoch: that a model computes, that it learns from, that no row holds, that repeat others; pairs of
    a token and one of another document that it attends to; documents that do not stand in one row though one would
    hold them."""

    computed: int
    useful: int
    lost: int = 0
    repeated: int = 0
    across: int = 0
    cut: int = 0


def count_padded(lengths: Sequence[int], width: int, batch: int) -> Waste:
    """A document a row, cut to the width, and filled up to the longest of its batch."""
    kept = np.minimum(lengths, width)
    firsts = np.arange(0, len(kept), batch)
    longest = np.maximum.reduceat(kept, firsts)
    rows = np.diff(np.append(firsts, len(kept)))
    useful = int(kept.sum())
    return Waste(int((longest * rows).sum()), useful, int(np.sum(lengths)) - useful)


def count_concatenated(lengths: Sequence[int], width: int) -> Waste:
    """One document after the other, cut into rows; what is left after the last whole row is dropped, and a token
    attends to all that stands before it in its row."""
    total = int(np.sum(lengths))
    kept = total // width * width
    bounds = np.union1d(np.concatenate(([0], np.cumsum(lengths))), np.arange(0, kept + 1, width))
    bounds = bounds[bounds <= kept]
    before = bounds[:-1] % width
    across = int((before * np.diff(bounds)).sum())
    starts, stops = np.cumsum(lengths) - lengths, np.cumsum(lengths)
    cut = (starts // width != (stops - 1) // width) & (np.asarray(lengths) <= width)
    return Waste(kept, kept, total - kept, across=across, cut=int(cut.sum()))


def count_packed(lengths: Sequence[int], width: int, packing: Any) -> Waste:
    """Rows of the trainer, without fill-in-the-middle."""
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    ids = np.ones(offsets[-1], np.uint16)
    ids[offsets[1:] - 1] = 0
    files = TokenFiles(ids, offsets, {"end": 0, "source": "", "shards": ["part-0"]})
    recipe = Recipe(width, 0, 0.0, 0.5, Marks(1, 2, 3), "token", packing)
    sequences = Sequences([files], recipe, plan_mixture([files]))
    (blocks,) = sequences.blocks
    seen, cut = np.zeros(len(lengths), np.int64), np.zeros(len(lengths), np.bool_)
    for number in range(len(blocks)):
        plan, _ = sequences._plan(0, 0, number)
        for piece in plan.pieces:
            document = plan.documents[piece.unit]
            seen[document] += piece.stop - piece.start
            cut[document] |= piece.stop - piece.start < lengths[document] <= width
    computed = blocks.rows_an_epoch * width
    return Waste(computed, computed, repeated=int((seen - lengths).sum()), cut=int(cut.sum()))


def read_lengths(limit: int) -> list[int]:
    """Lengths of Python files of this environment in tokens, about, in an order of their own."""
    paths = sorted(Path(sysconfig.get_path("purelib")).rglob("*.py"))
    sizes = [path.stat().st_size for path in paths]
    order = np.random.default_rng(0).permutation(len(sizes))[:limit]
    return [1 + round(sizes[n] / 3.4) for n in order.tolist() if sizes[n]]


def main() -> int:
    parser = argparse.ArgumentParser(description="Count what rows of documents waste.")
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    lengths = read_lengths(options.documents)
    found = {
        "padded": count_padded(lengths, options.width, options.batch),
        "concatenated": count_concatenated(lengths, options.width),
        **{name: count_packed(lengths, options.width, name) for name in ("documents", "best-fit")},
    }
    if options.json:
        print(json.dumps({name: waste._asdict() for name, waste in found.items()}))
        return 0
    total = sum(lengths)
    print(f"{len(lengths)} documents, {total} tokens, rows of {options.width}")
    for name, waste in found.items():
        print(
            f"{name:<13} useful {waste.useful / waste.computed:7.2%}  lost {waste.lost / total:7.2%}  "
            f"repeated {waste.repeated / total:6.2%}  cut {waste.cut / len(lengths):6.2%} of documents  "
            f"{waste.across / waste.computed:7.1f} tokens of other documents seen by each"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
