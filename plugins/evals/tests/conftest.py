"""A tiny model in a transformers folder, with a tokenizer whose tokens are bytes, and shards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, GPTBigCodeConfig, PreTrainedModel

END = "<|endoftext|>"

# For models of this size threads cost more than they bring.
torch.set_num_threads(1)


def byte_tokenizer() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate([END, *alphabet])}, merges=[]))
    tokenizer.add_special_tokens([END])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def save(model: PreTrainedModel, folder: Path) -> Mapping[str, Path]:
    """The files of a model folder, by name."""
    model.save_pretrained(folder)
    byte_tokenizer().save(str(folder / "tokenizer.json"))
    return {path.name: path for path in folder.iterdir()}


def build(context: int = 64) -> PreTrainedModel:
    torch.manual_seed(0)
    config = GPTBigCodeConfig(
        vocab_size=257, n_positions=context, n_embd=64, n_layer=2, n_head=4, multi_query=True,
        bos_token_id=0, eos_token_id=0, attn_pdrop=0.0, resid_pdrop=0.0, embd_pdrop=0.0,
    )  # fmt: skip
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """With random weights."""
    return save(build(), tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def even_model(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """One to which all tokens are equally likely."""
    model = build()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    return save(model, tmp_path_factory.mktemp("even"))


@pytest.fixture(scope="session")
def train_on(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[str], int], Mapping[str, Path]]:
    """Train a model on texts until it knows their first tokens."""

    def train(texts: Sequence[str], steps: int) -> Mapping[str, Path]:
        model, tokenizer = build(), byte_tokenizer()
        rows = torch.tensor([[0, *tokenizer.encode(text).ids][:64] for text in texts])
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for _ in range(steps):
            model(rows, labels=rows, use_cache=False).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return save(model, tmp_path_factory.mktemp("trained"))

    return train


@pytest.fixture
def shard(tmp_path: Path) -> Callable[[str, Sequence[Mapping[str, str]]], Mapping[str, Path]]:
    def write(name: str, rows: Sequence[Mapping[str, str]]) -> Mapping[str, Path]:
        columns = ("content", "host", "owner", "repository", "language", "path")
        table = pa.table({c: pa.array([row.get(c, "") for row in rows], pa.string()) for c in columns})
        pq.write_table(table, tmp_path / name)
        return {name: tmp_path / name}

    return write
