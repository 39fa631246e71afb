"""Plan files that no longer hold, or that are none; gates whose records cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from workspaces import resource


def planned(bench: Any) -> Path:
    path = Path("plan.json").resolve()
    assert bench.run("plan", str(bench.space), "--out", str(path)).code == 0
    return path


def edit_a_spec(bench: Any) -> None:
    bench.change("dataset.yaml", "threshold: 0.7", "threshold: 0.8")


def edit_a_note(bench: Any) -> None:
    bench.change("dataset.yaml", "spec:\n", "spec:\n  notes: a note\n")


def edit_the_corpus(bench: Any) -> None:
    bench.write("corpus.jsonl", bench.text("corpus.jsonl").replace("def ", "def  "))


def seal_another_list(bench: Any) -> None:
    for name in ("optout.yaml", "optouts/list.json", "optouts/list.json.sig"):
        bench.write(name, bench.path(name).read_bytes())
    assert bench.run("optout", "add", str(bench.space), "somebody").code == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (edit_a_spec, "specs"),
        (edit_a_note, "specs"),
        (edit_the_corpus, "the tasks"),
        (seal_another_list, "lists"),
    ],
)
def test_a_stale_plan_is_refused_and_says_what_changed(
    bench: Any, change: Callable[[Any], None], says: str
) -> None:
    path = planned(bench)
    change(bench)
    found = bench.refused("apply", spec=str(path)).only(
        "E506", says="the plan is stale", hint="`bigcode plan`"
    )
    assert says in found["message"]


def test_a_plan_is_stale_once_it_was_applied(bench: Any) -> None:
    edit_a_note(bench)
    path = planned(bench)
    assert bench.run("apply", str(path)).code == 0
    bench.refused("apply", spec=str(path)).only("E506", says="refs")
    bench.mend()
    assert bench.run("apply", str(bench.space)).code == 0
    bench.held = {
        name: digest for name, digest in bench.held.items() if not name.startswith("governance/cards")
    }


def test_a_plan_whose_plugins_changed(bench: Any, site: Any) -> None:
    path = planned(bench)
    site.install("acme-plugin", "acme", "")
    bench.refused("apply", spec=str(path)).only("E506", says="plugins changed")
    site.uninstall()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no plan"),
        (b"garbage", "is no plan"),
        (b"[]", "is no plan"),
        (b"null", "is no plan"),
        (b"{}", "is no plan"),
        (b"\xff\xfe\x00", "is no plan"),
        (b"[" * 100_000, "is no plan"),
        (b'{"format": 3}', "is no plan"),
        (b'{"format": "bigcode-plan/99"}', "of another version"),
        (b'{"format": "bigcode-plan/1"}', "was changed after it was made"),
    ],
)
def test_a_file_that_is_no_plan(bench: Any, tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "plan.json").write_bytes(content)
    refusal = bench.refused("apply", spec="plan.json")
    refusal.only("E506", says=says, hint="")
    assert refusal.found[0]["hint"]
    assert refusal.ran.code == 6


@pytest.mark.parametrize("name", ["tasks", "basis", "targets", "env", "workspace"])
def test_a_plan_that_was_changed_by_hand(bench: Any, name: str) -> None:
    edit_a_spec(bench)
    path = planned(bench)
    value = json.loads(path.read_text())
    del value[name]
    path.write_text(json.dumps(value))
    bench.refused("apply", spec=str(path)).only("E506", says="changed after it was made", hint="reviewed")


def test_a_plan_that_is_not_there(bench: Any) -> None:
    bench.refused("apply", spec="gone.json").only("E001", says="there is no plan `gone.json`")


def test_a_plan_cannot_be_written_where_there_is_no_folder(bench: Any) -> None:
    done = bench.run("plan", str(bench.space), "--out", "no/such/folder/plan.json")
    assert done.code != 0
    assert "Traceback" not in done.err
    assert "fault of bigcode" not in done.err


# ---------------------------------------------------------------- gates


def release(bench: Any, **more: Any) -> None:
    spec = {"artifacts": {"dataset": "Dataset/tiny"}, **more}
    bench.write("release.yaml", yaml.safe_dump(resource("Release", "tiny", spec), sort_keys=False))


def test_a_stale_list_keeps_a_release_back(bench: Any) -> None:
    release(bench, gates=["opt-out-age"])
    assert bench.run("apply", str(bench.space)).code == 0
    done = bench.run("plan", str(bench.space), "--as-of", "2027-06-01")
    assert done.code == 0
    assert "Gate MISSING  opt-out-age: OptOutSnapshot/list@1.0.0 is 212 d old, limit 90 d" in done.out
    refusal = bench.refused("release", "--as-of", "2027-06-01")
    refusal.only("E406", says="gate opt-out-age is not met", hint="")
    assert refusal.ran.code == 5
    assert not bench.path("bigcode.lock").exists()


def test_a_release_that_nobody_approved_is_kept_back(fresh: Any) -> None:
    release(fresh, gates=["approvals"])
    fresh.change("project.yaml", "spec:\n", "spec:\n  approvals: [{kind: release, groups: [wg]}]\n")
    fresh.refused("release").only("E507", says="tasks are pending", hint="`bigcode apply`")
    assert fresh.run("apply", str(fresh.space)).code == 0
    refusal = fresh.refused("release")
    refusal.only("E510", says="release: 0 of 1 from wg", hint="`bigcode approve`")
    assert refusal.ran.code == 5
    assert not fresh.path("bigcode.lock").exists()


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("no front matter\n", "E209", "has no front matter"),
        ("---\ntitle: x\n---\nbody\n", "E209", "names no id"),
        ("---\n- a\n---\nbody\n", "E209", "names no id"),
        ("---\nid: [1\n---\nbody\n", "E101", "cannot be read as YAML"),
        ("---\nid: 1\nsignatures: none\n---\nbody\n", "E209", "signatures are a list"),
        ("---\nid: 1\nsignatures: [a]\n---\nbody\n", "E209", "signatures are a list"),
        ("caf\xe9".encode("latin-1"), "E108", "not UTF-8"),
    ],
)
def test_a_record_of_a_decision_that_cannot_be_read_is_no_approval(
    bench: Any, text: str | bytes, code: str, says: str
) -> None:
    release(bench, gates=["approvals"])
    bench.change("project.yaml", "spec:\n", "spec:\n  approvals: [{kind: release, groups: [wg]}]\n")
    bench.write("governance/decisions/0001.md", text)
    done = bench.run("plan", str(bench.space))
    assert done.code == 0, done.err
    assert "Gate MISSING  approvals: release: 0 of 1 from wg" in done.out
    from bigcode.plan.gates import read_decision

    record, found = read_decision(bench.path("governance/decisions/0001.md"))
    assert record is None
    assert (found[0].code, says in found[0].message) == (code, True)
