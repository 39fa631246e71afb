"""Attention within documents: a row of documents is read as each of them alone, by every architecture."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from bigcode.api import Problem
from bigcode_train.network.attention import NAME, attend, mark_documents, mask_of
from bigcode_train.network.network import Network, Traits, view_of
from bigcode_train.network.probe import probe_model

END = 0
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
ARCHITECTURES = {
    "gpt_bigcode": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "gpt_bigcode, heads of keys": {
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 2,
        "n_positions": 64,
        "multi_query": False,
    },
    "starcoder2": {**SMALL, "intermediate_size": 64, "max_position_embeddings": 64},
    "starcoder2, window": {
        **SMALL,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "sliding_window": 9,
    },
    "llama": {**SMALL, "intermediate_size": 64, "max_position_embeddings": 64},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64},
}
PIECES = [[5, 6, 7, 8, 9], [END, 10, 11, 12], [END], [END, *range(13, 35)]]


def make_model(name: str, **more: Any) -> PreTrainedModel:
    kind = name.partition(",")[0]
    fields = {"vocab_size": 64, "bos_token_id": END, "eos_token_id": END, **ARCHITECTURES[name], **more}
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **fields)
    return AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()


def read_alone(model: PreTrainedModel) -> torch.Tensor:
    """Logits of each piece by itself, in the plainest way that the library has."""
    model.set_attn_implementation("eager")
    with torch.no_grad():
        return torch.cat([model(torch.tensor([piece]), use_cache=False).logits[0] for piece in PIECES])


@pytest.mark.parametrize(
    ("name", "attention"),
    [
        *((name, "documents") for name in ARCHITECTURES),
        # A mask that is made here knows no window.
        *((name, "mask") for name in ARCHITECTURES if "window" not in name),
    ],
)
def test_packed_documents_are_read_as_if_each_stood_alone(name: str, attention: Any) -> None:
    model = make_model(name)
    expected = read_alone(model)
    packed = torch.tensor([[token for piece in PIECES for token in piece]])
    traits = Traits(attention, True)
    Network(model, traits, 0.0)
    view = view_of(*mark_documents(packed, END), traits)
    with torch.no_grad():
        together = model(packed, use_cache=False, **view).logits[0]
    assert torch.allclose(together, expected, atol=1e-5)


def test_the_library_drops_positions_without_a_word_where_a_cache_is_used() -> None:
    """The trap that the network avoids: this is why it says `use_cache=False` and gives a mask of its own."""
    model = make_model("llama")
    expected = read_alone(model)
    packed = torch.tensor([[token for piece in PIECES for token in piece]])
    _, positions = mark_documents(packed, END)
    model.set_attn_implementation("sdpa")
    with torch.no_grad():
        dropped = model(packed, position_ids=positions).logits[0]
    assert not torch.allclose(dropped, expected, atol=1e-2)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_tried_before_it_is_trained(name: str) -> None:
    model = make_model(name)
    traits = probe_model(model, apart=True)
    assert traits == Traits("documents", True)
    assert probe_model(model, apart=False) == traits


def test_logits_that_are_more_than_a_product_are_taken_from_the_model() -> None:
    kind = {"head_dim": 8, "intermediate_size": 64, "max_position_embeddings": 64}
    config = AutoConfig.for_model("cohere", vocab_size=64, **SMALL, **kind, logit_scale=0.5)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    assert not probe_model(model, apart=True).plain_head


def test_a_model_that_cannot_keep_documents_apart_is_refused() -> None:
    config = AutoConfig.for_model(
        "mamba", vocab_size=64, hidden_size=32, num_hidden_layers=1, state_size=4, use_mambapy=False
    )
    model = AutoModelForCausalLM.from_config(config)
    with pytest.raises(Problem, match=r"E105.*`mamba` does not keep the documents of a row apart"):
        probe_model(model, apart=True)


def test_documents_start_at_rows_and_at_what_closes_the_one_before() -> None:
    inputs = torch.tensor([[5, 6, END, 7], [END, 8, 9, END]])
    offsets, positions = mark_documents(inputs, END)
    assert offsets.shape == (1, 1, 1, 5)
    assert offsets.flatten().tolist() == [0, 2, 4, 7, 8]
    assert positions.tolist() == [[0, 1, 0, 1], [0, 1, 2, 0]]
    whole, _ = mark_documents(inputs, END, whole=True)
    assert whole.flatten().tolist() == [0, 4, 8]


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("window", [None, 40])
@pytest.mark.parametrize("alone", [True, False])
def test_blocks_compute_what_a_mask_does(groups: int, window: int | None, alone: bool) -> None:
    torch.manual_seed(0)
    rows, heads, width, size = 2, 4, 300, 16
    query = torch.randn(rows, heads, width, size, requires_grad=True)
    key, value = (torch.randn(rows, groups, width, size, requires_grad=True) for _ in range(2))
    offsets, _ = mark_documents(torch.randint(0, 60, (rows, width)), END, whole=alone)
    mask = mask_of(offsets, rows, width)
    if window:
        mask &= torch.ones(width, width, dtype=torch.bool).triu(1 - window)
    wide = [x.repeat_interleave(heads // groups, 1) for x in (key, value)]
    expected = scaled_dot_product_attention(query, *wide, attn_mask=mask).transpose(1, 2)
    found, _ = attend(torch.nn.Module(), query, key, value, offsets, sliding_window=window)
    assert torch.allclose(found, expected, atol=1e-5)
    above = torch.randn_like(found)
    slopes = [torch.autograd.grad(out, (query, key, value), above) for out in (found, expected)]
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(*slopes, strict=True))


def test_a_mask_is_not_mistaken_for_offsets() -> None:
    q = torch.zeros(1, 1, 4, 8)
    with pytest.raises(TypeError):
        attend(torch.nn.Module(), q, q, q, torch.ones(1, 1, 4, 4, dtype=torch.bool))


def test_dropout_is_drawn_within_documents_too() -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 2, 16, 8) for _ in range(3))
    offsets, _ = mark_documents(torch.tensor([[1, 2, 3, END, *range(5, 17)]]), END)
    found, _ = attend(torch.nn.Module(), q, k, v, offsets, dropout=0.5)
    assert torch.isfinite(found).all()
    # The first token of a document sees itself alone: its value is dropped, or doubled.
    first = found[0, 3]
    assert torch.allclose(first, 2 * v[0, :, 3]) or (first == 0).any()


def test_dropout_of_whole_rows_is_causal() -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 2, 16, 8) for _ in range(3))
    found = []
    for value in (v, torch.cat((v[:, :, :8], torch.zeros(2, 2, 8, 8)), 2)):
        torch.manual_seed(1)
        found.append(attend(torch.nn.Module(), q, k, value, None, dropout=0.5)[0])
    assert torch.equal(found[0][:, :8], found[1][:, :8])
    assert not torch.equal(found[0][:, 8:], found[1][:, 8:])


def test_the_attention_is_known_by_its_name() -> None:
    model = make_model("gpt_bigcode")
    Network(model, Traits("documents", True), 0.0)
    assert model.config._attn_implementation == NAME
