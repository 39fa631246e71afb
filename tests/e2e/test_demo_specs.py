"""The demo's specs: complete, checked and planned from a clean copy, before anything was fetched."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from bigcode.api.canonical import digest
from bigcode.cli import run
from bigcode.host.manager import load_host
from bigcode.spec.workspace import Workspace, load_workspace

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "specs" / "demo"
KINDS = {
    "Project", "Snapshot", "LicensePolicy", "OptOutSnapshot", "PIIPolicy", "Dataset", "Tokenizer", "Model",
    "Evaluation", "EmissionsPolicy", "License", "Release", "Card",
}  # fmt: skip
MAIN = "Snapshot/pypi-demo@1.0.0"
SPDX_COPYLEFT = re.compile(r"(?:^|[^A-Z])(?:GPL|LGPL|AGPL|MPL)-")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The specs alone, outside of the checkout."""
    target = tmp_path / "demo"
    shutil.copytree(DEMO, target, ignore=shutil.ignore_patterns("*.sig", "bigcode.lock"))
    return target


@pytest.fixture(scope="module")
def demo() -> Workspace:
    return load_workspace(DEMO, load_host().registry)


@pytest.fixture(scope="module")
def releases(demo: Workspace) -> list[dict[str, Any]]:
    snapshot = demo.resources[MAIN]
    found: list[dict[str, Any]] = snapshot.spec.collector.with_["releases"]
    return found


def test_a_clean_copy_is_valid_and_can_be_planned_without_a_store(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(copy.rglob("*"))
    for command in (["validate"], ["graph"], ["plan", "--as-of", "2026-12-01"]):
        assert run([command[0], str(copy), *command[1:]]) == 0, capsys.readouterr().err
    assert run(["plan", str(copy), "--exit-code"]) == 4
    assert "first-run" in capsys.readouterr().out
    assert sorted(copy.rglob("*")) == before


def test_it_declares_every_kind_that_does_work(demo: Workspace) -> None:
    assert {r.kind for r in demo.resources.values()} == KINDS
    templates = {r.spec.template for r in demo.resources.values() if r.kind == "Card"}
    assert templates == {"dataset-card", "model-card", "governance-card", "license", "emissions-report"}


def test_it_collects_pinned_releases(demo: Workspace, releases: list[dict[str, Any]]) -> None:
    assert 40 <= len(releases) <= 60
    for release in releases:
        assert set(release) == {"name", "version", "sha256"}
        assert re.fullmatch(r"[0-9a-f]{64}", release["sha256"])
    names = [release["name"] for release in releases]
    assert len(set(names)) < len(names), "several releases of one project"
    assert {"pip", "requests", "urllib3"} <= set(names), "a project that vendors others, and those"


def test_it_collects_packages_of_two_indexes_files_and_commits_of_a_history_and_events(
    demo: Workspace,
) -> None:
    used = {r.spec.collector.uses for r in demo.resources.values() if r.kind == "Snapshot"}
    assert used == {
        "sources.pypi", "sources.npm", "sources.git", "sources.git-commits", "sources.gharchive",
        "sources.gharchive-issues",
    }  # fmt: skip


def test_it_has_one_sibling_of_each_kind_under_the_same_list(demo: Workspace) -> None:
    datasets = [r.spec for r in demo.resources.values() if r.kind == "Dataset"]
    siblings = sorted(d.sibling for d in datasets if d.sibling)
    assert siblings == ["commits", "issues", "metadata", "near-dedup", "notebooks", "redacted"]
    (list_,) = (r.spec for r in demo.resources.values() if r.kind == "OptOutSnapshot")
    assert {"commit-author", "issue-author"} <= set(list_.scopes)


def test_a_dataset_whose_policy_keeps_what_is_found_is_not_released(demo: Workspace) -> None:
    keeping = {
        address.partition("@")[0]
        for address, r in demo.resources.items()
        if r.kind == "Dataset" and str(r.spec.pii).startswith("PIIPolicy/stewards-only")
    }
    released = {
        str(r.spec.artifacts.dataset).partition("@")[0]
        for r in demo.resources.values()
        if r.kind == "Release"
    }
    assert keeping == {"Dataset/npm"}
    assert not keeping & released


def test_its_model_is_trained_on_two_processes_with_fill_in_the_middle(demo: Workspace) -> None:
    spec = next(r for r in demo.resources.values() if r.kind == "Model").spec
    assert spec.architecture["model_type"] == "gpt_bigcode"
    assert spec.architecture["multi_query"] is True
    assert spec.objective.fim_rate > 0
    assert (spec.runtime.launcher, spec.runtime.processes) == ("torchrun", 2)
    assert spec.freshness == "pinned"


def test_its_policies_admit_no_copyleft_and_nothing_unknown(demo: Workspace) -> None:
    spec = next(r for r in demo.resources.values() if r.kind == "LicensePolicy").spec
    assert spec.unknown == "deny"
    assert not [name for name in spec.allow if SPDX_COPYLEFT.search(name)]
    assert demo.resources[MAIN].spec.buckets == 8


def test_its_opt_out_list_is_the_pinned_one_and_says_that_it_is_illustrative(
    demo: Workspace, releases: list[dict[str, Any]]
) -> None:
    spec = next(r for r in demo.resources.values() if r.kind == "OptOutSnapshot").spec
    data = (DEMO / spec.source).read_bytes()
    assert spec.pin == f"sha256:{digest(data)}"
    content = json.loads(data)
    assert "ILLUSTRATIVE" in content["note"]
    named = {entry["value"] for entry in content["entries"] if entry["scope"] == "owner"}
    assert named & {release["name"] for release in releases}, "a project that others vendor"


def test_every_policy_has_its_decision_record(demo: Workspace) -> None:
    for address, resource in demo.resources.items():
        if resource.metadata.rationale:
            assert (ROOT / resource.metadata.rationale).is_file(), address
