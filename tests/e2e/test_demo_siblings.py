"""The siblings of the demo, built from its own specs without a network."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fixtures.sdists import cached, packages, releases_with_notebooks
from workspaces import apply, bundle_of, edit_spec

from bigcode.cli import run
from bigcode.evidence.consent import render_list
from bigcode.store.store import Store

DEMO = Path(__file__).parents[2] / "specs" / "demo"
TAKEN = ("snapshots", "policies", "datasets", "releases", "optouts", "history")
OF_THE_MAIN_DATASET = (
    "snapshots/pypi-demo.yaml", "datasets/demo.yaml", "releases/demo.yaml", "releases/license.yaml",
    "policies/emissions.yaml",
)  # fmt: skip
MADE = ("npm-redacted", "npm-near-dedup", "notebooks", "commits", "issues", "metadata")
"""Releases beside that of the main dataset, and the datasets in them."""
ADA = "ada-invented-for-the-demo"
Ask = Callable[..., dict[str, set[str]]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo without its main dataset and what is made of that, applied; archives are in the store already."""
    space = tmp_path_factory.mktemp("siblings") / "demo"
    space.mkdir()
    shutil.copy(DEMO / "project.yaml", space)
    for name in TAKEN:
        shutil.copytree(DEMO / name, space / name, ignore=shutil.ignore_patterns("*.sig"))
    for name in OF_THE_MAIN_DATASET:
        (space / name).unlink()
    execution = {"executor": "inline", "workers": 1, "store": ".bigcode", "cards": "", "releases": "releases"}
    edit_spec(space / "project.yaml", "execution", value=execution)
    assert run(["optout", "key", str(space)]) == 0
    store = Store(str(space / ".bigcode"))
    for pin in releases_with_notebooks():
        store.objects.put(cached(pin))
    # A store that was filled by hand knows a tarball by its sha256, not by what a lock file says.
    npm = space / "snapshots" / "npm-demo.yaml"
    pinned = [{**pin, "integrity": store.objects.put(cached(pin))} for pin in packages()]
    edit_spec(npm, "collector", "with", "packages", value=pinned)
    apply(space)
    return space


@pytest.fixture(scope="module")
def bundle(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_of(built, tmp_path_factory.mktemp("bundle") / "out")


@pytest.fixture
def asked(built: Path) -> Iterator[Ask]:
    """The paths that each sibling keeps when these wishes are on the list, and no others."""
    before = (built / "optouts" / "demo.list").read_bytes()
    yield lambda *wishes: ask(built, *wishes)
    use(built, before)


@pytest.fixture(scope="module")
def everything(built: Path) -> dict[str, set[str]]:
    """The paths that each sibling keeps when nobody is on the list."""
    before = (built / "optouts" / "demo.list").read_bytes()
    found = ask(built)
    use(built, before)
    return found


def ask(space: Path, *wishes: tuple[str, str]) -> dict[str, set[str]]:
    said = json.loads((space / "optouts" / "demo.list").read_bytes())
    entries = [{"scope": scope, "value": value, "host": ""} for scope, value in wishes]
    use(space, render_list({**said, "entries": entries}))
    return {name: {row["path"] for row in rows(space, name)} for name in MADE}


def use(space: Path, data: bytes) -> None:
    (space / "optouts" / "demo.list").write_bytes(data)
    assert run(["optout", "seal", str(space)]) == 0
    apply(space)


def rows(space: Path, name: str) -> list[dict[str, Any]]:
    files = sorted((space / "releases" / name / "dataset").rglob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def told(space: Path, name: str, file: str) -> str:
    return (space / "releases" / name / "dataset" / file).read_text()


def facts(bundle: Path, name: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in (bundle / "facts.jsonl").read_text().splitlines()]
    prefix = f"Dataset/{name}@1.0.0/"
    return {f["id"].removeprefix(prefix): f["value"] for f in lines if f["id"].startswith(prefix)}


def test_each_kind_of_sibling_has_rows_and_says_of_which_dataset_it_is(built: Path) -> None:
    parents = {}
    for name in MADE:
        assert rows(built, name), name
        said = json.loads(told(built, name, "PROVENANCE.json"))
        parents[said["sibling"]] = said["of"].removeprefix("Dataset/").removesuffix("@1.0.0")
    assert parents == {
        "redacted": "npm", "near-dedup": "npm", "notebooks": "jupyter", "commits": "history", "issues": "history",
        "metadata": "history",
    }  # fmt: skip


def test_every_row_has_the_licence_of_its_project(built: Path) -> None:
    licenses = {name: {row["license"] for row in rows(built, name)} for name in MADE}
    assert licenses == {
        "npm-redacted": {"MIT"}, "npm-near-dedup": {"MIT"}, "notebooks": {"BSD-3-Clause"}, "commits": {"Apache-2.0"},
        "issues": {"Apache-2.0"}, "metadata": {"Apache-2.0"},
    }  # fmt: skip


def test_two_releases_that_differ_little_give_one_file_in_the_near_deduplicated_variant(built: Path) -> None:
    plain, near = (
        [row for row in rows(built, name) if (row["owner"], row["path"]) == ("ms", "index.js")]
        for name in ("npm-redacted", "npm-near-dedup")
    )
    assert {row["revision"] for row in plain} == {"2.1.2", "2.1.3"}
    assert len(near) == 1


def test_addresses_in_packages_are_masked_where_they_are_released(built: Path) -> None:
    masked = [row for row in rows(built, "npm-redacted") if row["redactions"]]
    assert masked
    for row in masked:
        assert "@example." in row["content"]


def test_notebooks_that_are_broken_on_purpose_are_dropped_and_the_others_are_cells(
    built: Path, bundle: Path
) -> None:
    assert facts(bundle, "notebooks")["files.dropped{reason=quality.broken-notebook}"] > 0
    for row in rows(built, "notebooks"):
        assert row["content"].startswith("<jupyter_start><jupyter_")


def test_a_commit_of_the_project_is_its_message_and_its_diff(built: Path) -> None:
    found = rows(built, "commits")
    assert len(found) == 20
    for row in found:
        message, _, diff = row["content"].partition("\n\ndiff --git a/")
        assert message
        assert diff
        assert "@users.noreply" not in row["content"]


def test_of_the_hour_people_s_messages_are_kept_and_nobody_is_named(built: Path) -> None:
    found = {row["path"]: row for row in rows(built, "issues")}
    assert {path for path in found if "comments" not in path} == {"issues/1", "issues/2"}
    assert {row["author"] for row in found.values()} == {"user-1", "user-2", "user-3"}
    for row in found.values():
        assert "for-the-demo" not in json.dumps(row)


def test_the_record_of_the_project_is_kept_and_that_of_a_fork_without_files_is_not(
    built: Path, bundle: Path
) -> None:
    (row,) = rows(built, "metadata")
    assert (row["name"], row["stars"], row["license"]) == ("the_bigcode_authors/bigcode", 21, "Apache-2.0")
    assert facts(bundle, "metadata")["files.dropped{reason=license.unknown}"] == 1


def test_the_account_on_the_demo_s_list_is_in_no_message(
    built: Path, everything: dict[str, set[str]]
) -> None:
    kept = {row["path"] for row in rows(built, "issues")}
    assert everything["issues"] - kept >= {"issues/3"}
    assert kept < everything["issues"]


def test_who_wrote_an_issue_opts_out_of_messages_alone(everything: dict[str, set[str]], asked: Ask) -> None:
    after = asked(("issue-author", ADA.upper()))
    assert {name for name in MADE if everything[name] != after[name]} == {"issues"}
    assert "issues/1" in everything["issues"] - after["issues"]


def test_who_wrote_a_commit_opts_out_of_commits_alone(
    built: Path, everything: dict[str, set[str]], asked: Ask
) -> None:
    (author,) = authors(built) - invented()
    after = asked(("commit-author", author))
    assert {name for name in MADE if everything[name] != after[name]} == {"commits"}
    assert after["commits"] == set()


def test_an_owner_opts_out_of_every_record_of_the_project(
    everything: dict[str, set[str]], asked: Ask
) -> None:
    after = asked(("owner", "the_bigcode_authors"))
    assert {name for name in MADE if everything[name] != after[name]} == {"commits", "issues", "metadata"}
    assert not after["commits"] | after["issues"] | after["metadata"]


def authors(space: Path) -> set[str]:
    """Everybody who is known to have written a record, as the store has it."""
    found = set()
    for file in (space / ".bigcode" / "objects").glob("*/*"):
        if file.read_bytes()[:4] == b"PAR1" and "authors" in pq.read_schema(file).names:
            lists = pq.read_table(file, columns=["authors"])["authors"].to_pylist()
            found |= {account for accounts in lists for account in accounts or ()}
    return found


def invented() -> set[str]:
    lines = gzip.decompress((DEMO / "history" / "2026-11-24-18.json.gz").read_bytes()).splitlines()
    return {json.loads(line)["actor"]["login"] for line in lines}


def test_whoever_speaks_in_the_hour_is_invented_or_a_machine() -> None:
    for login in invented():
        assert login.endswith(("-invented-for-the-demo", "[bot]"))


def test_a_second_apply_has_nothing_to_do(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    apply(built)
    assert "Nothing to do" in capsys.readouterr().out


def test_bundle_and_data_verify(built: Path, bundle: Path) -> None:
    for name in MADE:
        folder = built / "releases" / name / "dataset"
        assert run(["verify", str(bundle), "--data", str(folder)]) == 0
