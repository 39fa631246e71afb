"""The command line: results on stdout, the rest on stderr, one document with --json, and the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from workspaces import bundle_of, edit_spec

from bigcode.api.codes import CODES
from bigcode.cli import COMMANDS, main, run


@pytest.fixture
def space(applied: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The applied workspace, seen from the folder that it is in."""
    monkeypatch.chdir(applied.parent)
    return Path(applied.name)


def told(capsys: pytest.CaptureFixture[str], *argv: str | Path, code: int = 0) -> str:
    """What a command prints on stdout."""
    capsys.readouterr()
    assert run([str(a) for a in argv]) == code
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *argv: str | Path, code: int = 0) -> dict[str, Any]:
    """The one JSON document of a command, and nothing beside it."""
    capsys.readouterr()
    assert run([*map(str, argv), "--json"]) == code
    printed = capsys.readouterr()
    assert printed.err == ""
    loaded: dict[str, Any] = json.loads(printed.out)
    return loaded


def test_help_lists_all_commands_with_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "--help")
    for name, (summary, _) in COMMANDS.items():
        assert f"  {name}" in text
        assert summary.split()[0] in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, name, "--help")
    assert text.startswith(f"Usage: bigcode {name} ") or f" {name} " in text.splitlines()[0]
    assert len(text.splitlines()) > 4


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "--version").startswith("bigcode 0.")


DOCUMENTS = {
    "validate": ("bigcode.validate/1", {"workspace", "kinds", "resources"}),
    "plan": ("bigcode-plan/1", {"tasks", "basis", "gates", "digest", "impact"}),
    "apply": ("bigcode.apply/1", {"ran", "reused", "moved", "stale"}),
    "graph": ("bigcode.graph/1", {"nodes"}),
    "show": ("bigcode.show/1", {"resources"}),
    "verify": ("bigcode.verify/1", {"ok", "checked", "unchecked", "findings"}),
    "card": ("bigcode.card/1", {"files"}),
}


@pytest.mark.parametrize("command", DOCUMENTS)
def test_a_document_names_its_form_and_is_the_same_each_time(
    space: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    form, fields = DOCUMENTS[command]
    first = document(capsys, command, space)
    assert first["format"] == form
    assert fields <= set(first)
    if command != "apply":
        assert document(capsys, command, space) == first


def test_the_other_documents(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert document(capsys, "plugins", "list")["format"] == "bigcode.plugins/1"
    assert document(capsys, "explain", "E101")["title"] == "not YAML"
    assert document(capsys, "optout", "status", space)["usable"] == {"OptOutSnapshot/list@1.0.0": True}
    assert document(capsys, "card", space, "--check")["ok"] is True
    assert document(capsys, "bundle", space, "--output", "evidence")["root"].startswith("sha256:")
    assert document(capsys, "verify", "evidence")["ok"] is True
    assert document(capsys, "explain", "Dataset/tiny@1.0.0#gather", "-w", space)["component"] == "core.gather"


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "explain", code)
    assert text.startswith(f"{code}  {CODES[code].title} (exit {CODES[code].exit})")
    assert CODES[code].explain in text


def test_plan_says_by_its_exit_code_whether_something_would_change(
    space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "No changes" in told(capsys, "plan", space, "--exit-code")
    edit_spec(space / "dataset.yaml", "split", "seed", value=2)
    assert "spec-changed(split)" in told(capsys, "plan", space)
    told(capsys, "plan", space, "--exit-code", code=4)


def test_a_second_apply_does_nothing_and_says_so(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "apply", space).startswith("Nothing to do: all ")


def test_a_reviewed_plan_is_applied(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_spec(space / "dataset.yaml", "split", "seed", value=2)
    planned = document(capsys, "plan", space, "--out", "plan.json")
    to_run = sum(verb == "run" for _, _, verb, _ in planned["tasks"])
    done = document(capsys, "apply", "plan.json")
    assert 0 < done["ran"] <= to_run
    assert "Dataset/tiny@1.0.0" in done["moved"]


def test_an_address_applies_what_it_needs_and_no_more(
    space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_spec(space / "dataset.yaml", "split", "seed", value=2)
    assert document(capsys, "apply", "Snapshot/corpus", "-w", space)["ran"] == 0
    assert document(capsys, "apply", "Dataset/tiny", "-w", space)["ran"] > 0


def test_show_prints_facts_of_one_resource(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "show", "Dataset/tiny", "-w", space)
    assert text.startswith("Dataset/tiny@1.0.0   tiny/dataset.yaml\n")
    assert "files.kept" in text
    assert "Snapshot/corpus" not in text.splitlines()[0]


def test_explain_says_why_a_file_is_kept_or_not(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = document(
        capsys, "explain", "Dataset/tiny", "forge.example/copyleft/ringtool:COPYING", "-w", space
    )["rows"]
    assert [row["reason"] for row in rows] == ["license.denied"]
    text = told(capsys, "explain", "Dataset/tiny", "forge.example/copyleft/ringtool:COPYING", "-w", space)
    assert "license.denied           GPL-3.0-or-later, from the file" in text


def test_graph_as_text_and_for_graphviz(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Snapshot/corpus@1.0.0\n    #collect.fetch\n    #collect.files  <- #collect.fetch\n" in told(
        capsys, "graph", space
    )
    text = told(capsys, "graph", space, "--dot")
    assert text.startswith("digraph bigcode {")
    assert '"Dataset/tiny@1.0.0#gather" -> "Dataset/tiny@1.0.0#verdicts";' in text


def test_a_bundle_goes_into_a_new_folder_or_over_a_bundle(
    space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = bundle_of(space, Path("evidence"))
    root = (bundle / "ROOT").read_text()
    bundle_of(space, Path("evidence"))
    assert (bundle / "ROOT").read_text() == root
    Path("mine").mkdir()
    (Path("mine") / "work.txt").write_text("precious")
    capsys.readouterr()
    assert run(["bundle", str(space), "--output", "mine"]) == 2
    assert "is not empty and is no bundle" in capsys.readouterr().err
    assert (Path("mine") / "work.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["nothing"], 2),
        (["plan", "--nothing"], 2),
        (["plan", "a", "b"], 2),
        (["apply", "nowhere"], 2),
        ([], 2),
    ],
)
def test_what_is_not_understood_is_exit_2(
    argv: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(argv) == code
    assert "Traceback" not in capsys.readouterr().err


def test_main_ends_the_program_with_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["explain", "E999"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("E004  there is no code E999")


def test_a_fault_of_the_program_says_so_and_debug_shows_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr("bigcode.spec.schema.json_schema", fail)
    assert run(["schema", "Dataset"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("E502  ZeroDivisionError: on purpose\n")
    assert "fault of bigcode" in err
    with pytest.raises(ZeroDivisionError):
        run(["schema", "Dataset", "--debug"])


def test_trouble_with_the_disk_is_no_fault_of_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "/full")

    monkeypatch.setattr("bigcode.spec.schema.json_schema", fail)
    assert run(["schema", "Dataset"]) == 1
    err = capsys.readouterr().err
    assert (
        err
        == "E502  /full: No space left on device\n    Look at the permissions and the space of the disk.\n"
    )


def test_an_interrupt_is_exit_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bigcode.spec.schema.json_schema", interrupt)
    assert run(["schema", "Dataset"]) == 130
    assert "Finished work is kept" in capsys.readouterr().err


def test_a_reader_that_closes_the_pipe_is_no_error(space: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "bigcode", "schema", "Dataset"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- opt-out lists


LIST = "optouts/list.json"


def entries(space: Path) -> list[tuple[str, str]]:
    return [(e["scope"], e["value"]) for e in json.loads((space / LIST).read_text())["entries"]]


def test_entries_are_added_once_in_order_and_sealed(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "2 entries added, 2 in all." in told(capsys, "optout", "add", space, "zed", "Ada")
    assert "0 entries added, 2 in all." in told(capsys, "optout", "add", space, "ada")
    assert "1 entry added, 3 in all." in told(capsys, "optout", "add", space, "a/b", "--scope", "repository")
    assert [scope for scope, _ in entries(space)] == ["owner", "owner", "repository"]
    assert "sealed" in told(capsys, "optout", "status", space)
    assert document(capsys, "apply", space)["ran"] > 0


def test_lines_of_a_file_are_imported(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("names.txt").write_text("# asked for by mail\nzed\n\n  ada  \n")
    assert "2 entries added" in told(capsys, "optout", "import", space, "names.txt")
    assert entries(space) == [("owner", "ada"), ("owner", "zed")]


def test_a_list_keeps_its_salt_and_what_is_not_understood_is_never_printed(
    space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    salt = json.loads((space / LIST).read_text())["salt"]
    text = told(capsys, "optout", "add", space, "zqx-somebody")
    assert json.loads((space / LIST).read_text())["salt"] == salt
    assert "zqx" not in text


def test_a_key_is_made_once(blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = blank / ".bigcode" / "keys" / "steward.ed25519"
    before = key.read_text()
    assert told(capsys, "optout", "key", blank) == ""
    assert key.read_text() == before
    key.unlink()
    text = told(capsys, "optout", "key", blank)
    assert text.startswith("Made a key: ")
    assert "Signed the list of OptOutSnapshot/list@1.0.0: it is the pinned one." in text
    assert "sealed" in told(capsys, "optout", "status", blank)
