"""The course of a run: schedules, and stages with mixtures, contexts and rates of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bigcode.api import Problem
from bigcode.testing.context import JobContext
from bigcode_train.config import CausalLMConfig
from bigcode_train.training.causal_lm import CausalLM
from bigcode_train.training.schedule import rate_at
from bigcode_train.training.stages import Course, Stage, plan_stages

CONFIG = CausalLMConfig(batch=4, context=64, learning_rate=1.0, warmup_steps=10, floor=0.1)


class Numbers:
    """Rows that say which stage and which row of it they are."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def rows(self, first: int, stop: int) -> Any:
        return np.asarray([[self.stage.index, row] for row in range(first, stop)])

    def documents(self, first: int, stop: int) -> list[tuple[int, int]]:
        return [(self.stage.index, row // 3) for row in range(first, stop)]

    def counts(self, first: int, stop: int) -> list[Any]:
        return []

    def places(self, first: int, stop: int) -> list[str]:
        return [f"{self.stage.index}:{row}" for row in range(first, stop)]

    def digest(self, first: int, stop: int) -> str:
        return f"{self.stage.index}-{first}-{stop}"


@pytest.fixture
def course() -> Course:
    stages = [
        {"tokens": 3 * 4 * 64 + 5},
        {"tokens": 2 * 4 * 128, "context": 128, "learningRate": 0.5, "weights": {"a": 2.0}},
    ]
    return Course(plan_stages({"stages": stages, "budget_tokens": 0}, CONFIG), CONFIG, Numbers)


def test_the_cosine_rises_and_falls_to_its_floor() -> None:
    rates = [rate_at(step, 100, CONFIG) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([step / 10 for step in range(1, 11)])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)
    assert rate_at(54, 99, CONFIG) == pytest.approx(0.55, abs=0.02)


def test_wsd_stays_and_falls_at_the_end() -> None:
    config = CONFIG.model_copy(update={"schedule": "wsd", "decay_share": 0.2})
    rates = [rate_at(step, 100, config) for step in range(1, 101)]
    assert rates[9:80] == [1.0] * 71
    assert rates[80:] == sorted(rates[80:], reverse=True)
    assert rates[80] < 1.0
    assert rates[-1] == pytest.approx(0.1)


def test_a_constant_rate_stays_after_the_warm_up() -> None:
    config = CONFIG.model_copy(update={"schedule": "constant"})
    assert {rate_at(step, 100, config) for step in range(10, 101)} == {1.0}


@pytest.mark.parametrize("schedule", ["cosine", "wsd", "constant"])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_short_runs_have_a_rate_too(schedule: str, steps: int) -> None:
    config = CONFIG.model_copy(update={"schedule": schedule})
    assert all(0 < rate_at(step, steps, config) <= 1 for step in range(1, steps + 1))


def test_without_stages_the_budget_is_one() -> None:
    (stage,) = plan_stages({"stages": [], "budget_tokens": 24 * 4 * 64}, CONFIG)
    assert (stage.first, stage.last, stage.context) == (1, 24, 64)


def test_each_stage_has_rows_of_its_own_from_the_first_on(course: Course) -> None:
    assert course.steps == 5
    assert course.rows(3).tolist() == [[0, 8], [0, 9], [0, 10], [0, 11]]
    assert course.rows(4).tolist() == [[1, 0], [1, 1], [1, 2], [1, 3]]
    assert course.rows(5, part=1, parts=2).tolist() == [[1, 6], [1, 7]]
    assert course.places(4) == ["1:0", "1:1", "1:2", "1:3"]
    assert course.digest(5) == "1-4-8"
    assert course.at(4).weights == {"a": 2.0}
    assert course.count_documents() == 4 + 3


def test_ranks_take_equal_parts_of_the_same_rows(course: Course) -> None:
    parts = np.concatenate([course.rows(2, part, 4) for part in range(4)])
    assert np.array_equal(parts, course.rows(2))


def test_tokens_are_counted_by_the_context_of_each_stage(course: Course) -> None:
    found = [course.tokens(step) for step in range(6)]
    assert found == [0, 256, 512, 768, 768 + 512, 768 + 1024]


def test_a_stage_may_have_a_rate_of_its_own(course: Course) -> None:
    assert course.rate(5) == pytest.approx(0.5 * rate_at(5, 5, CONFIG))
    assert course.rate(3) == rate_at(3, 5, CONFIG)


def test_a_stage_smaller_than_a_step_is_refused() -> None:
    stages = [{"tokens": 100_000}, {"tokens": 255}]
    with pytest.raises(Problem, match=r"E105.*stage 2 is smaller than one step, which takes 256 tokens"):
        plan_stages({"stages": stages, "budget_tokens": 0}, CONFIG)


def test_a_run_goes_through_its_stages(make_job: Callable[..., JobContext]) -> None:
    stages = [{"tokens": 6 * 4 * 64}, {"tokens": 6 * 4 * 32, "context": 32, "learningRate": 1e-3}]
    job = make_job(stages=stages)
    CausalLM(job.config).run(job)
    points = [point for point in job.points if point["series"] == "train"]
    assert len(points) == 12
    assert points[-1]["tokens"] == 6 * 4 * 64 + 6 * 4 * 32
    assert points[6]["lr"] < points[5]["lr"] / 2
    digests = [point["digest"] for point in job.points if point["series"] == "order"]
    assert len(set(digests)) == 12


def test_a_context_beyond_the_models_positions_is_refused(make_job: Callable[..., JobContext]) -> None:
    stages = [{"tokens": 6 * 4 * 64}, {"tokens": 4 * 4 * 128, "context": 128}]
    job = make_job(stages=stages)
    with pytest.raises(Problem, match=r"E105.*reads 64 tokens, the context is 128"):
        CausalLM(job.config).run(job)


def test_a_mixture_without_weight_is_refused(make_job: Callable[..., JobContext]) -> None:
    job = make_job(sources=[{"name": "", "weight": 0.0, "languages": {}}])
    with pytest.raises(Problem, match=r"E105.*is empty"):
        CausalLM(job.config).run(job)
