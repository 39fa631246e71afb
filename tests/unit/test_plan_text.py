"""How a plan reads: gates of several releases, resources of which the same is said, and models in brief."""

from __future__ import annotations

from bigcode.api.diagnostics import Diagnostic
from bigcode.cli.render_estimates import estimate_lines
from bigcode.cli.render_plan import github_comment, plan_lines
from bigcode.plan.estimates import Estimate
from bigcode.plan.gates import Gate
from bigcode.plan.graph import Graph
from bigcode.plan.survey import Survey

AGE = Gate("Release/a@1.0.0", "opt-out-age", True, "2 d old")
SAME = Gate("Release/b@1.0.0", "opt-out-age", True, "2 d old")
OLD = Gate("Release/b@1.0.0", "pii", False, "recall was not measured")
DOUBT = Diagnostic("E610", "1 is not 2", None, "Write 1.", "warning")


def told(*states: Gate) -> list[str]:
    return [line for line in plan_lines(Graph({}), Survey(), states, None) if line.startswith("Gate")]


def test_gates_of_one_release_stand_alone() -> None:
    assert told(AGE) == ["Gate ok       opt-out-age: 2 d old"]


def test_gates_of_several_releases_name_them_and_say_the_same_once() -> None:
    assert told(AGE, SAME, OLD) == [
        "Gate ok       opt-out-age: 2 d old [Release/a@1.0.0, b@1.0.0]",
        "Gate MISSING  pii: recall was not measured [Release/b@1.0.0]",
    ]


def test_a_comment_has_gates_and_doubts() -> None:
    text = github_comment("tiny", Graph({}), Survey(), [AGE, SAME, OLD], None, (), [DOUBT])
    assert "| opt-out-age | ok | 2 d old | Release/a@1.0.0, b@1.0.0 |" in text
    assert "| pii | **missing** | recall was not measured | Release/b@1.0.0 |" in text
    assert "\n- E610  warning: 1 is not 2     Write 1.\n" in text


def test_resources_of_which_the_same_is_said_stand_together() -> None:
    def block(name: str, value: float) -> list[Estimate]:
        address = f"Dataset/{name}@1.0.0"
        return [Estimate(address, "text", value, "B", "declared"), Estimate(address, "tasks", 1, "task", "m")]

    assert estimate_lines([*block("a", 2e9), *block("b", 3e9), *block("c", 2e9)]) == [
        "Estimated cost",
        "  Dataset/a@1.0.0, c@1.0.0",
        "    text         2 GB [1]",
        "    tasks        1 task [2]",
        "  Dataset/b@1.0.0",
        "    text         3 GB [1]",
        "    tasks        1 task [2]",
        "  [1] declared",
        "  [2] m",
    ]


def test_a_model_is_told_in_brief_and_its_fits_in_one_line() -> None:
    def of(name: str, value: float, unit: str, method: str = "m", *bounds: float) -> Estimate:
        return Estimate("Model/a@1.0.0", name, value, unit, method, *bounds)

    found = [
        of("tokens", 1e12, "token"),
        of("steps", 5, "step"),
        of("memory.total", 60.6e9, "B/device", "m", 9.4e9, 64.1e9),
        of("overhead{fit=one}", 0.25, "1", "a paper"),
        of("overhead{fit=two}", 0.5, "1", "a paper"),
        of("overhead", 0.375, "1", "median", 0.25, 0.5),
    ]
    assert estimate_lines(found) == [
        "Estimated cost",
        "  Model/a@1.0.0",
        "    tokens       1T tokens [1]",
        "    memory.total 60.6 GB/device (9.4 to 64.1) [1]",
        "    overhead     37.5% (25% to 50%), by one 25%, two 50% [2]",
        "  [1] m",
        "  [2] median",
    ]
