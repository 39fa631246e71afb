"""Personal data in what a model writes: leaked where the training text holds it, invented otherwise, shown never."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bigcode.api import Config
from bigcode.testing.context import JobContext
from bigcode_evals import patterns
from bigcode_evals.config import InsecureConfig, LeaksConfig, MaliciousConfig
from bigcode_evals.leaks import PersonalData, find_values
from bigcode_evals.probes import InsecureCode, MaliciousCode

Write = Callable[[str, Sequence[Mapping[str, str]]], Mapping[str, Path]]
Train = Callable[[Sequence[str], int], Mapping[str, Path]]
ADDRESS = "ada@engine-works.org"
TEXT = f"write to {ADDRESS} for help\n"


class Shouts:
    """A detector that finds words in capitals, as an observer of a policy would."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def run(self, table: pa.Table, ctx: Any) -> pa.Table:
        assert ctx.recall("k") is None
        rows = []
        for content in table["content"].to_pylist():
            text, found, place = content.decode(), [], 0
            for word in text.split(" "):
                if word.isupper():
                    found.append(
                        {
                            "start": place,
                            "end": place + len(word),
                            "entity": "SHOUT",
                            "score": 0.9,
                            "surrogate": "",
                        }
                    )
                place += len(word) + 1
            rows.append(found)
        return pa.table({"blob": table["blob"], "pii": pa.array(rows)})


DETECTOR = {"factory": f"{__name__}:Shouts", "config_class": "bigcode.api:Config", "config": {}}


def evaluate(tmp_path: Path, model: Mapping[str, Path], shard: Write, train: Sequence[str]) -> JobContext:
    ctx = JobContext(
        config=LeaksConfig(samples=6, asked=1, tokens=40, temperature=0.05, threads=1),
        scratch=tmp_path / "scratch",
        inputs={"model": model, "train": shard("t.parquet", [{"content": t} for t in train])},
    )
    ctx.scratch.mkdir()
    PersonalData(ctx.config).run(ctx)
    return ctx


@pytest.fixture(scope="module")
def learnt(train_on: Train) -> Mapping[str, Path]:
    return train_on([TEXT], 120)


@pytest.mark.parametrize(("train", "leaked"), [([TEXT], 1), (["nothing of the kind"], 0)])
def test_a_value_of_the_training_text_is_a_leak_and_any_other_is_invented(
    tmp_path: Path, learnt: Mapping[str, Path], shard: Write, train: Sequence[str], leaked: int
) -> None:
    ctx = evaluate(tmp_path, learnt, shard, train)
    facts = {f.id: f.value for f in ctx.recorded}
    assert facts["personal_data.found{way=unprompted}"] == 6
    assert facts["leaks.found{way=unprompted}"] == 6 * leaked
    # A piece of an address that stands in the training text counts as one of it.
    assert (facts["leaks.in_training{entity=EMAIL}"] > 0) == bool(leaked)
    assert facts["leaks.in_training{entity=EMAIL}"] + facts["leaks.invented{entity=EMAIL}"] > 0


def test_no_value_is_written_anywhere(tmp_path: Path, learnt: Mapping[str, Path], shard: Write) -> None:
    ctx = evaluate(tmp_path, learnt, shard, [TEXT])
    written = (ctx.out / "results" / "results.json").read_text() + repr(ctx.recorded)
    assert "ada@" not in written
    assert "engine-works" not in written


def test_what_the_prompt_holds_is_not_the_models() -> None:
    ctx = JobContext(config=Config(), scratch=Path())
    found = find_values(ctx, [(f"x = {ADDRESS}\n", "y = 1\n"), ("mail: ada@", "engine-works.org\n")], 0.5)
    assert [list(row) for row in found] == [[], [("EMAIL", ADDRESS.encode())]]


def test_a_policys_detector_is_used_where_one_is_described() -> None:
    ctx = JobContext(config=Config(), scratch=Path(), params={"detector": DETECTOR})
    assert find_values(ctx, [("say ", "HELLO you")], 0.5) == [[("SHOUT", b"HELLO")]]
    assert find_values(ctx, [("say ", "HELLO you")], 0.95) == [[]]


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        (b"mail bo@lib-makers.net now", ["EMAIL"]),
        (b"mail user07@example.com now", []),
        (b"ping 93.184.216.34 and 192.168.0.1 and 1.2.3", ["IP_ADDRESS"]),
        (b"AKIA" + b"Q3EGRJ7KLM2NOPX4", ["KEY"]),
        (b"call +44 20 7946 0018 today", ["PHONE"]),
        (b"x = 3.14159 + 27182818", []),
    ],
)
def test_patterns_find_what_they_are_for(text: bytes, entities: list[str]) -> None:
    assert [found["entity"] for found in patterns.find(text)] == entities


@pytest.mark.parametrize(
    ("probe", "config", "name"),
    [
        (InsecureCode, InsecureConfig(samples=1, tokens=8, threads=1), "insecure"),
        (MaliciousCode, MaliciousConfig(samples=1, tokens=8, threads=1), "malicious"),
    ],
)
def test_probes_count_by_what_was_asked_for_and_keep_no_text(
    tmp_path: Path, model: Mapping[str, Path], probe: Any, config: Any, name: str
) -> None:
    ctx = JobContext(config=config, scratch=tmp_path / "scratch", inputs={"model": model})
    ctx.scratch.mkdir()
    probe(config).run(ctx)
    facts = {f.id: f for f in ctx.recorded}
    by_group = [f.value for i, f in facts.items() if i.startswith(f"{name}.asked{{")]
    assert sum(by_group) == facts[f"{name}.asked"].value > 0
    low, high = facts[name].interval
    assert low <= facts[name].value <= high
    assert any(i.startswith("harness{suite=evals.") for i in facts)
    assert "import" not in (ctx.out / "results" / "results.json").read_text()
    assert not any(c.isdigit() for f in ctx.recorded for c in f.label)


def test_a_choice_of_weaknesses_is_asked_for_alone(tmp_path: Path, model: Mapping[str, Path]) -> None:
    config = InsecureConfig(samples=2, tokens=4, threads=1, weaknesses=("CWE-89",))
    ctx = JobContext(config=config, scratch=tmp_path / "scratch", inputs={"model": model})
    ctx.scratch.mkdir()
    InsecureCode(config).run(ctx)
    facts = {f.id: f.value for f in ctx.recorded}
    assert facts["insecure.asked"] == facts["insecure.asked{weakness=CWE-89}"] == 6
