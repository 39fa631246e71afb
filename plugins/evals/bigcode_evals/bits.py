"""Bits per byte of held-out text: a model beside two baselines on the same bytes.

Bits per byte = negative log-likelihood in nats / (ln 2 x UTF-8 bytes). It does not depend on the tokenizer, so
models and compressors can be compared.
"""

from __future__ import annotations

import lzma
from collections.abc import Mapping, Sequence
from math import log
from typing import Any

from bigcode.api import Fact, ProcessContext
from bigcode.api.canonical import canonical
from bigcode_evals.config import BitsPerByteConfig
from bigcode_evals.ngram import bits_of, count_ngrams
from bigcode_evals.scorer import Scorer, lay_out
from bigcode_evals.texts import Document, by_project, read_documents, read_evenly, sample_by_project

_METHODS = {
    "model": "rolling window over tokens, each byte scored once",
    "xz": "one stream per project at the highest preset",
    "ngram": "bytes, interpolated Witten-Bell, counted on the training split",
}
_LABELS = {"model": "Model", "xz": "General compressor", "ngram": "Byte n-gram model"}


class BitsPerByte:
    """A process with the inputs `model`, `held_out` and `train`, and the output `results`: results.json.

    The results name languages and no project, so that they stand when a project opts out later.
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
        nats = scorer.nats([scorer.encode(document.text) for document in documents], ctx.progress)
        bits = {
            "model": sum(nats) / log(2),
            "xz": float(sum(8 * len(_compress(files)) for files in by_project(documents).values())),
            "ngram": bits_of(
                (document.text.encode() for document in documents),
                count_ngrams(read_evenly(ctx, "train", self.config.train_bytes), self.config.ngram),
            ),
        }
        by_language = _by_language(documents, nats)
        results = {
            "bits": bits,
            "bytes": size,
            "context": scorer.context,
            "files": len(documents),
            "languages": by_language,
            "ngram": self.config.ngram,
            "projects": len(by_project(documents)),
        }
        path = ctx.scratch / "results.json"
        path.write_bytes(canonical(results))
        ctx.save("results", path)
        for fact in _facts(ctx, results):
            ctx.fact(fact)


def _compress(documents: Sequence[Document]) -> bytes:
    return lzma.compress(b"".join(document.text.encode() for document in documents), preset=9)


def _by_language(documents: Sequence[Document], nats: Sequence[float]) -> Mapping[str, Mapping[str, float]]:
    groups: dict[str, dict[str, float]] = {}
    for document, loss in zip(documents, nats, strict=True):
        group = groups.setdefault(document.language or "unknown", {"bits": 0.0, "bytes": 0})
        group["bits"] += loss / log(2)
        group["bytes"] += document.bytes
    return groups


def _facts(ctx: ProcessContext, results: Mapping[str, Any]) -> Sequence[Fact]:
    read = {
        name: tuple(entry.digest for entry in ctx.entries(name)) for name in ("model", "held_out", "train")
    }
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
        facts.append(
            Fact(
                f"bits_per_byte.{name}",
                bits / results["bytes"],
                "bit/B",
                label=_LABELS[name],
                method=_METHODS[name],
                inputs=inputs[name],
            )
        )
    for language, group in sorted(results["languages"].items()):
        facts.append(
            Fact(
                f"bits_per_byte.model{{language={language}}}",
                group["bits"] / group["bytes"],
                "bit/B",
                label="Model",
                method=_METHODS["model"],
                inputs=inputs["model"],
            )
        )
    return facts
