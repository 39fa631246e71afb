"""Models: built from a configuration or a base, spread, and handed over as `transformers` reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from bigcode.api import Problem
from bigcode.testing.context import JobContext
from bigcode_train.network.attention import mark_documents
from bigcode_train.network.model import build_model
from bigcode_train.network.network import Network, group_of
from bigcode_train.network.probe import probe_model
from bigcode_train.network.sharding import Layout, Whole, check_ranks, check_tensor, gradient_norms
from bigcode_train.training.causal_lm import CausalLM

IDS = {"bos": 0, "eos": 0, "pad": 0}
TINY = {"model_type": "gpt_bigcode", "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
Make = Callable[..., JobContext]


def run(job: JobContext) -> JobContext:
    CausalLM(job.config).run(job)
    return job


def losses(job: JobContext) -> list[float]:
    return [point["loss"] for point in job.points if point["series"] == "train"]


def with_base(job: JobContext, folder: Path) -> JobContext:
    job.inputs = {**job.inputs, "base": {path.name: path for path in folder.iterdir()}}
    return job


@pytest.fixture(scope="module")
def base(
    inputs: dict[str, dict[str, Path]],
    settings: dict[str, Any],
    params: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> JobContext:
    from bigcode_train.config import CausalLMConfig

    config = CausalLMConfig.model_validate(settings)
    return run(JobContext(config, tmp_path_factory.mktemp("base"), params, inputs))


@pytest.mark.parametrize("architecture", [TINY, LLAMA], ids=lambda a: a["model_type"])
def test_dropout_is_nought_unless_it_is_asked_for(architecture: dict[str, Any]) -> None:
    config = build_model(architecture, 100, 64, IDS, 0).config
    found = {name: value for name, value in config.to_dict().items() if "pdrop" in name or "dropout" in name}
    assert found
    assert not any(found.values())
    name = next(iter(found))
    assert getattr(build_model({**architecture, name: 0.1}, 100, 64, IDS, 0).config, name) == 0.1


def test_equal_seeds_give_equal_weights() -> None:
    one, two, other = (build_model(TINY, 100, 64, IDS, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_a_base_is_gone_on_from(base: JobContext, make_job: Make) -> None:
    job = run(with_base(make_job(), base.out / "model"))
    assert losses(job)[0] < losses(base)[0] - 0.3
    assert losses(job)[0] == pytest.approx(losses(base)[-1], abs=0.5)


def test_a_base_gives_the_fields_that_are_left_out(base: JobContext, make_job: Make) -> None:
    job = run(with_base(make_job(architecture={"model_type": "gpt_bigcode"}), base.out / "model"))
    said = json.loads((job.out / "model" / "config.json").read_text(encoding="utf-8"))
    assert (said["n_embd"], said["n_layer"]) == (32, 2)


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        (TINY | {"n_embd": 64}, "weights of another shape for .*64.*32|weights of another shape for"),
        (TINY | {"n_layer": 3}, "no weights for transformer.h.2"),
        (TINY | {"n_layer": 1}, "weights that the architecture lacks"),
        (LLAMA, "is of the architecture `gpt_bigcode`, the model of `llama`"),
        (TINY | {"vocab_size": 256}, "has room for 256 tokens, the tokenizer has"),
    ],
)
def test_a_base_of_another_shape_is_refused(
    architecture: dict[str, Any], says: str, base: JobContext, make_job: Make
) -> None:
    with pytest.raises(Problem, match=says) as caught:
        run(with_base(make_job(architecture=architecture), base.out / "model"))
    assert caught.value.diagnostics[0].code == "E105"


def test_a_base_of_another_tokenizer_is_refused(base: JobContext, make_job: Make, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    for path in (base.out / "model").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    with (folder / "tokenizer.json").open("a") as file:
        file.write("\n")
    with pytest.raises(Problem, match=r"E805.*the base was trained with tokenizer"):
        run(with_base(make_job(), folder))


def test_a_base_whose_weights_could_run_code_is_refused(
    base: JobContext, make_job: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_bytes((base.out / "model" / "config.json").read_bytes())
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(Problem, match=r"E105.*with weights in safetensors"):
        run(with_base(make_job(), folder))


@pytest.mark.parametrize("architecture", [TINY, LLAMA], ids=lambda a: a["model_type"])
def test_half_precision_trains_to_nearly_the_same_loss(architecture: dict[str, Any], make_job: Make) -> None:
    change = {"architecture": architecture, "budget_tokens": 12 * 4 * 64}
    exact = run(make_job(**change))
    half = run(make_job({"precision": "bf16"}, exact.scratch.parent / "half", **change))
    assert losses(half) == pytest.approx(losses(exact), abs=0.02)
    saved = AutoModelForCausalLM.from_pretrained(half.out / "model")
    assert {weight.dtype for weight in saved.parameters()} == {torch.float32}


def test_activations_computed_again_change_nothing(make_job: Make) -> None:
    kept = run(make_job())
    again = run(make_job(scratch=kept.scratch.parent / "again", recompute=True))
    assert losses(again) == losses(kept)


def test_the_model_that_is_saved_answers_as_the_one_that_was_trained(base: JobContext) -> None:
    saved = AutoModelForCausalLM.from_pretrained(base.out / "model").eval()
    assert saved.get_output_embeddings().weight is saved.get_input_embeddings().weight
    ids = torch.arange(1, 33)[None]
    network = Network(saved, probe_model(saved, apart=True), 0.0)
    entropy, _ = network(ids[:, :-1], ids[:, 1:], *mark_documents(ids[:, :-1], 0))
    saved.set_attn_implementation("sdpa")
    expected = saved(ids, labels=ids).loss.item()
    assert entropy.item() == pytest.approx(expected, abs=1e-5)


def test_a_copy_computes_and_fp32_weights_learn() -> None:
    model = build_model(TINY, 100, 64, IDS, 0)
    spread = Whole(Network(model, probe_model(model, True), 0.0), torch.bfloat16, Layout(1, 1, 0))
    assert {p.dtype for p in spread.network.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    ids = torch.randint(1, 100, (2, 17))
    for last in (False, True):
        inputs = ids[:, :-1].contiguous()
        _, loss = spread.network(inputs, ids[:, 1:].contiguous(), *mark_documents(inputs, 0))
        spread.backward(loss, last)
    assert {p.grad.dtype for p in model.parameters() if p.grad is not None} == {torch.float32}
    assert all(p.grad is None for p in spread.network.parameters())
    with torch.no_grad():
        model.transformer.ln_f.weight.fill_(3.0)
    spread.publish()
    assert spread.network.model.transformer.ln_f.weight[0] == 3.0


def test_norms_are_told_by_layer_and_add_up() -> None:
    model = build_model(TINY, 100, 64, IDS, 0)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    total, layers = gradient_norms(list(model.named_parameters()))
    assert total == pytest.approx(sum(p.numel() for p in model.parameters()) ** 0.5)
    assert set(layers) == {
        "transformer.wte",
        "transformer.wpe",
        "transformer.h.0",
        "transformer.h.1",
        "transformer.ln_f",
    }
    assert sum(norm**2 for norm in layers.values()) == pytest.approx(total**2)
    assert group_of("model.layers.11.mlp.up_proj.weight") == "model.layers.11"


@pytest.mark.parametrize(
    ("params", "world", "says"),
    [
        ({"sharding": "none", "tensor": 2}, 2, "`tensor` needs weights in shards"),
        ({"sharding": "hsdp", "replicas": 3}, 4, "cannot be 3 replicas"),
        ({"sharding": "fsdp"}, 3, "cannot share a batch of 4 sequences"),
    ],
)
def test_ranks_that_cannot_be_shared_out_are_refused(params: dict[str, Any], world: int, says: str) -> None:
    with pytest.raises(Problem, match=says):
        check_ranks(params, 4, world)


def test_heads_that_ranks_cannot_share_are_refused() -> None:
    model = build_model(LLAMA, 100, 64, IDS, 0)
    check_tensor(model, 2)
    with pytest.raises(Problem, match="4 ranks cannot share 4 heads and 2 heads of keys evenly"):
        check_tensor(model, 4)
