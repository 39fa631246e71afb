"""Siblings of a dataset, end to end: what their rows hold, whom they name, what opt-outs take, what goes with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sibling_workspaces import HOLDER, IN_TEXT, KINDS, NORA, OTTO, PIA, QUIN, ROY, make_workspace
from workspaces import apply, bundle_of, edit_spec, read_spec, tasks_of_last_run, write_wishes

from bigcode.cli import run
from bigcode_train.tokens.documents import Shard, read_documents


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace, applied with an empty list."""
    space = make_workspace(tmp_path_factory.mktemp("siblings"))
    apply(space)
    return space


@pytest.fixture(scope="module")
def bundle(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_of(built, tmp_path_factory.mktemp("bundle") / "out")


def accounts(space: Path) -> set[str]:
    """Everybody who is known to have written a record, as the store has it."""
    found = set()
    for run_ in (space / ".bigcode" / "objects").glob("*/*"):
        if run_.read_bytes()[:4] == b"PAR1" and "authors" in pq.read_schema(run_).names:
            lists = pq.read_table(run_, columns=["authors"])["authors"].to_pylist()
            found |= {account for accounts in lists for account in accounts or ()}
    return found


def bytes_of(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """All that leaves the store: files as they are, and columns of tables in plain JSON."""
    for file in sorted(f for folder in folders for f in folder.rglob("*") if f.is_file()):
        yield file.name, file.read_bytes()
        if file.suffix == ".parquet":
            yield file.name, json.dumps(pq.read_table(file).to_pylist(), ensure_ascii=False).encode()


def facts(bundle: Path, name: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in (bundle / "facts.jsonl").read_text().splitlines()]
    prefix = f"Dataset/{name}@1.0.0/"
    return {f["id"].removeprefix(prefix): f["value"] for f in lines if f["id"].startswith(prefix)}


def told(space: Path, name: str, file: str) -> str:
    return (space / "releases" / name / "dataset" / file).read_text()


def shards(space: Path, name: str) -> list[Path]:
    return sorted((space / "releases" / name / "dataset").rglob("*.parquet"))


def rows(space: Path, name: str) -> list[dict[str, Any]]:
    found = [row for file in shards(space, name) for row in pq.read_table(file).to_pylist()]
    return sorted(found, key=lambda row: (row["owner"], row["path"]))


def places(space: Path, name: str) -> set[tuple[str, str]]:
    return {(f"{row['owner']}/{row['repository']}", row["path"]) for row in rows(space, name)}


def test_a_message_is_a_row_and_its_writer_a_number_within_the_conversation(built: Path) -> None:
    found = {row["path"]: (row["author"], row["content"]) for row in rows(built, "issues")}
    assert found == {
        "issues/3": ("user-1", "It stops\n\nThe grid stops at the first wall. It should go on."),
        "issues/3/comments/31": ("user-2", "@user-1 cannot see it here, and @user neither."),
        "issues/3/comments/32": (
            "user-3", "> @user-1 cannot\n\nuser-1 is right, @user-2: `@user-2`, look again.",
        ),
        "issues/3/comments/33": ("user-1", "Thank you, @user-3. It is @user-2 who found it."),
        "issues/4": ("user-1", "Praise\n\nTools of @user are good. Thank you all."),
    }  # fmt: skip


def test_a_commit_is_message_and_diff_without_those_who_wrote_it(built: Path) -> None:
    found = {row["content"].partition("\n")[0]: row for row in rows(built, "commits")}
    assert set(found) == {"Start", "Show the way", "A tool"}
    message = found["Show the way"]["content"].partition("\n\ndiff --git")[0]
    assert message.startswith("Show the way\n\nAsked for by @user; tell ")
    assert "@" not in message.replace("@user;", "").replace("@example.com", "")
    assert "author" not in found["Start"]
    assert found["Start"]["path"] == found["Start"]["revision"]


def test_a_repository_is_a_row_with_columns(built: Path) -> None:
    kit, tool = rows(built, "metadata")
    assert {n: kit[n] for n in ("name", "stars", "forks", "created", "pushed", "languages", "license_told")} == {
        "name": "ann/kit", "stars": 40, "forks": 3, "created": 1_577_836_800, "pushed": 1_614_686_400,
        "languages": ["Python"], "license_told": "Apache-2.0",
    }  # fmt: skip
    assert (kit["license"], kit["license_source"], kit["deleted"], kit["fork_of"]) == (
        "MIT",
        "repository",
        False,
        None,
    )
    assert (tool["name"], tool["renamed_from"], tool["stars"]) == ("cy/tool", ["cy/hammer"], 0)
    assert json.loads(kit["content"])["stars"] == {"seen": 1, "told": 40}


def test_a_notebook_is_written_as_cells_and_a_broken_one_is_dropped_by_a_rule(
    built: Path, bundle: Path
) -> None:
    (row,) = rows(built, "notebooks")
    head, _, tail = row["content"].partition("write to:\\n")
    assert head == (
        "<jupyter_start><jupyter_text># Ways\n\nAsk the desk.<jupyter_code>from kit.grid import ways\nprint('"
    )
    masked, _, end = tail.partition("'")
    assert masked.endswith("@example.com")
    assert end == ")<jupyter_output>3"
    assert facts(bundle, "notebooks")["files.dropped{reason=quality.broken-notebook}"] == 1


def test_near_copies_are_left_out_of_the_variant_alone(built: Path) -> None:
    lost = places(built, "code") - places(built, "near")
    assert lost in ({("cy/tool", "ways.py")}, {("ann/kit", "kit/grid.py")})
    assert places(built, "near") < places(built, "code")


def test_addresses_are_masked_in_the_redacted_variant_alone(built: Path) -> None:
    assert places(built, "redacted") == places(built, "code")
    plain, redacted = (
        {(row["owner"], row["path"]): row["content"] for row in rows(built, name)}
        for name in ("code", "redacted")
    )
    assert IN_TEXT in plain["ann", "kit/desk.py"]
    for content in redacted.values():
        assert IN_TEXT not in content
        assert HOLDER not in content


def test_records_have_the_licences_of_their_projects(built: Path, bundle: Path) -> None:
    licenses = {"ann/kit": "MIT", "cy/tool": "ISC"}
    for name in ("issues", "commits", "metadata"):
        for row in rows(built, name):
            assert row["license"] == licenses[f"{row['owner']}/{row['repository']}"]
        dropped = {k: v for k, v in facts(bundle, name).items() if k.startswith("files.dropped{")}
        # The project under the GPL, and for metadata a fork that the dataset does not hold.
        assert sum(dropped.values()) == {"issues": 1, "commits": 1, "metadata": 2}[name]
        assert all("license." in reason for reason in dropped)


def test_nobody_who_wrote_a_record_is_named_outside_of_the_store(built: Path, bundle: Path) -> None:
    known = accounts(built)
    assert known >= {NORA, OTTO, PIA, QUIN, ROY}
    left = [built / "releases", built / "governance", built / ".bigcode" / "runs", bundle]
    # The parent keeps addresses that stand in files, whoever they are of; these are in none.
    for file, data in bytes_of(*left):
        lowered = data.lower()
        for account in known:
            assert account.lower().encode() not in lowered, f"{file} names somebody"


def test_a_sibling_says_of_which_dataset_it_is_and_under_which_policies(built: Path, bundle: Path) -> None:
    for name in KINDS:
        said, found = json.loads(told(built, name, "PROVENANCE.json")), facts(bundle, name)
        kind = "near-dedup" if name == "near" else name
        assert (said["of"], said["sibling"], said["asOf"]) == ("Dataset/code@1.0.0", kind, "2026-11-01")
        assert (found["sibling.of"], found["sibling.kind"]) == ("Dataset/code@1.0.0", kind)
        policies = {n.removeprefix("policy."): value for n, value in found.items() if n.startswith("policy.")}
        assert said["policies"] == policies
        assert policies["optout"] == "OptOutSnapshot/list@1.0.0"
        assert policies["pii"] == f"PIIPolicy/{'keep' if name == 'near' else 'mask'}@1.0.0"
    assert "sibling.of" not in facts(bundle, "code")


def test_a_dataset_names_the_detectors_that_saw_it(built: Path) -> None:
    said = json.loads(told(built, "notebooks", "PROVENANCE.json"))
    seen = {name: (o["component"], o["behaviour"]) for name, o in said["observers"].items()}
    assert seen["license"] == ("licenses.tiers", 1)
    assert seen["quality"] == ("notebooks.check", 1)
    assert said["observers"]["pii"]["settings"].startswith("sha256:")
    assert (said["collector"]["component"], said["renderer"]["component"]) == (
        "sources.git",
        "notebooks.cells",
    )


def test_a_row_carries_the_evidence_of_its_licence_and_no_address(built: Path) -> None:
    row = next(r for r in rows(built, "code") if r["path"] == "retry.py")
    (evidence,) = row["license_evidence"]
    assert (evidence["id"], evidence["detector"]) == ("ISC", "spdx-line")
    assert row["copyright"] == ["Copyright (c) 2022 Cy Maker"]
    for row in rows(built, "code"):
        assert "@" not in json.dumps([row["license_evidence"], row["copyright"]])


def test_notices_go_with_the_data(built: Path) -> None:
    holders = {
        "kit": ["Copyright (c) 2020 The contributors"],
        "tool": [
            "Copyright (c) 2019 The contributors of requestlib",
            "Copyright (c) 2021 Cy Maker",
            "Copyright (c) 2022 Cy Maker",
        ],
    }
    for name in ("code", *KINDS):
        listed = [json.loads(line) for line in told(built, name, "NOTICES.jsonl").splitlines()]
        projects = {(row["host"], row["owner"], row["repository"]) for row in rows(built, name)}
        assert {(n["host"], n["owner"], n["repository"]) for n in listed} == projects
        for notice in listed:
            assert notice["copyright"] == holders[notice["repository"]]
            assert notice["licenses"] == [{"kit": "MIT", "tool": "ISC"}[notice["repository"]]]
        assert sum(notice["files"] for notice in listed) == len(rows(built, name))


def test_a_broken_notebook_that_no_rule_drops_is_named(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = built / "notebooks.yaml"
    rules = read_spec(spec)["quality"]["rules"]
    edit_spec(spec, "quality", "rules", value=[])
    capsys.readouterr()
    assert run(["apply", str(built)]) == 1
    said = capsys.readouterr().err
    edit_spec(spec, "quality", "rules", value=rules)
    assert "E711" in said
    assert "`broken.ipynb`" in said


@pytest.mark.parametrize(
    "file, keys, value",
    [
        ("issues.yaml", ("of",), None),
        ("near.yaml", ("snapshot",), "Snapshot/commits"),
        ("redacted.yaml", ("pii",), "PIIPolicy/keep"),
        ("notebooks.yaml", ("languages", "include"), []),
        ("notebooks.yaml", ("export",), {}),
    ],
)
def test_a_sibling_that_lacks_what_it_needs_is_refused(
    built: Path, capsys: pytest.CaptureFixture[str], file: str, keys: tuple[str, ...], value: Any
) -> None:
    before = (built / file).read_bytes()
    edit_spec(built / file, *keys, value=value)
    capsys.readouterr()
    assert run(["plan", str(built)]) == 3
    said = capsys.readouterr()
    (built / file).write_bytes(before)
    assert f"{file}:" in said.err + said.out
    assert "E311" in said.err + said.out


def test_a_second_apply_has_nothing_to_do(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(built), "--exit-code"]) == 0
    capsys.readouterr()
    apply(built)
    assert "Nothing to do" in capsys.readouterr().out


def test_bundle_and_data_of_every_sibling_verify(built: Path, bundle: Path) -> None:
    for name in ("code", *KINDS):
        folder = built / "releases" / name / "dataset"
        assert run(["verify", str(bundle), "--data", str(folder)]) == 0


def test_models_read_the_shards_of_siblings(built: Path) -> None:
    for name in KINDS:
        read = [d for file in shards(built, name) for d in read_documents(Shard(file.name, file))]
        assert sorted(d.text for d in read) == sorted(row["content"] for row in rows(built, name))


@pytest.fixture
def asked(built: Path, tmp_path: Path) -> Iterable[Any]:
    """Applies a list of wishes; what is left of a sibling, beside what it held."""
    before = {name: {(r["owner"], r["path"]): r for r in rows(built, name)} for name in ("code", *KINDS)}

    def ask(*wishes: tuple[str, str]) -> dict[str, set[tuple[str, str]]]:
        write_wishes(built, wishes)
        apply(built)
        return {
            name: set(held) - {(r["owner"], r["path"]) for r in rows(built, name)}
            for name, held in before.items()
        }

    yield ask
    write_wishes(built, ())
    apply(built)


def test_who_wrote_an_issue_opts_out_of_messages_alone(built: Path, asked: Any) -> None:
    gone = asked(("issue-author", QUIN.upper()))
    mine = {("ann", "issues/3/comments/31"), ("ann", "issues/4")}
    assert {name: places for name, places in gone.items() if places} == {"issues": mine}
    found = {row["path"]: (row["author"], row["content"]) for row in rows(built, "issues")}
    # The others keep their numbers; who is gone is nobody in particular.
    assert found["issues/3/comments/32"] == (
        "user-3", "> @user-1 cannot\n\nuser-1 is right, @user: `@user`, look again.",
    )  # fmt: skip


def test_who_wrote_a_commit_opts_out_of_commits_alone(built: Path, asked: Any) -> None:
    wanted = {("ann", r["path"]) for r in rows(built, "commits") if r["content"].startswith("Show the way")}
    gone = asked(("commit-author", f"5+{QUIN}@users.noreply.github.com"))
    assert {name: places for name, places in gone.items() if places} == {"commits": wanted}


def test_an_owner_opts_out_of_everything(built: Path, asked: Any) -> None:
    held = {name for name in ("code", *KINDS) if "cy" in {row["owner"] for row in rows(built, name)}}
    gone = asked(("owner", "Cy"))
    assert {name for name, places in gone.items() if ("cy" in {owner for owner, _ in places})} == held
    for name in ("code", *KINDS):
        assert "cy" not in {row["owner"] for row in rows(built, name)}
        assert '"owner":"cy"' not in told(built, name, "NOTICES.jsonl")


def test_a_repository_opts_out_of_everything(built: Path, asked: Any) -> None:
    asked(("repository", "ann/kit"))
    for name in ("code", *KINDS):
        assert "ann" not in {row["owner"] for row in rows(built, name)}


def test_only_what_an_opt_out_touches_runs_again(built: Path, asked: Any) -> None:
    asked(("issue-author", ROY))
    ran = {step for step, _ in tasks_of_last_run(built)}
    assert not any(step.startswith(("collect.", "observe.", "cluster.", "gather", "scatter")) for step in ran)
