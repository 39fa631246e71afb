"""A sandbox that is started once, with limits that are soon reached; and tiny models, whose tokens are bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, GPTBigCodeConfig, PreTrainedModel

from bigcode_codeevals.sandbox.limits import Limits
from bigcode_codeevals.sandbox.pool import Job, Sandbox, Verdict

LIMITS = Limits(memory=256 * 2**20, processes=4, cpu=1, wall=3.0, output=2**20)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS, workers=2) as started:
        yield started


@pytest.fixture
def judge(sandbox: Sandbox) -> Callable[..., Verdict]:
    """The verdict on a source whose function `f` is to return what it is given."""

    def one(source: str, **more: object) -> Verdict:
        given = {"entry": "f", "tests": "assert f(41) == 41", **more}
        (verdict,) = sandbox.judge([Job("it", source, **given)])  # type: ignore[arg-type]
        return verdict

    return one


SPECIAL = ("<|endoftext|>", "<fim_prefix>", "<fim_suffix>", "<fim_middle>")
torch.set_num_threads(1)


def byte_tokenizer(special: Sequence[str] = SPECIAL) -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate([*special, *alphabet])}, merges=[]))
    tokenizer.add_special_tokens(list(special))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def build(context: int = 160) -> PreTrainedModel:
    torch.manual_seed(0)
    config = GPTBigCodeConfig(
        vocab_size=260, n_positions=context, n_embd=64, n_layer=2, n_head=4, multi_query=True,
        bos_token_id=0, eos_token_id=0, attn_pdrop=0.0, resid_pdrop=0.0, embd_pdrop=0.0,
    )  # fmt: skip
    return AutoModelForCausalLM.from_config(config).eval()


def save(model: PreTrainedModel, folder: Path, special: Sequence[str] = SPECIAL) -> Mapping[str, Path]:
    model.save_pretrained(folder)
    byte_tokenizer(special).save(str(folder / "tokenizer.json"))
    return {path.name: path for path in folder.iterdir()}


def reader(folder: Path, texts: Sequence[str], steps: int = 120) -> Mapping[str, Path]:
    """A model that was trained until it knows the texts by heart."""
    model, tokenizer = build(), byte_tokenizer()
    rows = [[0, *tokenizer.encode(text).ids, 0] for text in texts]
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    labels = torch.tensor([row + [-100] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        model(ids, attention_mask=mask, labels=labels, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return save(model, folder)


@pytest.fixture(scope="session")
def tiny() -> SimpleNamespace:
    """Makes models: `build()`, `save(model, folder, special)` and `reader(folder, texts)`."""
    return SimpleNamespace(build=build, save=save, reader=reader, special=SPECIAL)
