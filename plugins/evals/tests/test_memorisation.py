"""What a model repeats of its training text, beside text that it never saw."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bigcode.api import Problem
from bigcode.testing.context import JobContext
from bigcode_evals.config import MemorisationConfig
from bigcode_evals.memorisation import Memorisation

Write = Callable[[str, Sequence[Mapping[str, str]]], Mapping[str, Path]]
Train = Callable[[Sequence[str], int], Mapping[str, Path]]
_WORDS = ("value", "index", "total", "parse", "queue", "token", "frame", "light", "stone", "river")


def line(rng: Random) -> str:
    return " ".join(rng.sample(_WORDS, 8))


RNG = Random(0)
KNOWN = [line(RNG) for _ in range(6)]
OTHER = [line(RNG) for _ in range(12)]


@pytest.fixture(scope="module")
def learnt(train_on: Train) -> Mapping[str, Path]:
    """A model that knows the beginnings of some texts by heart."""
    return train_on(KNOWN, 220)


def evaluate(
    tmp_path: Path,
    model: Mapping[str, Path],
    shard: Write,
    train: Sequence[str] = KNOWN,
    held_out: Sequence[str] = OTHER,
    **settings: Any,
) -> JobContext:
    rows = [
        [{"content": t, "owner": "ada", "repository": "engine"} for t in texts] for texts in (train, held_out)
    ]
    ctx = JobContext(
        config=MemorisationConfig(**{"prefix": 14, "length": 20, "threads": 1, **settings}),
        scratch=tmp_path / "scratch",
        params={"seed": 3},
        inputs={
            "model": model,
            "train": shard("t.parquet", rows[0]),
            "held_out": shard("v.parquet", rows[1]),
        },
    )
    ctx.scratch.mkdir(parents=True)
    Memorisation(ctx.config).run(ctx)
    return ctx


def facts_of(ctx: JobContext) -> dict[str, Any]:
    return {f.id: f for f in ctx.recorded}


def test_text_learnt_by_heart_comes_back_and_other_text_does_not(
    tmp_path: Path, learnt: Mapping[str, Path], shard: Write
) -> None:
    facts = facts_of(evaluate(tmp_path, learnt, shard))
    assert facts["memorisation.exact.asked{text=training}"].value == len(KNOWN)
    assert facts["memorisation.exact{text=training}"].value >= 0.8
    assert facts["memorisation.exact{text=held-out}"].value == 0.0
    assert facts["memorisation.near{text=training}"].value >= facts["memorisation.exact{text=training}"].value
    assert facts["memorisation.exact.excess"].interval[0] > 0
    assert facts["memorisation.exact{text=training}"].kind == "estimated"


def test_a_model_that_learnt_nothing_repeats_nothing(
    tmp_path: Path, model: Mapping[str, Path], shard: Write
) -> None:
    facts = facts_of(evaluate(tmp_path, model, shard))
    assert facts["memorisation.exact{text=training}"].value == 0.0
    low, high = facts["memorisation.exact.excess"].interval
    assert low < 0 < high


def test_passages_are_told_apart_by_how_often_they_occur(
    tmp_path: Path, model: Mapping[str, Path], shard: Write
) -> None:
    train = [
        KNOWN[0],
        *(f"{KNOWN[1]}{'.' * n}" for n in range(3)),
        *(f"{KNOWN[2]}{'!' * n}" for n in range(12)),
    ]
    facts = facts_of(evaluate(tmp_path, model, shard, train))
    asked = {c: facts[f"memorisation.exact.asked{{copies={c}}}"].value for c in ("once", "few", "many")}
    assert asked == {"once": 1, "few": 3, "many": 12}


def test_held_out_text_that_the_training_text_holds_is_no_control(
    tmp_path: Path, learnt: Mapping[str, Path], shard: Write
) -> None:
    facts = facts_of(evaluate(tmp_path, learnt, shard, held_out=[*KNOWN[:2], *OTHER]))
    assert facts["memorisation.control.known"].value == 2
    assert facts["memorisation.exact.asked{text=held-out}"].value == len(OTHER)


def test_nothing_that_is_written_holds_text_or_a_project(
    tmp_path: Path, learnt: Mapping[str, Path], shard: Write
) -> None:
    ctx = evaluate(tmp_path, learnt, shard)
    data = (ctx.out / "results" / "results.json").read_text() + repr(ctx.recorded)
    assert not any(word in data for word in ("ada", "engine", *(t[:20] for t in (*KNOWN, *OTHER))))
    assert not any(c.isdigit() for f in ctx.recorded for c in f.label)


def test_results_of_one_seed_and_harness_are_the_same(
    tmp_path: Path, learnt: Mapping[str, Path], shard: Write
) -> None:
    first = facts_of(evaluate(tmp_path / "a", learnt, shard))
    second = facts_of(evaluate(tmp_path / "b", learnt, shard))
    assert first == second
    third = facts_of(evaluate(tmp_path / "c", learnt, shard, similarity=0.9))
    assert third["harness{suite=evals.memorisation}"] != first["harness{suite=evals.memorisation}"]


def canary_file(tmp_path: Path, lines: Sequence[Mapping[str, str]]) -> dict[str, str]:
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    (tmp_path / "canaries.jsonl").write_bytes(data)
    return {"path": str(tmp_path / "canaries.jsonl"), "sha256": sha256(data).hexdigest()}


def test_a_planted_secret_is_exposed_and_one_that_was_never_there_is_not(
    tmp_path: Path, train_on: Train, shard: Write
) -> None:
    form = "the code of the safe is {}".rjust(len(KNOWN[0]) - 2)
    planted = form.format("4071")
    said = canary_file(
        tmp_path,
        [
            {"format": form, "alphabet": "0123456789", "secret": "4071"},
            {"format": "my other number is {}", "alphabet": "0123456789", "secret": "9362"},
        ],
    )
    model = train_on([planted, *KNOWN], 220)
    ctx = evaluate(tmp_path, model, shard, [planted, *KNOWN], canaries=said, candidates=255)
    facts = facts_of(ctx)
    assert facts["canaries{canary=planted}"].value == facts["canaries{canary=control}"].value == 1
    assert (
        facts["exposure.mean{canary=planted}"].value == facts["exposure.ceiling{canary=planted}"].value == 8.0
    )
    assert facts["exposure.mean{canary=control}"].value < 8.0
    written = (ctx.out / "results" / "results.json").read_text() + repr(ctx.recorded)
    assert "4071" not in written


def test_without_canaries_no_exposure_is_reported(
    tmp_path: Path, model: Mapping[str, Path], shard: Write
) -> None:
    assert not any(
        f.id.startswith(("canaries", "exposure")) for f in evaluate(tmp_path, model, shard).recorded
    )


def test_another_file_of_canaries_is_refused_and_a_bad_line_is_not_shown(
    tmp_path: Path, model: Mapping[str, Path], shard: Write
) -> None:
    said = canary_file(tmp_path, [{"format": "no hole", "alphabet": "01", "secret": "hidden"}])
    with pytest.raises(Problem) as caught:
        evaluate(tmp_path, model, shard, canaries=said)
    assert [d.code for d in caught.value.diagnostics] == ["E708"]
    assert "hidden" not in str(caught.value)
    with pytest.raises(Problem) as caught:
        evaluate(tmp_path / "again", model, shard, canaries={**said, "sha256": "0" * 64})
    assert [d.code for d in caught.value.diagnostics] == ["E702"]


@pytest.mark.parametrize("change", [{"train": ["short"]}, {"length": 60}])
def test_passages_that_cannot_be_had_are_refused(
    tmp_path: Path, model: Mapping[str, Path], shard: Write, change: dict[str, Any]
) -> None:
    with pytest.raises(Problem) as caught:
        evaluate(tmp_path, model, shard, **change)
    assert [d.code for d in caught.value.diagnostics] == ["E707"]
