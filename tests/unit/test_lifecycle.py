"""What the states of a lifecycle mean, and that retiring keeps the evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from workspaces import bundle_of, edit_spec, resource, root_of, write_spec

from bigcode.cli import run
from bigcode.cli.common import open_spec
from bigcode.run.planning import survey_session
from bigcode.run.retire import (
    check_lifecycles,
    lifecycle_facts,
    refuse_release,
    refuse_work,
    state_of,
    successors,
)

OLD = "Dataset/tiny@1.0.0"
RETIRED = {"state": "retired", "reason": "replaced by a cleaner crawl", "since": "2026-11-01"}


def opened(space: Path):  # type: ignore[no-untyped-def]
    return open_spec(str(space), "")


def refused(space: Path) -> list[str]:
    session = opened(space).session()
    return [f"{d.code} {d.message}" for d in refuse_work(session.workspace, *survey_session(session))]


def next_version(space: Path, *, says: bool = True) -> None:
    """A second version of the dataset that, as it says or not, supersedes the first."""
    loaded = yaml.safe_load((space / "dataset.yaml").read_text())
    loaded["metadata"]["version"] = "2.0.0"
    if says:
        loaded["spec"]["supersedes"] = OLD
    write_spec(space / "dataset2.yaml", loaded)
    edit_spec(space / "card.yaml", "subject", value=OLD)


@pytest.mark.parametrize(
    ("lifecycle", "told"),
    [
        ({"state": "superseded"}, "names no successor"),
        ({"state": "retired", "reason": "old"}, "does not say why, and since when"),
        (
            {"state": "current", "supersededBy": "Dataset/tiny@2.0.0"},
            "names Dataset/tiny@2.0.0 as its successor",
        ),
    ],
)
def test_a_state_says_what_it_is_about(blank: Path, lifecycle: dict[str, str], told: str) -> None:
    next_version(blank, says=False)
    edit_spec(blank / "dataset.yaml", "lifecycle", value=lifecycle)
    [found] = check_lifecycles(opened(blank).workspace)
    assert found.code == "E211"
    assert told in found.message
    assert found.place is not None
    assert found.place.file.endswith("dataset.yaml")


def test_complete_states_are_fine(blank: Path) -> None:
    next_version(blank, says=False)
    superseded = {"state": "superseded", "supersededBy": "Dataset/tiny@2.0.0", "since": "2026-11-01"}
    for lifecycle in ({"state": "draft"}, RETIRED, superseded):
        edit_spec(blank / "dataset.yaml", "lifecycle", value=lifecycle)
        assert check_lifecycles(opened(blank).workspace) == []
    workspace = opened(blank).workspace
    assert str(state_of(workspace, OLD)) == "superseded since 2026-11-01 by Dataset/tiny@2.0.0"


def test_the_successor_may_say_so_itself(blank: Path) -> None:
    next_version(blank)
    edit_spec(blank / "dataset.yaml", "lifecycle", value={"state": "superseded"})
    workspace = opened(blank).workspace
    assert check_lifecycles(workspace) == []
    assert successors(workspace, OLD) == ["Dataset/tiny@2.0.0"]
    assert str(state_of(workspace, OLD)) == "superseded by Dataset/tiny@2.0.0"


def test_retiring_runs_nothing_and_keeps_the_evidence(applied: Path, tmp_path: Path) -> None:
    before = bundle_of(applied, tmp_path / "before")
    edit_spec(applied / "dataset.yaml", "lifecycle", value=RETIRED)
    assert refused(applied) == []
    assert run(["apply", str(applied)]) == 0
    after = bundle_of(applied, tmp_path / "after")
    assert root_of(before) != root_of(after)
    for part in ("verdicts", "manifests"):
        for path in (p for p in (before / part).rglob("*") if p.is_file()):
            assert (after / path.relative_to(before)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("state", ["retired", "withdrawn"])
def test_nothing_new_is_built_on_it(applied: Path, state: str) -> None:
    edit_spec(applied / "dataset.yaml", "lifecycle", value={**RETIRED, "state": state})
    edit_spec(applied / "dataset.yaml", "quality", "rules", value=[])
    assert refused(applied) == [f"E514 {OLD} is {state} since 2026-11-01: replaced by a cleaner crawl"]


def test_a_successor_is_built(applied: Path) -> None:
    next_version(applied)
    edit_spec(applied / "dataset.yaml", "lifecycle", value=RETIRED)
    assert refused(applied) == []


def test_a_release_of_it_is_refused(applied: Path) -> None:
    next_version(applied)
    edit_spec(applied / "dataset.yaml", "lifecycle", value=RETIRED)
    for name, dataset in (("old", OLD), ("new", "Dataset/tiny@2.0.0")):
        spec = {"artifacts": {"dataset": dataset}, "gates": []}
        write_spec(applied / f"{name}.yaml", resource("Release", name, spec))
    workspace = opened(applied).workspace
    [found] = refuse_release(workspace, "Release/old@1.0.0")
    assert found.code == "E514"
    assert found.message.startswith(f"Release/old@1.0.0 is made from {OLD}, which is retired")
    assert found.hint == "Use Dataset/tiny@2.0.0."
    assert refuse_release(workspace, "Release/new@1.0.0") == []
    assert refuse_release(workspace, "Release/old@1.0.0", again=True) == []
    edit_spec(applied / "dataset.yaml", "lifecycle", value={**RETIRED, "state": "withdrawn"})
    assert refuse_release(opened(applied).workspace, "Release/old@1.0.0", again=True)


def test_cards_have_facts_to_print(blank: Path) -> None:
    edit_spec(blank / "dataset.yaml", "lifecycle", value=RETIRED)
    workspace = opened(blank).workspace
    facts = lifecycle_facts(workspace.resources[OLD], state_of(workspace, OLD))
    assert {f.id.rpartition("/")[2]: f.value for f in facts} == {
        "lifecycle.state": "retired",
        "lifecycle.since": "2026-11-01",
        "lifecycle.reason": "replaced by a cleaner crawl",
    }
    assert all(f.kind == "declared" for f in facts)
