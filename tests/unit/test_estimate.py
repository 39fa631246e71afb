"""What a plan says a build would cost. Run this file with --write to write the golden file again."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import workspaces

from bigcode.cli import run
from bigcode.plan.costs import LEAST_SPREAD, QUANTITIES, read_costs

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "estimate-bigcode.txt"
EXPECTED = {"bytes": 10**9, "files": 100_000, "source": "a guess", "asOf": "2026-11-01"}


def copy_of_specs(folder: Path) -> Path:
    """specs/bigcode outside of the checkout and its store."""
    target = folder / "bigcode"
    shutil.copytree(ROOT / "specs" / "bigcode", target, ignore=shutil.ignore_patterns("*.sig"))
    return target


def section_of(text: str) -> str:
    """The estimates of what `bigcode plan` printed."""
    return text.partition("Estimated cost\n")[2].partition("\n\n")[0]


@pytest.fixture
def space(tmp_path: Path) -> Path:
    return workspaces.data_workspace(tmp_path)


def planned(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    capsys.readouterr()
    assert run(["plan", *map(str, words)]) == 0
    return capsys.readouterr().out


def estimates(capsys: pytest.CaptureFixture[str], space: Path) -> dict[str, Any]:
    """By name, of the one dataset."""
    found = json.loads(planned(capsys, space, "--json"))["estimates"]
    assert {estimate["subject"] for estimate in found} <= {"Dataset/tiny@1.0.0"}
    return {estimate["name"]: estimate for estimate in found}


def test_the_plan_of_bigcode_prints_what_was_reviewed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = copy_of_specs(tmp_path)
    assert run(["validate", str(space)]) == 0
    assert section_of(planned(capsys, space)) + "\n" == GOLDEN.read_text()


def test_no_size_no_estimate(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert estimates(capsys, space) == {}
    assert "Estimated cost" not in planned(capsys, space)


def test_a_declared_size_is_told_with_its_source(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspaces.edit_spec(space / "snapshot.yaml", "expects", value=EXPECTED)
    found = estimates(capsys, space)
    assert list(found) == [
        "text", "files", "compute", "wall", "stored", "objects", "tasks", "memory", "breaks", "not-counted",
    ]  # fmt: skip
    assert found["text"]["value"] == 10**9
    assert found["text"]["method"] == "declared (a guess; as of 2026-11-01)"
    for name in ("compute", "wall", "stored", "memory"):
        assert 0 < found[name]["low"] < found[name]["value"] < found[name]["high"], name
        assert "fitted on" in found[name]["method"]
    # The tiny workspace has observers that no benchmark runs.
    assert found["not-counted"]["detail"] == "observe licenses.text, observe pii.patterns"
    assert "Estimated cost\n  Dataset/tiny@1.0.0\n    text         1 GB" in planned(capsys, space)


def test_files_that_nobody_counted_are_as_large_as_those_that_were_measured(
    space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspaces.edit_spec(space / "snapshot.yaml", "expects", value={"bytes": "1GB"})
    found = estimates(capsys, space)
    assert found["files"]["value"] == pytest.approx(1e9 / read_costs().bytes_a_file)
    assert "bytes to a file" in found["files"]["method"]


def test_the_sources_of_an_unfinished_list_can_be_declared(
    space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspaces.edit_spec(space / "snapshot.yaml", "expects", value=EXPECTED)
    one = estimates(capsys, space)
    workspaces.edit_spec(space / "snapshot.yaml", "expects", value={**EXPECTED, "units": 1000})
    many = estimates(capsys, space)
    assert many["objects"]["value"] > 10 * one["objects"]["value"]
    assert many["tasks"]["value"] - one["tasks"]["value"] == 999


def test_what_was_measured_wins_and_a_declared_size_reruns_nothing(
    space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply", str(space)]) == 0
    workspaces.edit_spec(space / "snapshot.yaml", "expects", value=EXPECTED)
    assert planned(capsys, "Dataset/tiny@1.0.0", "-w", space).startswith("No changes")
    workspaces.edit_spec(space / "dataset.yaml", "split", "seed", value=2)
    found = estimates(capsys, space)
    assert found["text"]["method"] == "measured"
    assert found["text"]["value"] < 10**6


def test_energy_is_estimated_where_a_policy_counts_the_work_on_data(
    space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspaces.edit_spec(space / "snapshot.yaml", "expects", value=EXPECTED)
    said = {"source": "a test", "asOf": "2026-11-01"}
    policy = {
        "meter": {"uses": "emissions.nameplate", "version": 1},
        "gridIntensity": {"value": "0.5 kgCO2e/kWh", **said},
        "pue": {"value": 1.5, **said},
        "power": {"basis": "constant", "perDevice": "10 W", **said},
    }
    for name, scope in (("data", ["data"]), ("training", ["training"])):
        spec = workspaces.resource("EmissionsPolicy", name, {**policy, "scope": scope}, **workspaces.POLICY)
        workspaces.write_spec(space / f"{name}.yaml", spec)
    found = estimates(capsys, space)
    hours = found["compute"]["value"]
    assert found["energy"]["value"] == pytest.approx(hours * 10 / 1000 * 1.5)
    assert found["emissions"]["value"] == pytest.approx(hours * 10 / 1000 * 1.5 * 0.5)
    assert found["emissions"]["high"] == pytest.approx(found["compute"]["high"] * 10 / 1000 * 1.5 * 0.5)
    assert (
        found["energy"]["method"]
        == "compute x 10 W a core (constant) x PUE 1.5, by EmissionsPolicy/data@1.0.0"
    )


def test_the_shipped_constants_say_where_they_come_from() -> None:
    costs = read_costs()
    assert len(costs.corpora) > 2
    assert len(costs.checks) >= 2
    for check in costs.checks:
        assert 5 < check.growth < 20
    last = max(costs.checks, key=lambda check: check.bytes)
    assert last.off["cpu"] < 2
    for quantity in QUANTITIES:
        near, far = costs.spread(quantity, 1e6), costs.spread(quantity, 1e14)
        assert LEAST_SPREAD <= near <= far


def test_the_guide_shows_the_checks_that_are_shipped() -> None:
    guide = (ROOT / "docs" / "guides" / "estimate.md").read_text()
    for check in json.loads((ROOT / "bigcode" / "plan" / "costs.json").read_text())["checks"]:
        seconds = f"{check['cpu']['predicted']:,.0f} and {check['cpu']['measured']:,.0f} s"
        assert f"| `{check['of']}` | {check['bytes'] / 1e6:,.0f} MB | {seconds} |" in guide


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: test_estimate.py --write")
    import contextlib
    import io

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as told:
        run(["plan", str(copy_of_specs(Path(folder)))])
    GOLDEN.write_text(section_of(told.getvalue()) + "\n")
