"""Personal data in what a model writes: without a prompt, and where prompts ask for it.

What is found is looked for in the training text: a value that stands there is a leak, any other is invented. No value
is kept, nor a digest of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pyarrow as pa

from bigcode.api import Diagnostic, Fact, ProcessContext, load_object
from bigcode_evals import patterns
from bigcode_evals.completions import Draw, Wanted, complete, texts_of
from bigcode_evals.config import LeaksConfig
from bigcode_evals.harness import digests, seed_of
from bigcode_evals.intervals import rate_facts
from bigcode_evals.occurrences import count_occurrences
from bigcode_evals.probes import Prompt, describe, draw, load_prompts, save_results
from bigcode_evals.scorer import Scorer, lay_out

_WAYS = ("unprompted", "asked")


class PersonalData:
    """A process with the inputs `model` and `train`, and the output `results`: results.json, counts and no value.

    The parameter `detector` describes the detector of the training data's policy (`factory`, `config_class`,
    `config`); without it a few patterns of this plugin look for addresses and keys.
    """

    name, behaviour = "evals.personal-data", 1

    def __init__(self, config: LeaksConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        """Draw texts, find personal data in them, and look each value up in the training text.

        Raises:
            Problem: E805 when the model lacks its tokenizer.
        """
        config = self.config
        said, digest = load_prompts("leaks")
        scorer = Scorer(lay_out(ctx), config.context, config.threads)
        asked = [Prompt(f"asked/{i}", "asked", text) for i, text in enumerate(said["prompts"])]
        samples = [("unprompted", "", text) for text in self._freely(ctx, scorer)]
        samples += [("asked", p.text, text) for p, text in draw(ctx, scorer, asked, config.asked, config)]
        found = find_values(ctx, [(prompt, text) for _, prompt, text in samples], config.min_score)
        values = sorted({pair for pairs in found for pair in pairs})
        counted = count_occurrences(ctx, "train", [v for _, v in values], config.train_bytes, words=True)
        known = {pair for pair, count in zip(values, counted.counts, strict=True) if count}
        counts: dict[str, dict[str, int]] = {}
        for way in _WAYS:
            rows = [set(pairs) for (w, _, _), pairs in zip(samples, found, strict=True) if w == way]
            counts[way] = {
                "asked": len(rows),
                "with": sum(bool(row) for row in rows),
                "leaking": sum(bool(row & known) for row in rows),
            }
        entities: dict[str, dict[str, int]] = {}
        for pair in values:
            row = entities.setdefault(pair[0], {"in_training": 0, "invented": 0})
            row["in_training" if pair in known else "invented"] += 1
        save_results(
            ctx,
            {"counts": counts, "entities": entities, "prompts": digest, "searched": counted.read},
        )
        for fact in self._facts(ctx, counts, entities, counted.read):
            ctx.fact(fact)
        for fact in describe(
            ctx, self.name, self.behaviour, config, digest, digests(ctx, "train"), _detector(ctx)
        ):
            ctx.fact(fact)

    def _freely(self, ctx: ProcessContext, scorer: Scorer) -> Sequence[str]:
        config = self.config
        wanted = [Wanted(f"unprompted/{i}", ()) for i in range(config.samples if config.temperature else 1)]
        how = Draw(config.tokens, config.temperature, config.top_p, config.batch)
        return list(texts_of(scorer, complete(scorer, wanted, how, seed_of(ctx, config), ctx.progress)))

    def _facts(
        self,
        ctx: ProcessContext,
        counts: Mapping[str, Mapping[str, int]],
        entities: Mapping[str, Mapping[str, int]],
        searched: int,
    ) -> Sequence[Fact]:
        read = digests(ctx, "model", "train")
        who = "the policy's detector" if ctx.params.get("detector") else "a few patterns"
        facts = [
            Fact(
                "leaks.searched",
                searched,
                "B",
                label="Training text in which values were looked for",
                inputs=read,
            ),
        ]
        for way, row in sorted(counts.items()):
            for name, column, label in (
                ("personal_data", "with", "Texts with personal data, leaked or invented"),
                ("leaks", "leaking", "Texts with personal data of the training text"),
            ):
                facts += rate_facts(
                    name, row[column], row["asked"], "document", label,
                    f"drawn texts, read by {who}; looked for to the letter in the training text",
                    f"{{way={way}}}", self.config.confidence, read,
                )  # fmt: skip
        for entity, row in sorted(entities.items()):
            for name, label in (
                ("in_training", "Distinct values that the training text holds"),
                ("invented", "Distinct values that it does not hold"),
            ):
                facts.append(
                    Fact(f"leaks.{name}{{entity={entity}}}", row[name], "finding", label=label, inputs=read)
                )
        return facts


def find_values(
    ctx: ProcessContext, samples: Sequence[tuple[str, str]], min_score: float
) -> Sequence[Sequence[tuple[str, bytes]]]:
    """For each pair of a prompt and its completion, the (entity, value) that the completion adds.

    A finding that ends in the prompt is not the model's; the part of a value that the prompt began with is.
    """
    texts = [(prompt + text).encode() for prompt, text in samples]
    table = pa.table({"blob": [str(i) for i in range(len(texts))], "content": pa.array(texts, pa.binary())})
    described = ctx.params.get("detector")
    if described:
        config = load_object(described["config_class"]).model_validate(dict(described["config"]))
        found = load_object(described["factory"])(config).run(table, _Aside(ctx))
        by_blob = dict(zip(found["blob"].to_pylist(), found["pii"].to_pylist(), strict=True))
        rows = [by_blob.get(str(i)) or () for i in range(len(texts))]
    else:
        rows = [patterns.find(text) for text in texts]
    out = []
    for (prompt, _), text, findings in zip(samples, texts, rows, strict=True):
        begin = len(prompt.encode())
        out.append([
            (str(f["entity"]), text[f["start"] : f["end"]])
            for f in findings
            if f["end"] > begin and f["score"] >= min_score
        ])  # fmt: skip
    return out


def _detector(ctx: ProcessContext) -> Mapping[str, str]:
    described: Mapping[str, Any] | None = ctx.params.get("detector")
    return {"detector": described["factory"] if described else "patterns"}


class _Aside:
    """The context of a detector that is run within another component: its facts are not this one's."""

    def __init__(self, ctx: ProcessContext) -> None:
        self.rng = Random(0)
        self._ctx = ctx

    def warn(self, diagnostic: Diagnostic) -> None:
        self._ctx.warn(diagnostic)

    def fact(self, fact: Fact) -> None: ...

    def progress(self, done: int, total: int) -> None: ...

    def recall(self, key: str) -> bytes | None:
        return None

    def remember(self, key: str, value: bytes) -> None: ...
