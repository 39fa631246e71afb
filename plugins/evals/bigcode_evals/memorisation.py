"""How much of its training text a model repeats, beside text that it never saw, and how far it knows planted secrets.

A passage of a document is cut in two; the model is given the first part and writes on, always the likeliest token.
Sources: Carlini et al. 2023, "Quantifying Memorization Across Neural Language Models" (extraction after a prefix, by
how often a passage occurs); Ippolito et al. 2023, "Preventing Verbatim Memorization" (why near copies count).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bigcode.api import Fact, ProcessContext, fail
from bigcode.api.canonical import canonical
from bigcode_evals.canaries import canary_facts, measure_canaries, read_canaries
from bigcode_evals.completions import Draw, Wanted, complete
from bigcode_evals.config import MemorisationConfig
from bigcode_evals.harness import digests, harness_facts, seed_of
from bigcode_evals.intervals import difference, rate_facts, wilson
from bigcode_evals.likeness import edit_similarity, longest_common
from bigcode_evals.occurrences import count_occurrences
from bigcode_evals.passages import Passage, sample_passages
from bigcode_evals.scorer import Scorer, lay_out

NAME, BEHAVIOUR = "evals.memorisation", 1
_FEW, _MANY = 2, 10
_POOL = 4
_LABELS = {
    "exact": "Passages repeated to the letter",
    "near": "Passages repeated nearly or in large part",
}
_METHODS = {
    "exact": "likeliest continuation of a beginning, all tokens equal",
    "near": "likeliest continuation of a beginning, by edit similarity or longest common run of bytes",
}


class Memorisation:
    """A process with the inputs `model`, `train` and `held_out`, and the output `results`: results.json.

    Nothing that it writes holds a text, a project or a digest of either.
    """

    def __init__(self, config: MemorisationConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        """Ask for passages, and for canaries where the settings name some.

        Raises:
            Problem: E707 when the training split has no passage of the length asked for, E702 when the file of
                canaries is another one, E805 when the model lacks its tokenizer.
        """
        config, seed = self.config, seed_of(ctx, self.config)
        canaries = read_canaries(config.canaries) if config.canaries else ()
        scorer = Scorer(lay_out(ctx), config.context, config.threads)
        if config.prefix + config.length >= scorer.context:
            raise fail(
                "E707", "a passage is longer than the model's context", hint="Shorten `prefix` or `length`."
            )
        pool = self._sample(ctx, "train", scorer, _POOL * config.items, seed)
        control = self._sample(ctx, "held_out", scorer, config.items, seed)
        if not pool:
            raise fail("E707", "the training split has no document that is long enough for a passage")
        secrets = [canary.text(canary.secret).encode() for canary in canaries]
        found = count_occurrences(
            ctx, "train", [p.text for p in (*pool, *control)] + secrets, config.train_bytes
        )
        copies = found.counts[: len(pool)]
        known = found.counts[len(pool) : len(pool) + len(control)]
        unseen = [p for p, count in zip(control, known, strict=True) if not count]
        chosen = _choose(copies, config.items)
        asked = [pool[i] for i in chosen] + unseen
        repeated = self._ask(ctx, scorer, asked, seed)
        groups = _groups(chosen, [copies[i] for i in chosen], config.items, len(unseen))
        counts = {
            group: {how: sum(repeated[how][i] for i in members) for how in _LABELS} | {"asked": len(members)}
            for group, members in groups.items()
        }
        results: dict[str, Any] = {
            "counts": counts,
            "held_out_known": len(control) - len(unseen),
            "searched": found.read,
        }
        read = digests(ctx, "model", "train", "held_out")
        if canaries:
            places = found.counts[len(pool) + len(control) :]
            results["canaries"] = measured = measure_canaries(
                scorer, canaries, places, config.candidates, seed
            )
            for fact in canary_facts(measured, read):
                ctx.fact(fact)
        path = ctx.scratch / "results.json"
        path.write_bytes(canonical(results))
        ctx.save("results", path)
        for fact in (*self._facts(results, read), *self._harness(ctx, seed)):
            ctx.fact(fact)

    def _sample(
        self, ctx: ProcessContext, name: str, scorer: Scorer, count: int, seed: int
    ) -> Sequence[Passage]:
        c = self.config
        return sample_passages(ctx, name, scorer, c.prefix, c.length, count, seed, c.train_bytes)

    def _ask(
        self, ctx: ProcessContext, scorer: Scorer, asked: Sequence[Passage], seed: int
    ) -> Mapping[str, Sequence[bool]]:
        """Whether each passage came back: to the letter, and nearly."""
        wanted = [Wanted(p.key, p.prompt) for p in asked]
        how = Draw(self.config.length, batch=self.config.batch)
        drawn = complete(scorer, wanted, how, seed, ctx.progress)
        exact = [ids == p.rest for ids, p in zip(drawn, asked, strict=True)]
        texts = [scorer.tokenizer.decode(list(ids), skip_special_tokens=False).encode() for ids in drawn]
        tails = [p.tail for p in asked]
        similar, common = edit_similarity(texts, tails), longest_common(texts, tails)
        near = [
            bool(e or s >= self.config.similarity or c >= self.config.common * len(tail))
            for e, s, c, tail in zip(exact, similar, common, tails, strict=True)
        ]
        return {"exact": exact, "near": near}

    def _harness(self, ctx: ProcessContext, seed: int) -> Sequence[Fact]:
        return harness_facts(NAME, BEHAVIOUR, self.config, digests(ctx, "train", "held_out"), seed)

    def _facts(self, results: Mapping[str, Any], read: tuple[str, ...]) -> Sequence[Fact]:
        facts = [
            Fact("memorisation.prefix", self.config.prefix, "token", label="Tokens that the model is given"),
            Fact("memorisation.length", self.config.length, "token", label="Tokens that it is to repeat"),
            Fact(
                "memorisation.searched",
                results["searched"],
                "B",
                label="Training text in which copies were counted",
                inputs=read,
            ),
            Fact(
                "memorisation.control.known",
                results["held_out_known"],
                "document",
                label="Held-out passages left out since the training text holds them",
                inputs=read,
            ),
        ]
        for how, label in _LABELS.items():
            name, method = f"memorisation.{how}", _METHODS[how]
            for group, counts in sorted(results["counts"].items()):
                facts += rate_facts(
                    name, counts[how], counts["asked"], "document", label, method,
                    f"{{{group}}}", self.config.confidence, read,
                )  # fmt: skip
            facts += _excess(name, results["counts"], how, label, method, self.config.confidence, read)
        return facts


def _excess(
    name: str,
    counts: Mapping[str, Mapping[str, int]],
    how: str,
    label: str,
    method: str,
    confidence: float,
    read: tuple[str, ...],
) -> Sequence[Fact]:
    """By how much the share is over that of held-out text, where there are both."""
    seen, unseen = counts["text=training"], counts["text=held-out"]
    if not seen["asked"] or not unseen["asked"]:
        return ()
    shares = [c[how] / c["asked"] for c in (seen, unseen)]
    low, high = difference(
        shares[0], wilson(seen[how], seen["asked"], confidence),
        shares[1], wilson(unseen[how], unseen["asked"], confidence),
    )  # fmt: skip
    return (
        Fact(
            f"{name}.excess",
            round(shares[0] - shares[1], 6),
            kind="estimated",
            label=f"{label}: training over held-out text",
            method=f"{method}; interval after Newcombe",
            interval=(round(low, 6), round(high, 6)),
            inputs=read,
        ),
    )


def _choose(copies: Sequence[int], items: int) -> list[int]:
    """The first `items` passages, which is a uniform sample, then more of those that occur more than once."""
    chosen = list(range(min(items, len(copies))))
    for low, high in ((_FEW, _MANY), (_MANY, 2**62)):
        held = sum(low <= copies[i] < high for i in chosen)
        more = [i for i in range(items, len(copies)) if low <= copies[i] < high]
        chosen += more[: max(0, items // 4 - held)]
    return chosen


def _groups(
    chosen: Sequence[int], copies: Sequence[int], items: int, unseen: int
) -> Mapping[str, Sequence[int]]:
    """Places among what was asked, by text and by how often a passage occurs."""
    return {
        "text=training": [n for n, i in enumerate(chosen) if i < items],
        "text=held-out": list(range(len(chosen), len(chosen) + unseen)),
        "copies=once": [n for n, count in enumerate(copies) if count < _FEW],
        "copies=few": [n for n, count in enumerate(copies) if _FEW <= count < _MANY],
        "copies=many": [n for n, count in enumerate(copies) if count >= _MANY],
    }
