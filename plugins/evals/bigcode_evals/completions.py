"""Completions under a `Scorer`'s model: the likeliest ones, and drawn ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from bigcode_evals.scorer import Scorer

_FIRST = 512
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Draw:
    """How completions are drawn. Temperature zero takes the likeliest token; `top_p` is the nucleus."""

    tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    batch: int = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """A completion to be drawn: `key` seeds it, whatever is drawn beside it; `prompt` are token ids."""

    key: str
    prompt: tuple[int, ...]


def complete(
    scorer: Scorer,
    wanted: Sequence[Wanted],
    how: Draw,
    seed: int,
    report: Report = lambda done, total: None,
) -> Sequence[tuple[int, ...]]:
    """The token ids that follow each prompt, in the order given, without an end-of-text token.

    A prompt starts after the end-of-text token, as documents do, and keeps its end where it and the completion do not
    fit the context, half of which it has at the least. A completion ends with that token, after `how.tokens`, or with
    the context.
    """
    room = max(1, scorer.context // 2, scorer.context - how.tokens)
    prompts = [[scorer.start, *item.prompt][-room:] for item in wanted]
    order = sorted(range(len(wanted)), key=lambda i: (len(prompts[i]), wanted[i].key))
    out: list[tuple[int, ...]] = [()] * len(wanted)
    for begin in range(0, len(order), how.batch):
        rows = order[begin : begin + how.batch]
        drawn = _draw(scorer, [prompts[i] for i in rows], [wanted[i].key for i in rows], how, seed)
        for row, ids in zip(rows, drawn, strict=True):
            out[row] = tuple(ids)
        report(begin + len(rows), len(order))
    return out


@torch.inference_mode()
def _draw(
    scorer: Scorer, prompts: Sequence[list[int]], keys: Sequence[str], how: Draw, seed: int
) -> Sequence[list[int]]:
    width = max(map(len, prompts))
    most = max(1, min(how.tokens, scorer.context - width))
    luck = np.stack([_stream(seed, key, most) for key in keys])
    ids = torch.tensor([[scorer.start] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    places = (mask.cumsum(1) - 1).clamp(min=0)
    cache = DynamicCache(config=scorer.model.config)
    held: dict[str, Any] = {scorer.cache_argument: cache, "use_cache": True, "logits_to_keep": 1}
    drawn: list[list[int]] = [[] for _ in prompts]
    alive = list(range(len(prompts)))
    for step in range(most):
        logits = scorer.model(input_ids=ids, attention_mask=mask, position_ids=places, **held).logits[:, -1]
        chosen = _choose(logits.float(), luck[alive, step], how)
        kept = [n for n, token in enumerate(chosen) if token != scorer.start]
        for n in kept:
            drawn[alive[n]].append(chosen[n])
        if not kept or step + 1 == most:
            break
        if len(kept) < len(alive):
            alive = [alive[n] for n in kept]
            picked = torch.tensor(kept)
            cache.batch_select_indices(picked)
            mask, places, chosen = mask[picked], places[picked], [chosen[n] for n in kept]
        ids = torch.tensor([[token] for token in chosen])
        mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
        places = places[:, -1:] + 1
    return drawn


def _choose(logits: torch.Tensor, luck: np.ndarray[Any, Any], how: Draw) -> list[int]:
    """The likeliest token of each row, or where its number in [0, 1) falls among the nucleus (Holtzman et al. 2020)."""
    if how.temperature == 0:
        return [int(token) for token in logits.argmax(1)]
    shares = (logits / how.temperature).softmax(1)
    wide = shares.shape[1]
    if how.top_p == 1:
        return _fall(shares, torch.full((len(shares), 1), wide - 1), luck)
    # To sort the whole vocabulary would take longer than the model; the nucleus is nearly always among its first.
    count = min(_FIRST, wide)
    top, order = shares.topk(count, dim=1)
    if count < wide and bool((top.sum(1) < how.top_p).any()):
        top, order = torch.sort(shares, descending=True, stable=True)
    inside = (top.double().cumsum(1) - top < how.top_p).sum(1, keepdim=True)
    places = _fall(top, inside - 1, luck)
    return [int(row[place]) for row, place in zip(order, places, strict=True)]


def _fall(shares: torch.Tensor, last: torch.Tensor, luck: np.ndarray[Any, Any]) -> list[int]:
    """Where each row's number falls among its shares up to `last`."""
    sums = shares.double().cumsum(1)
    target = torch.from_numpy(luck).unsqueeze(1) * sums.gather(1, last)
    place = torch.minimum(torch.searchsorted(sums, target, right=True), last)
    return [int(n) for n in place.squeeze(1)]


def _stream(seed: int, key: str, length: int) -> np.ndarray[Any, Any]:
    """Numbers in [0, 1) that belong to a key."""
    digest = blake2b(f"{seed}\0{key}".encode(), digest_size=16).digest()
    generator = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
    numbers: np.ndarray[Any, Any] = generator.random(length)
    return numbers


def texts_of(scorer: Scorer, completions: Sequence[Sequence[int]]) -> Iterator[str]:
    for ids in completions:
        yield scorer.tokenizer.decode(list(ids), skip_special_tokens=False)
