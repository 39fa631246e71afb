"""Completions: what they depend on, and where they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bigcode.api import Problem
from bigcode_codeevals.config import Sampling
from bigcode_codeevals.generate import Completion, Generator, Request

TEXTS = ("one two three four\nfive", "def f(x):\n    return x\n\nprint(f(1))", "été en été\nhiver")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny: SimpleNamespace) -> Path:
    """A model with random weights."""
    path = tmp_path_factory.mktemp("random")
    tiny.save(tiny.build(), path)
    return path


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, tiny: SimpleNamespace) -> Path:
    """A model that knows the texts."""
    path = tmp_path_factory.mktemp("read")
    tiny.reader(path, TEXTS)
    return path


def drawn(
    folder: Path, requests: Sequence[Request], seed: int = 0, **settings: object
) -> Mapping[str, Completion]:
    sampling = Sampling.model_validate({"max_new_tokens": 24, "samples": 4, **settings})
    return {c.key: c for c in Generator(folder, sampling, seed).complete(requests)}


def test_a_model_that_knows_a_text_completes_it(read: Path) -> None:
    found = drawn(read, [Request("a", "one two thr"), Request("b", "def f(x):\n")], temperature=0, samples=1)
    assert found["a"].text == "ee four\nfive"
    assert found["a"].ended == "end"
    assert found["b"].text.startswith("    return x\n")


def test_a_stop_string_is_cut_off_with_what_follows(read: Path) -> None:
    requests = [Request("a", "one two thr", stop=("\n",)), Request("b", "été en é", stop=("\nh",))]
    found = drawn(read, requests, temperature=0, samples=1)
    assert (found["a"].text, found["a"].ended) == ("ee four", "stop")
    assert (found["b"].text, found["b"].ended) == ("té", "stop")


def test_a_completion_does_not_depend_on_what_is_drawn_beside_it(folder: Path) -> None:
    prompts = ["a", "some longer prompt", "x = 1\n", "def f():", "é", "for i in range(10):\n    "]
    requests = [Request(f"{p}/{n}", p) for p in prompts for n in range(4)]
    alone = drawn(folder, requests, batch=1, temperature=0.8)
    assert alone == drawn(folder, requests, batch=5, temperature=0.8)
    assert alone == drawn(folder, requests[::-1], batch=64, temperature=0.8)


def test_samples_differ_and_another_seed_gives_others(folder: Path) -> None:
    requests = [Request(f"t/{n}", "x") for n in range(8)]
    first = drawn(folder, requests, temperature=1)
    assert len({c.text for c in first.values()}) == 8
    other = drawn(folder, requests, seed=1, temperature=1)
    assert all(first[key].text != other[key].text for key in first)


def test_tokens_are_drawn_as_often_as_the_model_says(folder: Path, tiny: SimpleNamespace) -> None:
    requests = [Request(f"t/{n}", "x") for n in range(3000)]
    found = drawn(folder, requests, temperature=1, top_p=1, max_new_tokens=1, batch=512)
    generator = Generator(folder, Sampling(), 0)
    with torch.inference_mode():
        ids = torch.tensor([[generator.end, *generator.tokenizer.encode("x").ids]])
        shares = generator.model(ids, use_cache=False).logits[0, -1].softmax(0)
    counts = Counter(c.text for c in found.values())
    for token in shares.topk(5).indices.tolist():
        share, text = float(shares[token]), generator.tokenizer.decode([token], skip_special_tokens=False)
        if text.isascii() and token >= len(tiny.special):
            spread = (share * (1 - share) / 3000) ** 0.5
            assert abs(counts[text] / 3000 - share) < 5 * spread


def test_a_narrow_nucleus_leaves_the_likeliest_token(folder: Path) -> None:
    requests = [Request(f"t/{n}", "x") for n in range(4)]
    narrow = drawn(folder, requests, temperature=1, top_p=1e-6)
    best = drawn(folder, requests[:1], temperature=0, samples=1)
    assert {c.text for c in narrow.values()} == {best["t/0"].text}


def test_a_long_prompt_keeps_its_end_and_a_short_context_cuts_the_completion(folder: Path) -> None:
    found = drawn(folder, [Request("a", "y" * 1000 + "x = 1")], max_new_tokens=100, temperature=1)
    assert found["a"].tokens <= 100
    whole = drawn(folder, [Request("a", "x")], max_new_tokens=1000, temperature=1)
    assert whole["a"].tokens <= 160


def test_control_strings_of_a_prompt_are_ordinary_text(folder: Path) -> None:
    generator = Generator(folder, Sampling(), 0)
    assert generator.tokenizer.encode("<|endoftext|>").ids.count(generator.end) == 0


def test_a_model_that_cannot_fill_in_says_so(tmp_path: Path, folder: Path, tiny: SimpleNamespace) -> None:
    assert Generator(folder, Sampling(), 0).fills_in
    found = drawn(folder, [Request("a", "x = ", "\nprint(x)\n")], temperature=1)
    assert found["a"].tokens > 0
    tiny.save(tiny.build(), tmp_path, ("<|endoftext|>", "<a>", "<b>", "<c>"))
    with pytest.raises(Problem, match="fill in") as caught:
        drawn(tmp_path, [Request("a", "x = ", "\nprint(x)\n")])
    assert [d.code for d in caught.value.diagnostics] == ["E805"]


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path, tiny: SimpleNamespace) -> None:
    tiny.build().save_pretrained(tmp_path)
    with pytest.raises(Problem) as caught:
        Generator(tmp_path, Sampling(), 0)
    assert [d.code for d in caught.value.diagnostics] == ["E805"]
