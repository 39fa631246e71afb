"""The true next line among lines of other files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from bigcode.api import Problem
from bigcode.api.canonical import canonical
from bigcode.testing.context import JobContext
from bigcode_evals.config import ContinuationConfig
from bigcode_evals.continuation import Continuation, draw_items
from bigcode_evals.texts import Document

Write = Callable[[str, Sequence[Mapping[str, str]]], Mapping[str, Path]]
WORDS = ("apples", "bridges", "candles", "dragons", "engines", "forests")
HELD_OUT = [
    {"content": f"counted {word}\n" * 12, "owner": word, "repository": "shop", "language": "Text"}
    for word in WORDS
]


def documents() -> list[Document]:
    return [
        Document(f"{r['owner']}/shop", r["language"], r["content"], sha256(r["content"].encode()).hexdigest())
        for r in HELD_OUT
    ]


def test_candidates_are_distinct_lines_and_one_of_them_is_the_true_one() -> None:
    config = ContinuationConfig(items=30, prefix_lines=3)
    items = draw_items(documents(), config)
    assert len(items) == 30
    for item in items:
        assert len(set(item.choices)) == 4
        assert item.choices[item.truth] == "\n" + item.prefix.split("\n")[-1]
        assert item.prefix.count("\n") <= 2
    assert {item.truth for item in items} == {0, 1, 2, 3}


def test_projects_take_turns() -> None:
    items = draw_items(documents(), ContinuationConfig(items=12))
    asked = [item.prefix.split("\n")[0].split()[1] for item in items]
    assert sorted(asked) == sorted([*WORDS, *WORDS])


def test_the_same_seed_draws_the_same_items_and_another_seed_others() -> None:
    first, again, other = (draw_items(documents(), ContinuationConfig(items=20, seed=s)) for s in (1, 1, 2))
    assert first == again != other


def test_a_small_split_gives_each_line_once() -> None:
    assert len(draw_items(documents(), ContinuationConfig(items=1000))) == 6 * 11


def test_one_file_alone_cannot_be_compared() -> None:
    with pytest.raises(Problem) as caught:
        draw_items(documents()[:1], ContinuationConfig())
    assert [d.code for d in caught.value.diagnostics] == ["E707"]


def test_a_model_that_read_the_files_finds_the_lines(
    tmp_path: Path, reader: Mapping[str, Path], shard: Write
) -> None:
    ctx = evaluate(tmp_path, reader, shard)
    facts = {f.id: f for f in ctx.recorded}
    assert facts["items"].value == 40
    assert facts["chance"].value == 0.25
    assert facts["accuracy.continuation"].value > 0.9
    assert facts["accuracy.continuation"].value == facts["items.right"].value / facts["items"].value


def test_a_model_that_knows_nothing_guesses(
    tmp_path: Path, even_model: Mapping[str, Path], shard: Write
) -> None:
    facts = {f.id: f for f in evaluate(tmp_path, even_model, shard).recorded}
    assert 0.05 < facts["accuracy.continuation"].value < 0.5


def test_results_are_canonical_and_hold_no_text(
    tmp_path: Path, even_model: Mapping[str, Path], shard: Write
) -> None:
    ctx = evaluate(tmp_path, even_model, shard)
    data = (ctx.out / "results" / "results.json").read_bytes()
    assert data == canonical(json.loads(data))
    assert b"counted" not in data
    assert not any(character.isdigit() for fact in ctx.recorded for character in fact.label)


def evaluate(tmp_path: Path, model: Mapping[str, Path], shard: Write) -> JobContext:
    ctx = JobContext(
        config=ContinuationConfig(items=40, prefix_lines=2),
        scratch=tmp_path / "scratch",
        inputs={"model": model, "held_out": shard("v.parquet", HELD_OUT)},
    )
    ctx.scratch.mkdir()
    Continuation(ctx.config).run(ctx)
    return ctx


@pytest.fixture(scope="module")
def reader(train_on: Callable[[Sequence[str], int], Mapping[str, Path]]) -> Mapping[str, Path]:
    """A model that was trained on the held-out files."""
    return train_on([row["content"] for row in HELD_OUT], 100)
