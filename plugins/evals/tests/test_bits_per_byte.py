"""Bits per byte of a model beside its baselines, on the same bytes."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Mapping, Sequence
from math import log2
from pathlib import Path

import pytest

from bigcode.api import Config, Problem, load_object
from bigcode.api.canonical import canonical
from bigcode.testing.context import JobContext
from bigcode_evals.bits import BitsPerByte
from bigcode_evals.config import BitsPerByteConfig
from bigcode_evals.ngram import bits_of, count_ngrams
from bigcode_evals.plugin import bigcode_components

Write = Callable[[str, Sequence[Mapping[str, str]]], Mapping[str, Path]]
HELD_OUT = [
    {
        "content": "import os\n" * 50,
        "owner": "ada",
        "repository": "engine",
        "language": "Python",
        "host": "forge",
    },
    {
        "content": "int main() {}\n" * 40,
        "owner": "ada",
        "repository": "engine",
        "language": "C",
        "host": "forge",
    },
    {"content": "été = 1\n" * 30, "owner": "bo", "repository": "lib", "language": "Python", "host": "index"},
    {"content": "just words\n" * 5, "owner": "bo", "repository": "lib", "language": "", "host": "index"},
]
TRAIN = [{"content": "import os\n" * 500, "owner": "cy", "repository": "app", "language": "Python"}]


def evaluate(
    tmp_path: Path, model: Mapping[str, Path], shard: Write, held_out: Sequence[Mapping[str, str]] = HELD_OUT
) -> JobContext:
    ctx = JobContext(
        config=BitsPerByteConfig(ngram=3),
        scratch=tmp_path / "scratch",
        inputs={"model": model, "held_out": shard("v.parquet", held_out), "train": shard("t.parquet", TRAIN)},
    )
    ctx.scratch.mkdir()
    BitsPerByte(ctx.config).run(ctx)
    return ctx


def test_the_components_name_classes_that_load() -> None:
    for component in bigcode_components():
        assert (component.slot, component.deterministic) == ("evaluator", False)
        assert issubclass(load_object(component.config), Config)
        assert callable(load_object(component.factory))


def test_a_model_that_knows_nothing_needs_the_logarithm_of_its_vocabulary(
    tmp_path: Path, even_model: Mapping[str, Path], shard: Write
) -> None:
    facts = {f.id: f for f in evaluate(tmp_path, even_model, shard).recorded}
    assert facts["bits_per_byte.model"].value == pytest.approx(log2(257), rel=1e-6)
    assert facts["bits_per_byte.model"].unit == "bit/B"
    for language in ("Python", "C", "unknown"):
        assert facts[f"bits_per_byte.model{{language={language}}}"].value == pytest.approx(
            log2(257), rel=1e-6
        )


def test_the_baselines_read_the_same_bytes(tmp_path: Path, model: Mapping[str, Path], shard: Write) -> None:
    facts = {f.id: f for f in evaluate(tmp_path, model, shard).recorded}
    size = sum(len(row["content"].encode()) for row in HELD_OUT)
    assert facts["held_out.bytes"].value == size
    assert (facts["held_out.files"].value, facts["held_out.projects"].value) == (4, 2)
    orders = [[0, 1], [1, 0]]
    packed = [
        sum(
            len(lzma.compress(b"".join(HELD_OUT[pair + i]["content"].encode() for i in order), preset=9))
            for pair in (0, 2)
        )
        for order in orders
    ]
    assert min(packed) <= facts["bits_per_byte.xz"].value * size / 8 <= max(packed)
    orders = count_ngrams([TRAIN[0]["content"].encode()], 3)
    ngram = bits_of((row["content"].encode() for row in HELD_OUT), orders)
    assert facts["bits_per_byte.ngram"].value * size == pytest.approx(ngram)


def test_results_are_canonical_and_name_no_project(
    tmp_path: Path, model: Mapping[str, Path], shard: Write
) -> None:
    ctx = evaluate(tmp_path, model, shard)
    data = (ctx.out / "results" / "results.json").read_bytes()
    results = json.loads(data)
    assert data == canonical(results)
    assert set(results["languages"]) == {"Python", "C", "unknown"}
    assert not any(name in data for name in (b"ada", b"engine"))
    assert not any(character.isdigit() for fact in ctx.recorded for character in fact.label)


def test_facts_name_the_objects_that_they_were_measured_on(
    tmp_path: Path, model: Mapping[str, Path], shard: Write
) -> None:
    ctx = evaluate(tmp_path, model, shard)
    read = {name: {e.digest for e in ctx.entries(name)} for name in ("model", "held_out", "train")}
    facts = {f.id: set(f.inputs) for f in ctx.recorded}
    assert facts["bits_per_byte.model"] == read["model"] | read["held_out"]
    assert facts["bits_per_byte.xz"] == read["held_out"]
    assert facts["bits_per_byte.ngram"] == read["held_out"] | read["train"]


def test_an_empty_split_is_refused(tmp_path: Path, model: Mapping[str, Path], shard: Write) -> None:
    with pytest.raises(Problem) as caught:
        evaluate(tmp_path, model, shard, [])
    assert [d.code for d in caught.value.diagnostics] == ["E707"]


def test_groups_by_language_and_source_add_up_and_have_intervals(
    tmp_path: Path, model: Mapping[str, Path], shard: Write
) -> None:
    facts = {f.id: f for f in evaluate(tmp_path, model, shard).recorded}
    whole = facts["bits_per_byte.model"]
    low, high = whole.interval
    assert low <= whole.value <= high
    for key, names in (("language", ("Python", "C", "unknown")), ("source", ("forge", "index"))):
        sizes = [facts[f"held_out.bytes{{{key}={name}}}"].value for name in names]
        rates = [facts[f"bits_per_byte.model{{{key}={name}}}"].value for name in names]
        assert sum(sizes) == facts["held_out.bytes"].value
        assert sum(s * r for s, r in zip(sizes, rates, strict=True)) == pytest.approx(
            sum(sizes) * whole.value
        )
        assert (
            sum(facts[f"held_out.tokens{{{key}={n}}}"].value for n in names) == facts["held_out.tokens"].value
        )
    # One file of one project is no sample to draw from.
    assert facts["bits_per_byte.model{language=C}"].interval is None
    assert facts["bits_per_byte.model{language=Python}"].interval is not None


def test_each_token_of_the_tokenizer_is_a_byte_and_fertility_says_so(
    tmp_path: Path, model: Mapping[str, Path], shard: Write
) -> None:
    fertility = {f.id: f for f in evaluate(tmp_path, model, shard).recorded}[
        "held_out.fertility{language=Python}"
    ]
    assert (fertility.value, fertility.unit, fertility.kind) == (1.0, "token/B", "derived")


def test_the_spread_over_projects_is_told_from_five_on(
    tmp_path: Path, model: Mapping[str, Path], shard: Write
) -> None:
    assert not any(
        "projects." in f.id.removeprefix("bits_per_byte.") for f in evaluate(tmp_path, model, shard).recorded
    )
    rows = [
        {"content": f"{n} = {n}\n" * 20, "owner": n, "repository": "r"} for n in ("a", "b", "c", "d", "e")
    ]
    (tmp_path / "more").mkdir()
    facts = {f.id: f.value for f in evaluate(tmp_path / "more", model, shard, rows).recorded}
    low, middle, high = (facts[f"bits_per_byte.projects.{name}"] for name in ("low", "median", "high"))
    assert low <= middle <= high


def test_two_models_on_one_text_share_the_harness(
    tmp_path: Path, model: Mapping[str, Path], even_model: Mapping[str, Path], shard: Write
) -> None:
    def harness(name: str, of: Mapping[str, Path], rows: Sequence[Mapping[str, str]]) -> object:
        (tmp_path / name).mkdir()
        found = evaluate(tmp_path / name, of, shard, rows).recorded
        return {f.id: f.value for f in found}["harness{suite=evals.bits-per-byte}"]

    assert harness("a", model, HELD_OUT) == harness("b", even_model, HELD_OUT)
    assert harness("c", model, HELD_OUT[:2]) != harness("d", model, HELD_OUT)
