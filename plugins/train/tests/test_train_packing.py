"""Rows for training: nothing lost, nothing cut short, nothing that depends on who asks for which part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM

from bigcode.testing.context import JobContext
from bigcode_train import fim
from bigcode_train.loop import view_of
from bigcode_train.packing import Recipe, Sequences, plan_epoch
from bigcode_train.token_files import TokenFiles, open_tokens

END = 0
MARKS = fim.Marks(prefix=1, middle=2, suffix=3)


def make_recipe(width: int = 64, seed: int = 7, fim_rate: float = 0.5) -> Recipe:
    return Recipe(width, seed, fim_rate, 0.5, MARKS)


def fill_in(row: list[int]) -> list[int]:
    """Put the middle of a rearranged stretch back into its place."""
    suffix, middle = row.index(MARKS.suffix), row.index(MARKS.middle)
    if suffix == 1:
        return row[middle + 1 :] + row[2:middle]
    return row[1:suffix] + row[middle + 1 :] + row[suffix + 1 : middle]


@pytest.fixture
def files(inputs: dict[str, dict[str, Path]], tmp_path: Path) -> TokenFiles:
    return open_tokens(JobContext(None, tmp_path, inputs=inputs))


@given(size=st.integers(fim.SHORTEST, 60), start=st.integers(0, 1000), spm_rate=st.sampled_from([0.0, 1.0]))
def test_the_middle_moves_to_the_end_and_nothing_is_lost(size: int, start: int, spm_rate: float) -> None:
    ids = np.arange(10, 10 + size, dtype=np.uint16)
    moved = fim.rearrange(ids, fim.draw(0, 0, 0, start), spm_rate, MARKS)
    assert len(moved) == size + fim.OVERHEAD
    assert moved.dtype == ids.dtype
    assert moved.tolist()[:2] == [MARKS.prefix, MARKS.suffix] if spm_rate else moved[0] == MARKS.prefix
    assert sorted(moved.tolist())[3:] == ids.tolist()
    if not spm_rate:
        assert fill_in(moved.tolist()) == ids.tolist()


def test_joined_order_reads_prefix_and_middle_as_one() -> None:
    ids = np.arange(10, 20, dtype=np.uint16)
    moved = fim.rearrange(ids, fim.Draw(0.0, 0.0, 0.3, 0.6), 1.0, MARKS).tolist()
    assert moved == [1, 3, 16, 17, 18, 19, 2, 10, 11, 12, 13, 14, 15]


def test_rates_are_kept() -> None:
    draws = [fim.draw(0, 0, document, 0) for document in range(4000)]
    for values in zip(*draws, strict=True):
        assert np.mean(np.asarray(values) < 0.5) == pytest.approx(0.5, abs=0.03)


@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=40),
    width=st.integers(16, 64),
    epoch=st.integers(0, 3),
    fim_rate=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_every_token_has_its_place_and_every_row_is_full(
    lengths: list[int], width: int, epoch: int, fim_rate: float
) -> None:
    plan = plan_epoch(np.asarray(lengths), epoch, make_recipe(width, fim_rate=fim_rate))
    sizes = plan.stretches[:, 2] - plan.stretches[:, 1] + fim.OVERHEAD * plan.stretches[:, 3]
    assert np.all(sizes > 0)
    assert np.array_equal(np.add.reduceat(sizes, plan.rows[:-1]), np.full(len(plan), width))
    seen = [np.zeros(length, int) for length in lengths]
    for document, start, stop, _ in plan.stretches.tolist():
        seen[document][start:stop] += 1
    assert all(counts.min() >= 1 for counts in seen)
    # Only the last row may repeat what the epoch began with.
    assert sum(int(counts.sum()) for counts in seen) < sum(lengths) + width


def test_ranks_see_parts_of_the_same_batches(files: TokenFiles) -> None:
    whole = Sequences(files, make_recipe()).rows(0, 48)
    for world in (2, 4):
        parts = [
            Sequences(files, make_recipe()).rows(r * 48 // world, (r + 1) * 48 // world) for r in range(world)
        ]
        assert np.array_equal(np.concatenate(parts), whole)


def test_another_epoch_and_another_seed_give_other_rows(files: TokenFiles) -> None:
    sequences = Sequences(files, make_recipe())
    epoch = len(sequences.plan(0))
    first = sequences.rows(0, 8)
    assert not np.array_equal(first, sequences.rows(epoch, epoch + 8))
    assert not np.array_equal(first, Sequences(files, make_recipe(seed=8)).rows(0, 8))


def test_a_row_opens_with_what_its_first_prediction_sees(files: TokenFiles) -> None:
    sequences = Sequences(files, make_recipe(fim_rate=0.0))
    text = files.ids.tolist()
    for row in sequences.rows(0, len(sequences.plan(0))).tolist():
        joined = [row[0]]
        for token in row[1:]:
            if joined[-1] == END:
                joined = [END]
            joined.append(token)
        # The last document of the row, from its opening on, stands in the shards as it stands in the row.
        tail = joined[1:] if joined[0] == END else joined
        assert any(text[i : i + len(tail)] == tail for i in range(len(text) - len(tail) + 1))


def test_documents_of_rows_are_named(files: TokenFiles) -> None:
    sequences = Sequences(files, make_recipe())
    everything = sequences.documents(0, len(sequences.plan(0)))
    assert everything.tolist() == list(range(files.documents))
    assert set(sequences.documents(0, 2).tolist()) < set(everything.tolist())


@pytest.mark.parametrize(
    "architecture",
    [
        {"model_type": "gpt_bigcode", "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64},
        {
            "model_type": "starcoder2",
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "intermediate_size": 64,
            "max_position_embeddings": 64,
        },
    ],
    ids=lambda architecture: architecture["model_type"],
)
def test_packed_documents_are_read_as_if_each_stood_alone(architecture: dict[str, object]) -> None:
    kind, *_ = architecture.values()
    fields = {name: value for name, value in architecture.items() if name != "model_type"}
    config = AutoConfig.for_model(kind, vocab_size=64, bos_token_id=END, eos_token_id=END, **fields)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()
    pieces = [[5, 6, 7, 8, 9], [END, 10, 11, 12], [END], [END, *range(13, 35)]]
    packed = torch.tensor([[token for piece in pieces for token in piece]])
    with torch.no_grad():
        together = model(packed, use_cache=False, **view_of(packed, END)).logits[0]
        alone = torch.cat([model(torch.tensor([piece]), use_cache=False).logits[0] for piece in pieces])
    assert torch.allclose(together, alone, atol=1e-5)
