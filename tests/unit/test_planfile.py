"""The plan as a file: what was reviewed is what is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bigcode.api.diagnostics import Problem
from bigcode.cli import run
from bigcode.plan.planfile import FORMAT, check_same, plan_value, read_plan, write_plan
from bigcode.plan.survey import Step, Survey

BASIS: dict[str, Any] = {"specs": "a", "plugins": {"pii": "1"}, "refs": {"Dataset/d@1": 3}, "lists": {}}


def made(reason: str = "first-run", **more: Any) -> dict[str, Any]:
    survey = Survey(steps=[Step("Dataset/d@1#gather", "0", "run", reason)])
    basis = {**BASIS, **more.pop("basis", {})}
    return plan_value(
        survey,
        workspace=more.pop("workspace", "/w"),
        env=more.pop("env", ""),
        targets=more.pop("targets", ()),
        basis=basis,
        retrain=more.pop("retrain", False),
    )


def refusal(old: dict[str, Any], new: dict[str, Any]) -> str:
    with pytest.raises(Problem) as error:
        check_same(old, new)
    (diagnostic,) = error.value.diagnostics
    assert (diagnostic.code, error.value.exit_code) == ("E506", 6)
    assert diagnostic.hint
    return diagnostic.message


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.json", made())
    assert read_plan(str(tmp_path / "plan.json")) == made()
    check_same(read_plan(str(tmp_path / "plan.json")), made())


def test_equal_plans_are_equal_bytes(tmp_path: Path) -> None:
    shuffled = made(basis=dict(reversed(BASIS.items())))
    write_plan(tmp_path / "one", made())
    write_plan(tmp_path / "two", shuffled)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_folder_of_the_workspace_is_no_part_of_what_must_hold() -> None:
    check_same(made(workspace="/one"), made(workspace="/two"))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"basis": {"specs": "b"}}, "specs"),
        ({"basis": {"plugins": {"pii": "2"}}}, "plugins"),
        ({"basis": {"refs": {"Dataset/d@1": 4}}}, "refs"),
        ({"basis": {"lists": {"OptOutSnapshot/o@1": "x"}}}, "lists"),
        ({"basis": {"specs": "b", "refs": {}}}, "specs, refs"),
        ({"reason": "input-changed"}, "the tasks"),
        ({"env": "big"}, "the tasks"),
        ({"retrain": True}, "the tasks"),
        ({"targets": ("Dataset/d@1",)}, "the tasks"),
    ],
)
def test_a_stale_plan_says_what_changed(change: dict[str, Any], what: str) -> None:
    assert refusal(made(), made(**change)) == f"the plan is stale: {what} changed since it was made"


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": []},
        {"basis": {}},
        {"targets": ["Dataset/other@1"]},
        {"env": "big"},
        {"retrain": True},
        {"digest": "0" * 64},
        {"workspace": 3},
        {"digest": None},
    ],
)
def test_a_plan_that_was_changed_by_hand_is_not_read(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({**made(), **change}))
    with pytest.raises(Problem, match="was changed after it was made"):
        read_plan(str(path))


@pytest.mark.parametrize(
    "content",
    ["", "x", "[]", "3", "null", '"text"', "{}", '{"format": null}', '{"format": "bigcode-bundle/1"}'],
)
def test_what_is_no_plan(tmp_path: Path, content: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(content)
    with pytest.raises(Problem, match=r"E506 .* is no plan"):
        read_plan(str(path))


def test_a_plan_of_another_version_and_one_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({**made(), "format": FORMAT + "0"}))
    with pytest.raises(Problem, match="of another version"):
        read_plan(str(path))
    for missing in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(Problem, match="E001"):
            read_plan(str(missing))


def test_a_plan_without_retraining_does_not_retrain(
    applied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.json"
    assert run(["plan", str(applied), "--out", str(path)]) == 0
    assert run(["apply", str(path), "--retrain"]) == 2
    assert "plan SPEC --retrain" in capsys.readouterr().err
    assert run(["apply", str(path)]) == 0


def test_a_plan_with_retraining_needs_no_option_and_allows_it(applied: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert run(["plan", str(applied), "--retrain", "--out", str(path)]) == 0
    assert read_plan(str(path))["retrain"] is True
    assert run(["apply", str(path)]) == 0
    assert run(["apply", str(path), "--retrain"]) == 0
