"""What `optout` tells a steward: how far entries reach, and whose signature stands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from workspaces import apply, edit_spec, objects_of

from bigcode.cli import run
from bigcode.evidence.consent import seal_list
from bigcode.evidence.signing import make_key, public_key
from bigcode.testing.corpus import HOST, build_corpus

LIST, KEY = "optouts/list.json", ".bigcode/keys/steward.ed25519"
NOTHING = "names no file of the applied snapshot: check the spelling"


def told(capsys: pytest.CaptureFixture[str], *argv: str | Path, code: int = 0) -> list[str]:
    """Lines that a command prints on stdout."""
    capsys.readouterr()
    assert run([str(a) for a in argv]) == code
    return capsys.readouterr().out.splitlines()


def reached(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("entry ")]


def files_of(owner: str) -> int:
    return sum(row["owner"] == owner for row in build_corpus())


# ---------------------------------------------------------------- reach


def test_each_new_entry_is_told_with_the_number_of_files_that_it_names(
    applied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = files_of("alpha")
    assert count > 1
    lines = told(capsys, "optout", "add", applied, "Alpha", "zqx-nobody")
    assert reached(lines) == [f"entry 1: names {count} files", f"entry 2: {NOTHING}"]
    assert "zqx" not in "".join(lines)
    assert reached(told(capsys, "optout", "add", applied, "zqx-nobody", "ALPHA")) == [], (
        "they are there already"
    )
    # Nothing was built with the new list yet, so that all of it is still new.
    assert reached(told(capsys, "optout", "status", applied)) == reached(lines)
    assert reached(told(capsys, "optout", "seal", applied)) == reached(lines)
    apply(applied)
    assert reached(told(capsys, "optout", "status", applied)) == []
    assert reached(told(capsys, "optout", "seal", applied)) == []


def test_hosts_bound_what_an_entry_reaches(applied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = told(capsys, "optout", "add", applied, "alpha", "--host", HOST.upper())
    assert reached(here) == [f"entry 1: names {files_of('alpha')} files"]
    assert "1 in all" in told(capsys, "optout", "add", applied, "alpha", "--host", HOST)[0]
    there = told(capsys, "optout", "add", applied, "alpha", "--host", "other.example")
    assert reached(there) == [f"entry 1: {NOTHING}"]


def test_of_many_entries_those_that_name_nothing_are_told_and_the_rest_summed_up(
    applied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    owners = sorted({row["owner"] for row in build_corpus()})[:5]
    names = applied.parent / "names.txt"
    names.write_text("\n".join([*owners, *(f"zqx-{number}" for number in range(15))]))
    lines = told(capsys, "optout", "import", applied, names)
    assert reached(lines) == [f"entry {number}: {NOTHING}" for number in range(6, 21)]
    assert lines[-1] == "5 of 20 entries name files of the applied snapshot"


def test_before_anything_was_applied_nothing_is_told(blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reached(told(capsys, "optout", "add", blank, "alpha")) == []
    assert reached(told(capsys, "optout", "status", blank)) == []


# ---------------------------------------------------------------- what a list keeps


def listed(space: Path) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = json.loads((space / LIST).read_text())["entries"]
    return entries


def counted(capsys: pytest.CaptureFixture[str], space: Path, *more: str) -> dict[str, object]:
    document = json.loads("\n".join(told(capsys, "optout", "status", space, "--json", *more)))
    counts: dict[str, object] = document["counts"]["OptOutSnapshot/list@1.0.0"]
    return counts


def test_what_is_said_of_a_request_stands_in_the_list(
    blank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--level", "3", "--since", "2026-05-01", "--kind", "tombstone", "--purpose", "train"]
    told(capsys, "optout", "add", blank, "Zqx", "--host", "forge.example", *options)
    assert listed(blank) == [
        {
            "scope": "owner",
            "value": "Zqx",
            "host": "forge.example",
            "level": 3,
            "since": "2026-05-01",
            "kind": "tombstone",
            "purposes": ["train"],
        }
    ]
    told(capsys, "optout", "add", blank, "zqx", "--host", "FORGE.example", "--since", "2026-04-01")
    (joined,) = listed(blank)
    assert (joined["level"], joined["since"], joined["kind"]) == (3, "2026-04-01", "tombstone")
    assert "purposes" not in joined, "one of the requests is for all purposes"


def test_adding_what_is_there_changes_no_byte(blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "optout", "add", blank, "zqx-one", "zqx-two")
    before = (blank / LIST).read_bytes()
    told(capsys, "optout", "add", blank, "zqx-two", "zqx-one")
    assert (blank / LIST).read_bytes() == before


def test_a_list_of_the_old_form_is_read_and_takes_new_entries(
    blank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {
        "format": "bigcode-optout/1",
        "salt": "5a" * 32,
        "note": "",
        "entries": [{"scope": "owner", "value": "zqx", "host": "", "date": "2026-03-02"}],
    }
    (blank / LIST).write_text(json.dumps(content))
    told(capsys, "optout", "seal", blank)
    assert "sealed" in told(capsys, "optout", "status", blank)[0]
    told(capsys, "optout", "add", blank, "zqx-two")
    assert listed(blank) == [
        {"scope": "owner", "value": "zqx", "host": "", "since": "2026-03-02"},
        {"scope": "owner", "value": "zqx-two", "host": ""},
    ]


def test_a_wish_that_is_taken_back_stays_on_record_and_counts_again_when_asked_for_again(
    blank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "optout", "add", blank, "zqx")
    told(capsys, "optout", "remove", blank, "ZQX", "--withdrawn", "2026-06-01")
    assert listed(blank) == [{"scope": "owner", "value": "zqx", "host": "", "withdrawn": "2026-06-01"}]
    assert (counted(capsys, blank)["entries"], counted(capsys, blank)["scopes"]) == (0, {})
    told(capsys, "optout", "remove", blank, "zqx", "--withdrawn", "2026-07-01")
    assert listed(blank)[0]["withdrawn"] == "2026-06-01", "the first day stands"
    told(capsys, "optout", "add", blank, "Zqx")
    assert "withdrawn" not in listed(blank)[0]


def test_a_grant_is_no_wish(blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "optout", "add", blank, "zqx")
    told(capsys, "optout", "add", blank, "zqx", "--kind", "opt-in")
    assert len(listed(blank)) == 2
    told(capsys, "optout", "remove", blank, "zqx", "--kind", "opt-in", "--withdrawn", "2026-06-01")
    assert [("withdrawn" in e, e.get("kind")) for e in listed(blank)] == [(False, None), (True, "opt-in")]


def test_old_and_new_names_are_told_once(blank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for old, new in (("zqx-old", "zqx-new"), ("zqx-old", "zqx-new"), ("zqx/a", "zqx/b")):
        lines = told(capsys, "optout", "rename", blank, old, new)
        assert "zqx" not in "".join(lines)
    assert json.loads((blank / LIST).read_text())["renames"] == [
        {"host": "", "from": "zqx-old", "to": "zqx-new"},
        {"host": "", "from": "zqx/a", "to": "zqx/b"},
    ]


def test_who_strikes_a_line_out_of_the_file_is_told_that_files_come_back(
    applied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "optout", "add", applied, "alpha")
    apply(applied)
    path = applied / LIST
    path.write_text(json.dumps({**json.loads(path.read_text()), "entries": []}))
    assert run(["optout", "seal", str(applied)]) == 0
    assert "has honoured and that the list holds no longer: 1." in capsys.readouterr().err


# ---------------------------------------------------------------- counts


def test_status_counts_and_withholds_what_would_name_somebody(
    blank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The workspace withholds counts below three."""
    edit_spec(blank / "optout.yaml", "minLevels", value={"owner": 2})
    owners = [f"zqx-{number}" for number in range(7)]
    told(capsys, "optout", "add", blank, *owners[:4], "--since", "2026-05-01")
    told(capsys, "optout", "add", blank, *owners[4:], "--level", "2", "--since", "2026-04-01")
    counts = counted(capsys, blank)
    assert counts["scopes"] == {"owner": 7}
    assert counts["levels"] == {"1": 4, "2": 3}
    assert counts["pending"] == {"owner": 4}
    assert (counts["entries"], counts["waiting"], counts["oldestWaitingDays"]) == (7, 7, None)
    aged = counted(capsys, blank, "--as-of", "2026-05-11")
    assert (aged["oldestWaitingDays"], aged["overdue"]) == (40, False)
    assert counted(capsys, blank, "--as-of", "2027-05-11")["overdue"] is True
    told(capsys, "optout", "add", blank, "zqx/one", "--scope", "repository")
    assert counted(capsys, blank)["scopes"] == {"owner": "withheld", "repository": "withheld"}
    lines = told(capsys, "optout", "status", blank)
    assert "  in force: owner withheld, repository withheld" in lines
    assert "zqx" not in "".join(lines)


def test_what_a_build_has_used_waits_no_longer(applied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "optout", "add", applied, "alpha", "zqx-1", "zqx-2", "--since", "2026-01-01")
    assert counted(capsys, applied)["waiting"] == 3
    apply(applied)
    assert counted(capsys, applied, "--as-of", "2026-02-01")["waiting"] == 0
    assert counted(capsys, applied, "--as-of", "2026-02-01")["oldestWaitingDays"] is None


# ---------------------------------------------------------------- whose signature stands


@pytest.fixture
def clone(blank: Path, tmp_path: Path) -> Path:
    """A workspace whose list another steward signed, and whose store has no key."""
    key = tmp_path / "other.ed25519"
    make_key(key)
    edit_spec(blank / "optout.yaml", "signers", value=[public_key(key)])
    seal_list(blank / LIST, key)
    shutil.rmtree(blank / ".bigcode")
    return blank


def signature(space: Path) -> bytes:
    return (space / f"{LIST}.sig").read_bytes()


def test_a_signature_that_counts_is_left_alone(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = signature(clone)
    assert [line.split(":")[0] for line in told(capsys, "optout", "key", clone)] == ["Made a key"]
    assert signature(clone) == before
    assert "sealed" in told(capsys, "optout", "status", clone)[0]


@pytest.mark.parametrize("spoilt", [b"{}", None])
def test_a_key_that_is_not_among_the_signers_signs_nothing(
    clone: Path, capsys: pytest.CaptureFixture[str], spoilt: bytes | None
) -> None:
    path = clone / f"{LIST}.sig"
    path.unlink() if spoilt is None else path.write_bytes(spoilt)
    lines = told(capsys, "optout", "key", clone)
    assert "is not signed: `signers` does not name the key of this store." in lines[-1]
    assert (path.read_bytes() if path.exists() else None) == spoilt


def test_a_key_that_is_among_the_signers_signs_what_is_not_signed(
    blank: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_spec(blank / "optout.yaml", "signers", value=["0" * 64, public_key(blank / KEY)])
    (blank / f"{LIST}.sig").unlink()
    assert "Signed the list" in told(capsys, "optout", "key", blank)[0]
    assert json.loads(signature(blank))["key"] == public_key(blank / KEY)


# ---------------------------------------------------------------- scratch of a preview


def test_what_a_killed_preview_left_is_private_and_goes_with_the_next(
    applied: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bigcode.run import preview as module

    told(capsys, "optout", "add", applied, "alpha")
    work = applied / ".bigcode" / "work"
    seen: list[tuple[Path, int]] = []
    judge = module.judge

    def watch(*args: object) -> object:
        found = judge(*args)  # type: ignore[arg-type]
        seen.extend((path, path.stat().st_mode & 0o777) for path in work.glob("preview-*"))
        return found

    left = work / "preview-dead" / "objects" / "00"
    left.mkdir(parents=True)
    (left / "list").write_text("zqx")
    monkeypatch.setattr(module, "judge", watch)
    told(capsys, "plan", applied, "--impact")
    assert [mode for _, mode in seen] == [0o700]
    assert not list(work.glob("preview-*"))


def test_a_preview_that_still_runs_keeps_its_scratch(applied: Path) -> None:
    from bigcode.run.preview import drop_previews
    from bigcode.store.store import Store

    store = Store(str(applied / ".bigcode"))
    with store.claim("preview-alive"):
        drop_previews(store)
        assert (store.base / "work" / "preview-alive").is_dir()
    drop_previews(store)
    assert not (store.base / "work" / "preview-alive").exists()


def test_a_damaged_store_keeps_nobody_from_opting_out(
    applied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in objects_of(applied):
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    capsys.readouterr()
    assert run(["optout", "add", str(applied), "requestlib"]) == 0
    assert "cannot be told" in capsys.readouterr().out
    assert run(["optout", "status", str(applied)]) == 0
