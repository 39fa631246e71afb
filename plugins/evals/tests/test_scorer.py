"""Log-likelihoods: each token once, the same with and without a window or a cache."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from bigcode.api import Problem
from bigcode_evals.scorer import Scorer, split


@pytest.fixture(scope="module")
def folder(model: Mapping[str, Path]) -> Path:
    return model["config.json"].parent


@given(length=st.integers(1, 200), context=st.integers(1, 40))
def test_windows_score_each_token_once_and_never_see_more_than_the_context(length: int, context: int) -> None:
    tokens = list(range(length))
    windows = list(split(tokens, context))
    scored = [target for w in windows for target in w.targets[w.skip :]]
    assert scored == tokens[1:]
    for window in windows:
        assert len(window.tokens) == len(window.targets) <= context
        assert window.tokens[0] == 0 or window.skip >= context // 2


def test_a_document_that_fits_has_the_likelihood_that_the_model_gives_it(folder: Path) -> None:
    scorer = Scorer(folder)
    ids = scorer.encode("def f(x):\n    return x\n")
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.inference_mode():
        logs = model(torch.tensor([[scorer.start, *ids]])).logits[0, :-1].log_softmax(-1)
    expected = -logs[torch.arange(len(ids)), torch.tensor(ids)].sum()
    assert scorer.nats([ids]) == [pytest.approx(float(expected), rel=1e-5)]


def test_a_batch_gives_what_each_document_gives_alone(folder: Path) -> None:
    scorer = Scorer(folder)
    documents = [scorer.encode("x = 1\n" * n) for n in (40, 1, 7, 23)]
    alone = [scorer.nats([ids])[0] for ids in documents]
    assert scorer.nats(documents) == pytest.approx(alone, rel=1e-5)


def test_a_smaller_context_reads_the_same_bytes(folder: Path) -> None:
    narrow = Scorer(folder, context=8)
    assert narrow.context == 8
    assert narrow.nats([narrow.encode("a" * 100)])[0] > 0


def test_the_context_is_no_longer_than_positions_and_the_tokenizers_settings_allow(
    model: Mapping[str, Path], tmp_path: Path
) -> None:
    for name, path in model.items():
        (tmp_path / name).write_bytes(path.read_bytes())
    assert Scorer(tmp_path, context=1000).context == 64
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 1000000000000000019884624838656}')
    assert Scorer(tmp_path).context == 64
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 32}')
    assert Scorer(tmp_path).context == 32


def test_choices_after_a_prefix_cost_what_they_add_to_it(folder: Path) -> None:
    scorer = Scorer(folder)
    prefix, choices = (
        scorer.encode("for i in range(3):"),
        [scorer.encode(c) for c in ("\n    pass", "\n}", "\nx")],
    )
    whole = scorer.nats([prefix, *([*prefix, *choice] for choice in choices)])
    added = [total - whole[0] for total in whole[1:]]
    assert scorer.nats_after(prefix, choices) == pytest.approx(added, rel=1e-4)


def test_a_prefix_that_does_not_fit_loses_its_beginning(folder: Path) -> None:
    scorer = Scorer(folder, context=16)
    choice = scorer.encode("\nend")
    assert scorer.nats_after(scorer.encode("x" * 400), [choice]) == scorer.nats_after(
        scorer.encode("x" * 90), [choice]
    )


def test_control_strings_in_a_text_are_text(folder: Path) -> None:
    scorer = Scorer(folder)
    assert scorer.start not in scorer.encode("<|endoftext|>")
    assert len(scorer.encode("<|endoftext|>")) == 13


def test_a_model_without_a_tokenizer_is_refused(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(Problem) as caught:
        Scorer(tmp_path)
    assert [d.code for d in caught.value.diagnostics] == ["E805"]
