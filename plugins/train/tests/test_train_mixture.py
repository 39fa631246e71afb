"""Mixtures: the shares that a spec asks for, in every part of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from token_arrays import make_files

from bigcode.api import Problem
from bigcode_train.order import mixture as mixtures
from bigcode_train.order.mixture import Mixture, Stream, plan_mixture
from bigcode_train.order.permutation import make_key

weights_of_streams = st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=12)


def make_mixture(weights: list[float], seed: int = 0) -> Mixture:
    streams = [
        Stream(i, f"source-{i}", weight / sum(weights), {"": 1000}) for i, weight in enumerate(weights)
    ]
    return Mixture(streams, make_key(seed, 0, "mixture"))


@given(weights=weights_of_streams, seed=st.integers(0, 50))
def test_any_prefix_holds_each_share_to_within_two_rows(weights: list[float], seed: int) -> None:
    mixture = make_mixture(weights, seed)
    streams, _ = mixture.locate(np.arange(3000))
    for number, stream in enumerate(mixture.streams):
        seen = np.cumsum(streams == number)
        assert np.abs(seen - stream.share * np.arange(1, 3001)).max() < 2.5


@given(weights=weights_of_streams, first=st.integers(0, 10**9), rows=st.integers(0, 200))
def test_rows_of_a_stream_are_numbered_without_a_gap(weights: list[float], first: int, rows: int) -> None:
    mixture = make_mixture(weights)
    streams, numbers = mixture.locate(np.arange(first, first + rows))
    before, within = mixture.count(0, first), mixture.count(first, first + rows)
    for stream in range(len(weights)):
        own = numbers[streams == stream]
        assert own.tolist() == list(range(before[stream], before[stream] + within[stream]))


@given(weights=weights_of_streams, cut=st.integers(0, 100))
def test_parts_are_parts_of_the_whole(weights: list[float], cut: int) -> None:
    mixture = make_mixture(weights)
    whole = np.array(mixture.locate(np.arange(100)))
    parts = [np.array(mixture.locate(np.arange(*span))) for span in ((0, cut), (cut, 100))]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_another_seed_deals_otherwise() -> None:
    first, second = (make_mixture([0.5, 0.3, 0.2], seed).locate(np.arange(50))[0] for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_sources_have_their_weights_and_languages_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixtures, "SMALL", 100)
    stack = make_files([300, 100, 600], ["C", "Go", "Python"], "stack")
    issues = make_files([50], ["text"], "issues")
    sources = [
        {"name": "stack", "weight": 3.0, "languages": {"Go": 3.0, "C": 0.0}},
        {"name": "issues", "weight": 1.0, "languages": {}},
    ]
    shares = plan_mixture([stack, issues], sources).shares
    assert shares == pytest.approx(
        {("stack", "Go"): 0.75 / 3, ("stack", "Python"): 0.75 * 2 / 3, ("issues", "text"): 0.25}
    )
    staged = plan_mixture([stack, issues], sources, {"stack": 1.0}).shares
    assert staged[("issues", "text")] == pytest.approx(0.5)
    assert set(plan_mixture([stack, issues], sources, {"stack": 0.0}).shares) == {("issues", "text")}


def test_small_languages_of_one_weight_share_their_rows() -> None:
    files = make_files([10, 20, 30], ["Ada", "Zig", "Zsh"])
    assert len(plan_mixture([files]).streams) == 1
    weighed = plan_mixture([files], [{"name": "", "languages": {"Ada": 2.0}}])
    assert [set(stream.tokens) for stream in weighed.streams] == [{"Zig", "Zsh"}, {"Ada"}]


@given(first=st.integers(0, 10**6), rows=st.integers(0, 10**6))
def test_counts_of_languages_add_up_to_the_rows(first: int, rows: int) -> None:
    files = [make_files([500, 70, 30], ["C", "Go", "Zig"], "a"), make_files([400], ["C"], "b")]
    mixture = plan_mixture(files, [{"name": "a", "weight": 2.0}, {"name": "b"}])
    counts = mixture.counts(first, first + rows, 64)
    assert sum(count.tokens for count in counts) == rows * 64
    by_source = {name: sum(c.tokens for c in counts if c.source == name) for name in "ab"}
    assert abs(by_source["a"] - 2 * by_source["b"]) <= 64 * 6
    (epochs,) = {count.epochs for count in counts if count.source == "b"}
    assert epochs == pytest.approx(by_source["b"] / 400)


@pytest.mark.parametrize(
    ("sources", "weights", "code", "says"),
    [
        ([{"name": "a", "weight": 0.0}], {}, "E105", "all sources weigh nought"),
        ([{"name": "a", "weight": 2.0}], {"a": 0.0}, "E105", "the mixture of stage 2 is empty"),
        (
            [{"name": "a", "languages": {"C": 0.0, "Go": 0.0}}],
            {},
            "E105",
            "all of its languages weigh nought",
        ),
        ([{"name": "a", "languages": {"Goo": 1.0}}], {}, "E105", "no document in `Goo`"),
    ],
)
def test_an_empty_mixture_is_refused(
    sources: list[dict[str, Any]], weights: dict[str, float], code: str, says: str
) -> None:
    files = make_files([40, 40], ["C", "Go"], "a")
    with pytest.raises(Problem, match=says) as raised:
        plan_mixture([files], sources, weights, stage=1)
    assert raised.value.diagnostics[0].code == code


def test_a_source_without_a_document_is_refused() -> None:
    with pytest.raises(Problem, match="`issues` of the mixture holds no document") as raised:
        plan_mixture([make_files([9], source="a"), make_files([], source="issues")])
    assert raised.value.diagnostics[0].code == "E707"
    plan_mixture([make_files([9], source="a"), make_files([], source="issues")], weights={"issues": 0.0})
