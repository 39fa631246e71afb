"""What a plan says about the order of data holds for the rows that a trainer makes."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from token_arrays import MARKS, make_files

from bigcode.plan.data_order import compare_orders, data_order
from bigcode_train.order.mixture import plan_mixture
from bigcode_train.order.packing import Recipe, Sequences

FILES = [
    make_files([20, 30, 25, 60, 41, 12] * 4, ["C", "Go"] * 12, "stack"),
    make_files([15, 33] * 6, ["text"] * 12, "issues"),
]
IDENTITY: dict[str, Any] = {
    "config": {"batch": 2, "context": 16, "packing": "documents", "learningRate": 1e-3},
    "architecture": {"model_type": "gpt_bigcode"},
    "objective": {"fimRate": 0.5, "spmRate": 0.5, "level": "token"},
    "budget_tokens": 2 * 16 * 8,
    "seed": 3,
    "stages": [],
    "sources": [
        {"name": "stack", "weight": 3.0, "languages": {}},
        {"name": "issues", "weight": 1.0, "languages": {}},
    ],
}
STAGES = [{"tokens": 2 * 16 * 5}, {"tokens": 2 * 16 * 4, "weights": {"issues": 2.0}}]


def digests(identity: dict[str, Any]) -> list[str]:
    """The batches of a run, as its journal proves them."""
    config, objective, found = identity["config"], identity["objective"], []
    stages = identity["stages"] or [{"tokens": identity["budget_tokens"]}]
    for index, stage in enumerate(stages):
        width, batch = stage.get("context") or config["context"], config["batch"]
        recipe = Recipe(
            width,
            identity["seed"],
            objective["fimRate"],
            objective["spmRate"],
            MARKS,
            "token",
            config["packing"],
            index,
        )
        mixture = plan_mixture(
            FILES, identity["sources"], stage.get("weights") or {}, identity["seed"], index
        )
        sequences = Sequences(FILES, recipe, mixture)
        steps = stage["tokens"] // (batch * width)
        found += [sequences.digest(step * batch, (step + 1) * batch) for step in range(steps)]
    return found


def changed(*path: Any, to: Any, staged: bool = False) -> dict[str, Any]:
    identity = copy.deepcopy(IDENTITY | ({"stages": STAGES} if staged else {}))
    inner: Any = identity
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = to
    return identity


changes = st.lists(
    st.sampled_from(
        [
            (("seed",), 4),
            (("config", "batch"), 4),
            (("config", "context"), 24),
            (("config", "packing"), "best-fit"),
            (("config", "learningRate"), 5e-4),
            (("architecture",), {"model_type": "llama"}),
            (("objective", "fimRate"), 0.0),
            (("objective", "spmRate"), 0.9),
            (("budget_tokens",), 2 * 16 * 12),
            (("stages",), STAGES),
            (("stages",), [STAGES[0]]),
            (("stages",), [STAGES[0], {"tokens": 2 * 16 * 9, "context": 24}]),
            (("stages",), [{"tokens": 2 * 16 * 3}, STAGES[1]]),
            (("sources", 0, "weight"), 1.0),
            (("sources", 1, "weight"), 0.0),
            (("sources", 0, "languages"), {"Go": 2.0}),
            (("sources", 0, "languages"), {"Go": 1.0}),
        ]
    ),
    max_size=3,
)


@given(first=changes, second=changes)
def test_batches_before_the_step_that_is_named_are_equal(first: Any, second: Any) -> None:
    runs = []
    for edits in (first, second):
        identity = copy.deepcopy(IDENTITY)
        for path, value in edits:
            inner: Any = identity
            for name in path[:-1]:
                inner = inner[name]
            inner[path[-1]] = copy.deepcopy(value)
        runs.append(identity)
    change = compare_orders(*map(data_order, runs))
    before, after = map(digests, runs)
    if change.step is None:
        assert before == after
    else:
        assert change.causes
        assert before[: change.step - 1] == after[: change.step - 1]
        assert before != after


def test_words() -> None:
    now = data_order(IDENTITY)
    staged = data_order(IDENTITY | {"stages": STAGES})
    cases = {
        "data order unchanged": compare_orders(now, data_order(changed("config", "learningRate", to=1.0))),
        "data order changes from step 1: seed 3 -> 4": compare_orders(now, data_order(changed("seed", to=4))),
        "data order changes from step 1: fimRate 0.5 -> 0.0, spmRate 0.5 -> none, level token -> none": (
            compare_orders(now, data_order(changed("objective", "fimRate", to=0.0)))
        ),
        "data order changes from step 9: steps 8 -> 16, and nothing before": compare_orders(
            now, data_order(changed("budget_tokens", to=2 * 16 * 16))
        ),
        "data order changes from step 6: stage 2: share of issues 0.4 -> 0.25, stage 2: share of stack 0.6 -> 0.75": (
            compare_orders(staged, data_order(changed("stages", 1, "weights", to={}, staged=True)))
        ),
        "data order changes from step 1: token shards of issues": compare_orders(
            data_order(IDENTITY, ["a", "b"]), data_order(IDENTITY, ["a", "c"])
        ),
        "data order changes from step 1: source issues taken out, share of stack 0.75 -> 1": compare_orders(
            now, data_order(changed("sources", 1, "weight", to=0.0))
        ),
    }
    for said, change in cases.items():
        assert str(change) == said


def test_weights_that_say_the_same_change_nothing() -> None:
    doubled = copy.deepcopy(IDENTITY)
    for source in doubled["sources"]:
        source["weight"] *= 2
    assert compare_orders(data_order(IDENTITY), data_order(doubled)).step is None
    named = changed("sources", 0, "languages", to={"Go": 1.0})
    assert data_order(named) == data_order(IDENTITY)
