"""Train the candidate classifier of `pii.verified` on invented values in real files, in less than a minute.

    python plugins/pii/training/train.py CARRIERS --output candidates.npz [--holdout N]

CARRIERS is a folder of source files, or a table with a binary column `content` (Parquet or Arrow). Positive examples
are planted values; negative ones are planted look-alikes and quoted strings of the carriers' own. Prints the digest
that the package, or a spec, pins, and what the classifier does on carriers that it was not trained on. The example
values come from the makers that also measure the rules: scores on them are not those of real secrets.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from time import process_time

import numpy as np
import pyarrow.feather as feather
import pyarrow.parquet as parquet
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import expit

from bigcode_pii.classifier import BUCKETS, features
from bigcode_pii.config import Entity, PlantedConfig
from bigcode_pii.planted import Planted

ENTITIES: tuple[Entity, ...] = ("KEY", "PASSWORD")
_QUOTED = re.compile(rb"[\"']([^\"'\s]{5,64})[\"']")
_OWN_PER_FILE = 6
_PENALTY = 1e-4
Examples = tuple["csr_matrix", NDArray[np.float64]]


def read_carriers(path: Path) -> list[bytes]:
    """Distinct UTF-8 texts below 200 kB, in the order of their digests."""
    if path.is_dir():
        found = (
            file.read_bytes() for file in path.rglob("*") if file.is_file() and file.stat().st_size < 200_000
        )
    else:
        table = parquet.read_table(path) if path.suffix == ".parquet" else feather.read_table(path)
        found = (value for value in table["content"].to_pylist() if len(value) < 200_000)
    texts = {sha256(data).digest(): data for data in found if b"\0" not in data and is_utf8(data)}
    return [texts[digest] for digest in sorted(texts)]


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def make_examples(carriers: list[bytes], seed: int) -> Examples:
    """Rows of features, and one for those that are secrets."""
    planted = Planted(PlantedConfig(seed=seed, positives=8, negatives=8))
    rows: list[NDArray[np.int64]] = []
    truth: list[float] = []
    for carrier in carriers:
        content, labels = planted.plant(carrier)
        taken = [(label["start"], label["end"]) for label in labels]
        for label in labels:
            for entity in ENTITIES:
                if not label["positive"] or label["entity"] == entity:
                    rows.append(features(content, label["start"], label["end"], entity))
                    truth.append(float(label["positive"]))
        own = 0
        for match in _QUOTED.finditer(content):
            start, end = match.span(1)
            if own < _OWN_PER_FILE and all(end < a or start > b for a, b in taken):
                rows.append(features(content, start, end, ENTITIES[own % 2]))
                truth.append(0.0)
                own += 1
    ends = np.cumsum([0, *(len(row) for row in rows)])
    indexes = np.concatenate(rows)
    matrix = csr_matrix((np.ones(len(indexes)), indexes, ends), shape=(len(rows), BUCKETS))
    return matrix, np.array(truth)


def fit(examples: Examples) -> tuple[NDArray[np.float64], float]:
    """Weights and bias of a logistic regression with a quadratic penalty, by L-BFGS."""
    matrix, truth = examples
    count = len(truth)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = parameters[:-1], parameters[-1]
        odds = matrix @ weights + bias
        error = expit(odds) - truth
        value = np.mean(np.logaddexp(0, odds) - truth * odds) + _PENALTY * weights @ weights
        return float(value), np.append(matrix.T @ error / count + 2 * _PENALTY * weights, error.mean())

    done = minimize(loss, np.zeros(BUCKETS + 1), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return done.x[:-1], float(done.x[-1])


def pack(weights: NDArray[np.float64], bias: float) -> bytes:
    """An npz archive, the same bytes for the same numbers."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in (("bias", [bias]), ("weights", weights)):
            data = io.BytesIO()
            # Three digits are enough, and they pack well.
            np.save(
                data, np.round(np.asarray(values), 3).astype(np.float16 if name == "weights" else np.float64)
            )
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("carriers", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--train", type=int, default=1500, help="carriers to train on")
    parser.add_argument("--holdout", type=int, default=500, help="further carriers to measure on")
    given = parser.parse_args(arguments)
    started = process_time()
    carriers = read_carriers(given.carriers)
    train = carriers[: given.train]
    weights, bias = fit(make_examples(train, seed=101))
    data = pack(weights, bias)
    given.output.write_bytes(data)
    print(f"{len(train)} carriers, {process_time() - started:.1f} CPU seconds, {len(data)} bytes")
    print(f"sha256 {sha256(data).hexdigest()}")
    rest = carriers[given.train : given.train + given.holdout]
    if rest:
        matrix, truth = make_examples(rest, seed=202)
        claimed = matrix @ weights + bias >= 0
        hit = float((claimed * truth).sum())
        print(
            f"held out: precision {hit / claimed.sum():.3f}, recall {hit / truth.sum():.3f} of {int(truth.sum())}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
