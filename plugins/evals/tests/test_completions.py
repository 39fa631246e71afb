"""Completions: the likeliest ones, and drawn ones that depend on nothing beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from bigcode_evals.completions import Draw, Wanted, complete, texts_of
from bigcode_evals.scorer import Scorer

TEXTS = ["import os\n", "def add(a, b):\n    return a + b\n"]
Train = Callable[[Sequence[str], int], Mapping[str, Path]]


def scorer_of(model: Mapping[str, Path]) -> Scorer:
    return Scorer(model["config.json"].parent, 0, 1)


def test_the_likeliest_tokens_are_those_of_a_plain_loop(model: Mapping[str, Path]) -> None:
    scorer = scorer_of(model)
    prompts = [tuple(scorer.encode(text)) for text in ("a", "import os", "")]
    drawn = complete(scorer, [Wanted(str(i), p) for i, p in enumerate(prompts)], Draw(6), 0)
    for prompt, ids in zip(prompts, drawn, strict=True):
        row = [scorer.start, *prompt]
        for token in ids:
            logits = scorer.model(torch.tensor([row]), use_cache=False).logits[0, -1]
            assert int(logits.argmax()) == token
            row.append(token)


def test_a_model_writes_on_what_it_learnt_and_ends_with_the_context(train_on: Train) -> None:
    text = "for i in range(10):\n    print(i)\n"
    scorer = scorer_of(train_on([text * 3], 150))
    (ids,) = complete(scorer, [Wanted("k", tuple(scorer.encode(text[:10])))], Draw(500), 0)
    (written,) = texts_of(scorer, [ids])
    assert (text * 3)[10:].startswith(written[:40])
    # The last token of the context may be written; the first is the end of the text before.
    assert len(ids) < scorer.context


def test_a_drawn_completion_is_the_same_in_any_company(model: Mapping[str, Path]) -> None:
    scorer = scorer_of(model)
    wanted = [Wanted(f"k{i}", tuple(scorer.encode(t))) for i, t in enumerate(TEXTS * 2)]
    how = Draw(8, 0.9, 0.9, batch=4)
    together = complete(scorer, wanted, how, 7)
    alone = [complete(scorer, [item], Draw(8, 0.9, 0.9, batch=1), 7)[0] for item in wanted]
    assert list(together) == alone
    assert together[0] != together[2]
    assert complete(scorer, wanted, how, 8) != together


def test_a_narrow_nucleus_leaves_the_likeliest_and_a_whole_one_follows_the_shares(
    model: Mapping[str, Path], even_model: Mapping[str, Path]
) -> None:
    scorer = scorer_of(model)
    wanted = [Wanted(str(i), ()) for i in range(4)]
    assert complete(scorer, wanted, Draw(5, 1.0, 1e-6), 0) == complete(scorer, wanted, Draw(5), 0)
    even = scorer_of(even_model)
    counts = Counter(
        token
        for ids in complete(even, [Wanted(str(i), ()) for i in range(64)], Draw(40, 1.0), 0)
        for token in ids
    )
    assert len(counts) > 240
    assert max(counts.values()) < 40
