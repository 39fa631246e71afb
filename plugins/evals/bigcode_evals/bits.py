"""Bits per byte of held-out text: a model beside two baselines on the same bytes.

Bits per byte = negative log-likelihood in nats / (ln 2 x UTF-8 bytes). It does not depend on the tokenizer, so
models and compressors can be compared. Intervals are percentile bootstraps over projects, since files of a project are
alike; over files where there is but one.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from bigcode.api import Fact, ProcessContext
from bigcode.api.canonical import canonical
from bigcode_evals.config import BitsPerByteConfig
from bigcode_evals.harness import digests, harness_facts, seed_of
from bigcode_evals.intervals import interval_of_ratio
from bigcode_evals.ngram import bits_of, count_ngrams
from bigcode_evals.scorer import Scorer, lay_out
from bigcode_evals.texts import Document, by_project, read_documents, read_evenly, sample_by_project

NAME, BEHAVIOUR = "evals.bits-per-byte", 2
_METHODS = {
    "model": "rolling window over tokens, each byte scored once; bootstrap over projects",
    "xz": "one stream per project at the highest preset",
    "ngram": "bytes, interpolated Witten-Bell, counted on the training split",
}
_LABELS = {"model": "Model", "xz": "General compressor", "ngram": "Byte n-gram model"}
_LEAST_PROJECTS = 5
_SPREAD = {"low": 0.1, "median": 0.5, "high": 0.9}


class BitsPerByte:
    """A process with the inputs `model`, `held_out` and `train`, and the output `results`: results.json.

    The results name languages and sources and no project, so that they stand when a project opts out later.
    """

    def __init__(self, config: BitsPerByteConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        """Score the sample three times.

        Raises:
            Problem: E707 when the held-out split is empty, E805 when the model lacks its tokenizer.
        """
        documents = sample_by_project(read_documents(ctx, "held_out"), self.config.max_bytes)
        size = sum(document.bytes for document in documents)
        scorer = Scorer(lay_out(ctx), self.config.context, self.config.threads)
        encoded = [scorer.encode(document.text) for document in documents]
        nats = scorer.nats(encoded, ctx.progress)
        rows = [
            Row(document, loss / log(2), document.bytes, len(ids))
            for document, loss, ids in zip(documents, nats, encoded, strict=True)
        ]
        bits = {
            "model": sum(row.bits for row in rows),
            "xz": float(sum(8 * len(_compress(files)) for files in by_project(documents).values())),
            "ngram": bits_of(
                (document.text.encode() for document in documents),
                count_ngrams(read_evenly(ctx, "train", self.config.train_bytes), self.config.ngram),
            ),
        }
        seed = seed_of(ctx, self.config)
        results = {
            "all": self._group(rows, seed),
            "bits": bits,
            "bytes": size,
            "context": scorer.context,
            "files": len(documents),
            "languages": self._groups(rows, lambda row: row.document.language or "unknown", seed),
            "ngram": self.config.ngram,
            "projects": len(by_project(documents)),
            "sources": self._groups(rows, lambda row: row.document.source, seed),
            "spread": _spread(rows),
        }
        path = ctx.scratch / "results.json"
        path.write_bytes(canonical(results))
        ctx.save("results", path)
        read = digests(ctx, "held_out")
        for fact in (*_facts(ctx, results), *harness_facts(NAME, BEHAVIOUR, self.config, read, seed)):
            ctx.fact(fact)

    def _groups(self, rows: Sequence[Row], key: Callable[[Row], str], seed: int) -> Mapping[str, Any]:
        groups: dict[str, list[Row]] = {}
        for row in rows:
            if name := key(row):
                groups.setdefault(name, []).append(row)
        return {name: self._group(members, seed) for name, members in sorted(groups.items())}

    def _group(self, rows: Sequence[Row], seed: int) -> Mapping[str, Any]:
        """Sums of some documents, and the interval of their ratio where there are two to draw from."""
        projects = _sums(rows)
        drawn = list(projects.values()) if len(projects) > 1 else [(row.bits, row.bytes) for row in rows]
        interval = interval_of_ratio(
            [bits for bits, _ in drawn], [size for _, size in drawn],
            self.config.confidence, self.config.bootstrap, seed,
        )  # fmt: skip
        return {
            "bits": sum(row.bits for row in rows),
            "bytes": sum(row.bytes for row in rows),
            "tokens": sum(row.tokens for row in rows),
            "interval": list(interval) if interval else None,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A document, the bits that the model needs for it, its UTF-8 bytes and its tokens."""

    document: Document
    bits: float
    bytes: int
    tokens: int


def _compress(documents: Sequence[Document]) -> bytes:
    return lzma.compress(b"".join(document.text.encode() for document in documents), preset=9)


def _sums(rows: Sequence[Row]) -> Mapping[str, tuple[float, int]]:
    """Bits and bytes by project."""
    sums: dict[str, tuple[float, int]] = {}
    for row in rows:
        bits, size = sums.get(row.document.project, (0.0, 0))
        sums[row.document.project] = (bits + row.bits, size + row.bytes)
    return sums


def _spread(rows: Sequence[Row]) -> Mapping[str, float]:
    """Quantiles over projects; none where they could point at one."""
    rates = [bits / size for bits, size in _sums(rows).values()]
    if len(rates) < _LEAST_PROJECTS:
        return {}
    return {name: float(np.quantile(rates, share)) for name, share in _SPREAD.items()}


def _facts(ctx: ProcessContext, results: Mapping[str, Any]) -> Sequence[Fact]:
    read = {name: digests(ctx, name) for name in ("model", "held_out", "train")}
    inputs = {
        "model": read["model"] + read["held_out"],
        "xz": read["held_out"],
        "ngram": read["held_out"] + read["train"],
    }
    facts = [
        Fact("held_out.bytes", results["bytes"], "B", label="Held-out text", inputs=read["held_out"]),
        Fact("held_out.files", results["files"], "file", label="Held-out files", inputs=read["held_out"]),
        Fact(
            "held_out.projects",
            results["projects"],
            "repository",
            label="Held-out projects",
            inputs=read["held_out"],
        ),
        Fact("ngram.order", results["ngram"], label="Bytes that the n-gram model counts together"),
    ]
    for name, bits in sorted(results["bits"].items()):
        interval = results["all"]["interval"] if name == "model" else None
        facts.append(_rate(name, "", bits / results["bytes"], interval, inputs[name]))
    for key, groups in (("language", results["languages"]), ("source", results["sources"])):
        for value, group in sorted(groups.items()):
            member = f"{{{key}={value}}}"
            facts.append(
                _rate("model", member, group["bits"] / group["bytes"], group["interval"], inputs["model"])
            )
            facts += _fertility(member, group, inputs["model"])
    facts += _fertility("", results["all"], inputs["model"])
    for name, value in sorted(results["spread"].items()):
        facts.append(
            Fact(
                f"bits_per_byte.projects.{name}",
                value,
                "bit/B",
                label=f"Model, by project: {name}",
                method="quantile over held-out projects",
                inputs=inputs["model"],
            )
        )
    return facts


def _rate(
    name: str, member: str, value: float, interval: Sequence[float] | None, inputs: tuple[str, ...]
) -> Fact:
    return Fact(
        f"bits_per_byte.{name}{member}",
        value,
        "bit/B",
        label=_LABELS[name],
        method=_METHODS[name],
        interval=(interval[0], interval[1]) if interval else None,
        inputs=inputs,
    )


def _fertility(member: str, group: Mapping[str, Any], inputs: tuple[str, ...]) -> Sequence[Fact]:
    """Tokens and bytes of held-out text, and the one over the other."""
    counted = []
    if member:
        label = "Held-out text"
        counted.append(Fact(f"held_out.bytes{member}", group["bytes"], "B", label=label, inputs=inputs))
    return (
        *counted,
        Fact(f"held_out.tokens{member}", group["tokens"], "token", label="Held-out tokens", inputs=inputs),
        Fact(
            f"held_out.fertility{member}",
            group["tokens"] / group["bytes"],
            "token/B",
            "derived",
            "Tokens for a byte of held-out text",
            formula="t / b",
            terms=(("b", f"held_out.bytes{member}"), ("t", f"held_out.tokens{member}")),
        ),
    )
