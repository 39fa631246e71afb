"""Gates of a release: the age of the opt-outs, and who signed which decision."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from model_workspaces import model_specs
from workspaces import edit_spec, resource, write_spec

from bigcode.api.diagnostics import Problem
from bigcode.api.facts import Fact
from bigcode.cli import run
from bigcode.evidence.signing import make_key, public_key, sign, verified
from bigcode.host.manager import load_host
from bigcode.plan.gates import Gate, decision_files, decision_message, gates, read_decision, refuse
from bigcode.spec.workspace import load_workspace

TODAY = date(2026, 12, 1)
"""A month after the list of the tiny workspace."""
RECORD = (
    "---\nid: 0007-release\nkind: release\nworkspace: tiny\nsubject: Release/tiny@1.0.0\n---\n"
    "# We release\n\nBecause.\n"
)


@pytest.fixture
def space(blank: Path) -> Path:
    """The tiny workspace with a release of its dataset."""
    write_spec(
        blank / "release.yaml",
        resource("Release", "tiny", {"artifacts": {"dataset": "Dataset/tiny"}, "optOutMaxAge": "60d"}),
    )
    (blank / "governance" / "decisions").mkdir(parents=True, exist_ok=True)
    return blank


def change(space: Path, file: str, edit: Callable[[dict[str, Any]], Any]) -> None:
    loaded = yaml.safe_load((space / file).read_text())
    edit(loaded["spec"])
    write_spec(space / file, loaded)


def state(space: Path, as_of: date = TODAY) -> dict[str, Gate]:
    return {gate.id: gate for gate in gates(load_workspace(space, load_host().registry), as_of)}


def ask_for(
    space: Path, minimum: int, *people: tuple[str, str, str], groups: tuple[str, ...] = ("legal",)
) -> None:
    """Make the project ask for approvals, and name people with their groups and keys."""
    approvers = [{"name": name, "group": group, "key": key} for name, group, key in people]
    approvals = [{"kind": "release", "groups": list(groups), "minimum": minimum}]
    change(space, "project.yaml", lambda spec: spec.update(approvals=approvals, approvers=approvers))


def key_of(folder: Path, name: str) -> str:
    return make_key(folder / f"{name}.key")


def record(space: Path, text: str = RECORD, name: str = "0007.md") -> Path:
    path = space / "governance" / "decisions" / name
    path.write_text(text)
    return path


def approve(path: Path, name: str, key: Path) -> int:
    return run(["approve", str(path), "--name", name, "--key", str(key)])


# ---------------------------------------------------------------- the age of the opt-outs


@pytest.mark.parametrize(
    ("as_of", "ok", "told"),
    [
        (date(2026, 11, 1), True, "0 d old, limit 60 d"),
        (date(2026, 12, 31), True, "60 d old, limit 60 d"),
        (date(2027, 1, 1), False, "61 d old, limit 60 d"),
        (date(2031, 11, 1), False, "1826 d old, limit 60 d"),
        (date(2026, 10, 31), False, "dated 1 d ahead of 2026-10-31"),
    ],
)
def test_the_list_must_not_be_older_than_the_release_allows_nor_from_the_future(
    space: Path, as_of: date, ok: bool, told: str
) -> None:
    gate = state(space, as_of)["opt-out-age"]
    assert (gate.ok, gate.passes, gate.text) == (ok, ok, f"OptOutSnapshot/list@1.0.0 is {told}")
    assert [d.code for d in refuse([gate])] == ([] if ok else ["E406"])


@pytest.mark.parametrize(
    ("expires", "passes"), [("2027-01-31", True), ("2027-01-01", True), ("2026-12-31", False)]
)
def test_a_waiver_lets_a_release_pass_until_it_expires(space: Path, expires: str, passes: bool) -> None:
    waiver = {"gate": "opt-out-age", "by": "the stewards", "reason": "a holiday", "expires": expires}
    change(space, "release.yaml", lambda spec: spec.update(waivers=[waiver]))
    gate = state(space, date(2027, 1, 1))["opt-out-age"]
    assert (gate.ok, gate.passes) == (False, passes)
    assert "the stewards" in (gate.waiver if passes else gate.text)
    assert ("expired 2026-12-31" in gate.text) == (not passes)


def test_a_waiver_of_another_gate_does_not_help(space: Path) -> None:
    waiver = {"gate": "approvals", "by": "x", "reason": "y", "expires": "2030-01-01"}
    change(space, "release.yaml", lambda spec: spec.update(waivers=[waiver]))
    assert not state(space, date(2027, 6, 1))["opt-out-age"].passes


def test_a_release_that_leads_to_no_list_does_not_pass_for_that(space: Path) -> None:
    change(space, "release.yaml", lambda spec: spec.update(artifacts={}))
    gate = state(space)["opt-out-age"]
    assert not gate.passes
    assert "no artifact of the release leads to an OptOutSnapshot" in gate.text
    assert [d.code for d in refuse([gate])] == ["E510"]


@pytest.mark.parametrize(("as_of", "ok"), [(date(2026, 12, 31), True), (date(2027, 1, 1), False)])
@pytest.mark.parametrize("part", ["tokenizer", "model"])
def test_the_list_behind_the_data_of_a_tokenizer_or_a_model_is_judged(
    space: Path, part: str, as_of: date, ok: bool
) -> None:
    for file, value in model_specs().items():
        if value["kind"] != "Release":
            write_spec(space / file, value)
    change(space, "release.yaml", lambda spec: spec.update(artifacts={part: f"{part.title()}/tiny"}))
    gate = state(space, as_of)["opt-out-age"]
    assert (gate.ok, gate.text.split(" is ")[0]) == (ok, "OptOutSnapshot/list@1.0.0")


# ---------------------------------------------------------------- approvals


def test_a_signature_of_the_right_group_counts(space: Path, tmp_path: Path) -> None:
    key = key_of(tmp_path, "ada")
    ask_for(space, 1, ("Ada", "legal", key))
    path = record(space)
    assert not state(space)["approvals"].ok
    assert approve(path, "Ada", tmp_path / "ada.key") == 0
    gate = state(space)["approvals"]
    assert (gate.ok, gate.text) == (True, "release: 1 of 1 from legal")
    assert path.read_text().endswith(RECORD.partition("\n---\n")[2]), "the text is as it was"


def test_as_many_people_as_are_asked_for_and_each_counts_once(space: Path, tmp_path: Path) -> None:
    people = [("Ada", "legal", key_of(tmp_path, "ada")), ("Ben", "data", key_of(tmp_path, "ben"))]
    ask_for(space, 2, *people, ("Ada", "legal", key_of(tmp_path, "ada2")), groups=("legal", "data"))
    path = record(space)
    for name, key in (("Ada", "ada"), ("Ada", "ada2"), ("Ada", "ada")):
        assert approve(path, name, tmp_path / f"{key}.key") == 0
    assert state(space)["approvals"].text == "release: 1 of 2 from legal, data"
    assert approve(path, "Ben", tmp_path / "ben.key") == 0
    assert state(space)["approvals"].ok


def test_a_stranger_and_another_group_do_not_count(space: Path, tmp_path: Path) -> None:
    ask_for(space, 1, ("Ben", "data", key_of(tmp_path, "ben")), ("Ada", "legal", key_of(tmp_path, "ada")))
    path = record(space)
    assert approve(path, "Ben", tmp_path / "ben.key") == 0
    assert approve(path, "Ada", tmp_path / "stranger.key") == 0
    assert state(space)["approvals"].text == "release: 0 of 1 from legal"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Because.", "Because not."),
        ("id: 0007-release", "id: 0008-release"),
        ("subject: Release/tiny@1.0.0", "subject: Release/other@1.0.0"),
        ("subject: Release/tiny@1.0.0\n", ""),
        ("workspace: tiny\n", ""),
    ],
)
def test_a_record_that_was_changed_after_it_was_signed_is_unsigned(
    space: Path, tmp_path: Path, old: str, new: str
) -> None:
    ask_for(space, 1, ("Ada", "legal", key_of(tmp_path, "ada")))
    path = record(space)
    assert approve(path, "Ada", tmp_path / "ada.key") == 0
    assert state(space)["approvals"].ok
    path.write_text(path.read_text().replace(old, new))
    assert not state(space)["approvals"].ok


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: release", "kind: privacy"),
        ("workspace: tiny", "workspace: other"),
        ("Release/tiny@1.0.0", "Release/tiny@2.0.0"),
        ("Release/tiny@1.0.0", "Release/tiny"),
        ("Release/tiny@1.0.0", "Release/other@1.0.0"),
    ],
)
def test_a_decision_on_something_else_is_no_approval_and_cannot_be_made_one(
    space: Path, tmp_path: Path, old: str, new: str
) -> None:
    ask_for(space, 1, ("Ada", "legal", key_of(tmp_path, "ada")))
    path = record(space, RECORD.replace(old, new))
    assert approve(path, "Ada", tmp_path / "ada.key") == 0
    assert not state(space)["approvals"].ok
    path.write_text(path.read_text().replace(new, old))
    assert not state(space)["approvals"].ok


def test_a_signature_moved_from_another_record_does_not_count(space: Path, tmp_path: Path) -> None:
    ask_for(space, 1, ("Ada", "legal", key_of(tmp_path, "ada")))
    other = record(space, RECORD.replace("kind: release", "kind: privacy"), "0001.md")
    assert approve(other, "Ada", tmp_path / "ada.key") == 0
    line = next(line for line in other.read_text().splitlines() if "value:" in line)
    record(space, RECORD.replace("workspace: tiny\n", f"workspace: tiny\nsignatures:\n{line}\n"))
    assert not state(space)["approvals"].ok


def test_a_record_that_cannot_be_read_keeps_the_gate_shut_and_is_named(space: Path, tmp_path: Path) -> None:
    ask_for(space, 1, ("Ada", "legal", key_of(tmp_path, "ada")))
    assert approve(record(space), "Ada", tmp_path / "ada.key") == 0
    record(space, "no front matter\n", "0008.md")
    gate = state(space)["approvals"]
    assert not gate.ok
    assert "0008.md:1:1 E209" in gate.text


def test_where_the_project_asks_for_nothing_the_gate_says_so(
    space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = state(space)["approvals"]
    assert (gate.ok, gate.text) == (True, "none are required by the Project")
    capsys.readouterr()
    assert run(["plan", str(space), "--as-of", str(TODAY)]) == 0
    assert "Gate ok       approvals: none are required by the Project" in capsys.readouterr().out


@pytest.mark.parametrize("line", ["kind: release\n", "workspace: tiny\n", "subject: Release/tiny@1.0.0\n"])
def test_a_record_that_does_not_say_what_it_approves_is_not_signed(
    space: Path, tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(space, RECORD.replace(line, ""))
    assert approve(path, "Ada", tmp_path / "ada.key") == 3
    err = capsys.readouterr().err
    assert "E209" in err
    assert f"the record names no {line.split(':')[0]}" in err
    assert path.read_text() == RECORD.replace(line, "")
    assert not (tmp_path / "ada.key").exists()


@pytest.mark.parametrize("line", ["workspace: tiny\n", "subject: Release/tiny@1.0.0\n"])
def test_a_signed_record_that_does_not_say_what_it_approves_does_not_count(
    space: Path, tmp_path: Path, line: str
) -> None:
    ask_for(space, 1, ("Ada", "legal", key_of(tmp_path, "ada")))
    path = record(space, RECORD.replace(line, ""))
    decision, _ = read_decision(path)
    assert decision is not None
    public, value = public_key(tmp_path / "ada.key"), sign(tmp_path / "ada.key", decision_message(decision))
    entry = f'signatures:\n  - {{name: Ada, key: "{public}", value: "{value}"}}\n---\n# We'
    path.write_text(path.read_text().replace("---\n# We", entry))
    gate = state(space)["approvals"]
    assert (gate.ok, gate.text) == (False, "release: 0 of 1 from legal")


def test_records_of_the_repository_and_of_the_workspace_are_told_apart(space: Path) -> None:
    (space.parent / ".git").mkdir()
    shared = space.parent / "governance" / "decisions"
    shared.mkdir(parents=True)
    (shared / "0007.md").write_text(RECORD)
    own = record(space)
    found = decision_files(load_workspace(space, load_host().registry))
    assert {name: path.resolve() for name, path in found.items()} == {
        "0007.md": (shared / "0007.md").resolve(),
        "tiny/0007.md": own.resolve(),
    }


def test_the_place_of_an_error_in_a_record_is_that_of_the_file(space: Path) -> None:
    _, found = read_decision(record(space, "---\nid: 1\ntitle: x\ntitle: y\n---\nbody\n"))
    assert [(d.code, d.place.line if d.place else 0) for d in found] == [("E102", 4)]


def test_a_name_of_any_letters_is_signed_with(space: Path, tmp_path: Path) -> None:
    name = 'Ada "the {first}": Ähm\'s'
    ask_for(space, 1, (name, "legal", key_of(tmp_path, "ada")))
    path = record(space)
    assert approve(path, name, tmp_path / "ada.key") == 0
    assert state(space)["approvals"].ok


@pytest.mark.parametrize("text", ["no front matter\n", RECORD.replace("kind: release", "signatures: []")])
def test_a_record_that_cannot_be_signed_is_left_as_it_was(
    space: Path, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(space, text)
    assert approve(path, "Ada", tmp_path / "ada.key") == 3
    assert "E209" in capsys.readouterr().err
    assert path.read_text() == text


# ---------------------------------------------------------------- keys


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "k"
    public = make_key(path)
    assert make_key(path) == public == public_key(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_signature_is_of_one_message_and_one_key(tmp_path: Path) -> None:
    one, two = make_key(tmp_path / "one"), make_key(tmp_path / "two")
    value = sign(tmp_path / "one", b"message")
    assert verified(one, value, b"message")
    assert not verified(two, value, b"message")
    assert not verified(one, value, b"massage")
    for key, signature in (
        ("", value),
        ("zz", value),
        (one, ""),
        (one, "zz"),
        (one, value[:-2]),
        (one[:-2], value),
    ):
        assert not verified(key, signature, b"message")


@pytest.mark.parametrize("content", [None, "", "zz", "00", json.dumps({"key": 1})])
def test_a_file_that_holds_no_key(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "k").write_text(content)
    with pytest.raises(Problem, match="E405"):
        sign(tmp_path / "k", b"message")


# ---------------------------------------------------------------- detectors


def measured(value: float, low: float, entity: str = "EMAIL", what: str = "recall") -> dict[str, Fact]:
    fact = Fact(
        f"Dataset/tiny@1.0.0/pii.{what}{{entity={entity},set=planted}}",
        value,
        kind="estimated",
        interval=(low, 1.0),
    )
    return {fact.id: fact}


@pytest.mark.parametrize(
    ("asked", "facts", "passes"),
    [
        ({"recall": 0.9}, measured(0.95, 0.91), True),
        ({"recall": 0.9}, measured(0.95, 0.88), False),
        ({"recall": 0.9, "basis": "point"}, measured(0.95, 0.88), True),
        ({"precision": 0.9}, measured(0.99, 0.95), False),
        ({"precision": 0.9}, measured(0.99, 0.95, what="precision"), True),
        ({"recall": 0.9}, {}, False),
        ({"recall": 0.9}, measured(1.0, 1.0, entity="KEY"), False),
        ({"recall": 0.9, "set": "other"}, measured(0.95, 0.91), False),
        ({}, {}, None),
    ],
)
def test_a_release_asks_of_the_detector_what_its_policy_asks(
    space: Path, asked: dict[str, Any], facts: dict[str, Fact], passes: bool | None
) -> None:
    """What was not measured does not pass; a bound of an interval counts unless the policy says otherwise."""
    edit_spec(space / "pii.yaml", "gates", "EMAIL", value=asked)
    workspace = load_workspace(space, load_host().registry)
    found = [g for g in gates(workspace, TODAY, facts) if g.id == "pii"]
    assert [g.passes for g in found] == ([] if passes is None else [passes])
    assert all(asked_of.code == "E510" for asked_of in refuse(found))
