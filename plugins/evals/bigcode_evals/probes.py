"""Probes: prompts that ask for what a code model should not write, read by static rules and never run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from typing import Any

from bigcode.api import Fact, ProcessContext
from bigcode.api.canonical import canonical
from bigcode_evals import malice, weaknesses
from bigcode_evals.completions import Draw, Wanted, complete, texts_of
from bigcode_evals.config import Drawn, InsecureConfig, MaliciousConfig
from bigcode_evals.harness import digests, harness_facts, seed_of
from bigcode_evals.intervals import rate_facts
from bigcode_evals.scorer import Scorer, lay_out


@dataclass(frozen=True, slots=True)
class Prompt:
    """`group` is what it asks for; `key` names it."""

    key: str
    group: str
    text: str


def load_prompts(name: str) -> tuple[Any, str]:
    """A file of this package's prompts, and its digest."""
    data = (resources.files("bigcode_evals") / "prompts" / f"{name}.json").read_bytes()
    return json.loads(data), sha256(data).hexdigest()


def grouped(groups: Iterable[Mapping[str, Any]]) -> Sequence[Prompt]:
    return [
        Prompt(f"{group['id']}/{number}", group["id"], text)
        for group in groups
        for number, text in enumerate(group["prompts"])
    ]


def draw(
    ctx: ProcessContext, scorer: Scorer, prompts: Sequence[Prompt], samples: int, config: Drawn
) -> Sequence[tuple[Prompt, str]]:
    """`samples` completions of each prompt; one where they could not differ."""
    count = samples if config.temperature else 1
    pairs = [(prompt, number) for prompt in prompts for number in range(count)]
    encoded = {prompt.key: tuple(scorer.encode(prompt.text)) for prompt in prompts}
    wanted = [Wanted(f"{prompt.key}#{number}", encoded[prompt.key]) for prompt, number in pairs]
    how = Draw(config.tokens, config.temperature, config.top_p, config.batch)
    drawn = complete(scorer, wanted, how, seed_of(ctx, config), ctx.progress)
    return [(prompt, text) for (prompt, _), text in zip(pairs, texts_of(scorer, drawn), strict=True)]


def save_results(ctx: ProcessContext, results: Mapping[str, Any]) -> None:
    path = ctx.scratch / "results.json"
    path.write_bytes(canonical(results))
    ctx.save("results", path)


class InsecureCode:
    """A process with the input `model` and the output `results`: results.json, counts by weakness and no text."""

    name, behaviour = "evals.insecure-code", 1

    def __init__(self, config: InsecureConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        """Draw the completions and read them.

        Raises:
            Problem: E805 when the model lacks its tokenizer.
        """
        said, digest = load_prompts("insecure")
        chosen = [
            w for w in said["weaknesses"] if not self.config.weaknesses or w["id"] in self.config.weaknesses
        ]
        scorer = Scorer(lay_out(ctx), self.config.context, self.config.threads)
        counts = {w["id"]: {"asked": 0, "weak": 0, "sound": 0} for w in chosen}
        for prompt, text in draw(ctx, scorer, grouped(chosen), self.config.samples, self.config):
            verdict = weaknesses.judge(prompt.group, prompt.text, text)
            counts[prompt.group]["asked"] += 1
            counts[prompt.group]["weak"] += verdict.weak
            counts[prompt.group]["sound"] += verdict.sound and not verdict.weak
        save_results(ctx, {"counts": counts, "prompts": digest})
        for fact in (
            *self._facts(ctx, counts),
            *describe(ctx, self.name, self.behaviour, self.config, digest),
        ):
            ctx.fact(fact)

    def _facts(self, ctx: ProcessContext, counts: Mapping[str, Mapping[str, int]]) -> Sequence[Fact]:
        read = digests(ctx, "model")
        method = "completions read by static rules for the weakness that their prompt invites"
        whole = {name: sum(row[name] for row in counts.values()) for name in ("asked", "weak", "sound")}
        facts = [
            *rate_facts(
                "insecure", whole["weak"], whole["asked"], "task", "Completions with the weakness",
                method, "", self.config.confidence, read,
            ),
            *rate_facts(
                "insecure.of_judged", whole["weak"], whole["weak"] + whole["sound"], "task",
                "Weakness among completions that had to choose", method, "", self.config.confidence, read,
            ),
        ]  # fmt: skip
        for weakness, row in sorted(counts.items()):
            facts += rate_facts(
                "insecure", row["weak"], row["asked"], "task", "Completions with the weakness",
                method, f"{{weakness={weakness}}}", self.config.confidence, read,
            )  # fmt: skip
        return facts


class MaliciousCode:
    """A process with the input `model` and the output `results`: results.json, counts by kind and no text."""

    name, behaviour = "evals.malicious-code", 1

    def __init__(self, config: MaliciousConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        """Draw the completions and read them.

        Raises:
            Problem: E805 when the model lacks its tokenizer.
        """
        said, digest = load_prompts("malicious")
        scorer = Scorer(lay_out(ctx), self.config.context, self.config.threads)
        counts = {kind["id"]: {"asked": 0, "harmful": 0, "refused": 0} for kind in said["kinds"]}
        for prompt, text in draw(ctx, scorer, grouped(said["kinds"]), self.config.samples, self.config):
            row = counts[prompt.group]
            row["asked"] += 1
            row["harmful"] += malice.does_harm(prompt.group, text)
            row["refused"] += malice.refuses(text)
        save_results(ctx, {"counts": counts, "prompts": digest})
        for fact in (
            *self._facts(ctx, counts),
            *describe(ctx, self.name, self.behaviour, self.config, digest),
        ):
            ctx.fact(fact)

    def _facts(self, ctx: ProcessContext, counts: Mapping[str, Mapping[str, int]]) -> Sequence[Fact]:
        read = digests(ctx, "model")
        method = "completions of prompts that ask for malware, read by static rules and never run"
        whole = {name: sum(row[name] for row in counts.values()) for name in ("asked", "harmful", "refused")}
        facts: list[Fact] = []
        for name, column, label in (
            ("malicious", "harmful", "Completions with parts of malware"),
            ("malicious.refused", "refused", "Completions that decline"),
        ):
            facts += rate_facts(
                name, whole[column], whole["asked"], "task", label, method, "", self.config.confidence, read
            )
        for kind, row in sorted(counts.items()):
            facts += rate_facts(
                "malicious", row["harmful"], row["asked"], "task", "Completions with parts of malware",
                method, f"{{kind={kind}}}", self.config.confidence, read,
            )  # fmt: skip
        return facts


def describe(
    ctx: ProcessContext,
    suite: str,
    behaviour: int,
    config: Drawn,
    digest: str,
    read: Iterable[str] = (),
    more: Mapping[str, str] | None = None,
) -> Sequence[Fact]:
    """How it was asked: settings of the draws, the digest of the prompts and that of the harness."""
    group = f"{{suite={suite}}}"
    return (
        Fact(f"prompts.sha256{group}", digest, "text", label="Digest of the prompts"),
        Fact(f"sampling.temperature{group}", config.temperature, label="Temperature"),
        Fact(f"sampling.top_p{group}", config.top_p, label="Nucleus"),
        Fact(f"sampling.max_new_tokens{group}", config.tokens, "token", label="Longest completion"),
        *harness_facts(suite, behaviour, config, [digest, *read], seed_of(ctx, config), more),
    )
