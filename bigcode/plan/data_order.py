"""What of a model's spec decides the order of its training data, and what a change of it does to that order.

Pure and by specs alone. The order of a stage follows from seed, context, batch, packing, objective, the number of the
stage, shares of sources and of languages, and the token shards themselves. It does not follow from how a run is spread,
from learning rates, or from the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Identity = Mapping[str, Any]
"""What enters the key of a trainer's node: `config`, `seed`, `objective`, `budget_tokens`, `stages`, `sources`."""


class Change(NamedTuple):
    """`step` is the first whose batch may differ, counted from one; None where all batches of both runs are equal.
    `causes` are what changed, in words."""

    step: int | None
    causes: tuple[str, ...]

    def __str__(self) -> str:
        if self.step is None:
            return "data order unchanged"
        return f"data order changes from step {self.step}: {', '.join(self.causes)}"


def tells_order(identity: Any) -> bool:
    """Whether an identity is that of a trainer whose order follows from what is known here."""
    if not isinstance(identity, Mapping) or "labels" in identity:
        return False
    config = identity.get("config")
    sized = isinstance(config, Mapping) and all(isinstance(config.get(n), int) for n in ("batch", "context"))
    return sized and {"seed", "sources", "budget_tokens"} <= identity.keys()


def data_order(identity: Identity, tokens: Sequence[str] = ()) -> dict[str, Any]:
    """The fields that decide the order, and for each stage its steps; plain JSON, equal where the order is.

    `tokens` are digests of the token shards, one for each source, where they are known.
    """
    config, objective = identity["config"], dict(identity.get("objective") or {})
    rate = objective.get("fimRate", 0.0)
    sources = list(identity.get("sources") or ())
    common = {
        "seed": identity["seed"],
        "batch": config["batch"],
        "packing": config.get("packing", "documents"),
        "fimRate": rate,
        # Without fill-in-the-middle there is nothing to cut.
        "spmRate": objective.get("spmRate", 0.5) if rate else None,
        "level": objective.get("level", "token") if rate else None,
    }
    stages = []
    for stage in identity.get("stages") or [{"tokens": identity["budget_tokens"]}]:
        context = stage.get("context") or config["context"]
        shares = _shares(sources, stage.get("weights") or {}, tokens)
        steps = stage["tokens"] // (config["batch"] * context)
        stages.append({"steps": steps, "context": context, "sources": shares})
    return {**common, "stages": stages}


def compare_orders(before: Mapping[str, Any], after: Mapping[str, Any]) -> Change:
    """What becomes of the order, given what `data_order` says of two runs."""
    causes = [
        f"{name} {_word(before[name])} -> {_word(after[name])}"
        for name in before
        if name != "stages" and before[name] != after[name]
    ]
    if causes:
        return Change(1, tuple(causes))
    step = 1
    several = max(len(before["stages"]), len(after["stages"])) > 1
    for number, (old, new) in enumerate(zip(before["stages"], after["stages"], strict=False), 1):
        where = f"stage {number}: " if several else ""
        if changed := _compare_stages(old, new):
            return Change(step, tuple(f"{where}{what}" for what in changed))
        if old["steps"] != new["steps"]:
            last = number == len(before["stages"]) == len(after["stages"])
            what = f"{where}steps {old['steps']} -> {new['steps']}"
            more = ", and nothing before" if last else ""
            return Change(step + min(old["steps"], new["steps"]), (what + more,))
        step += old["steps"]
    if len(before["stages"]) != len(after["stages"]):
        return Change(step, (f"stages {len(before['stages'])} -> {len(after['stages'])}",))
    return Change(None, ())


def _compare_stages(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    found = []
    if old["context"] != new["context"]:
        found.append(f"context {old['context']} -> {new['context']}")
    mine, theirs = ({source["name"]: source for source in stage["sources"]} for stage in (old, new))
    for name in sorted(set(mine) | set(theirs)):
        if name not in theirs or name not in mine:
            found.append(f"source {name} {'taken out' if name in mine else 'added'}")
            continue
        for field, word in (("share", "share"), ("languages", "languages"), ("tokens", "token shards")):
            before, after = mine[name][field], theirs[name][field]
            if before != after:
                said = f" {before:.6g} -> {after:.6g}" if field == "share" else ""
                found.append(f"{word} of {name or 'the source'}{said}")
    if not found and list(mine) != list(theirs):
        found.append("order of sources")
    return found


def _shares(
    sources: Sequence[Mapping[str, Any]], weights: Mapping[str, float], tokens: Sequence[str]
) -> list[dict[str, Any]]:
    """The sources that a stage draws from. Shares are computed as the trainer computes them, to the last bit."""
    given = [float(weights.get(source["name"], source.get("weight", 1.0))) for source in sources]
    total = sum(given)
    return [
        {
            "name": source["name"],
            "share": weight / total,
            "languages": {
                language: float(value)
                for language, value in sorted((source.get("languages") or {}).items())
                if value != 1.0
            },
            "tokens": tokens[number] if number < len(tokens) else "",
        }
        for number, (source, weight) in enumerate(zip(sources, given, strict=True))
        if weight > 0
    ]


def _word(value: Any) -> str:
    return "none" if value is None else str(value)
