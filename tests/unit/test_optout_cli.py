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
    judge = module._judge

    def watch(*args: object) -> object:
        found = judge(*args)  # type: ignore[arg-type]
        seen.extend((path, path.stat().st_mode & 0o777) for path in work.glob("preview-*"))
        return found

    left = work / "preview-dead" / "objects" / "00"
    left.mkdir(parents=True)
    (left / "list").write_text("zqx")
    monkeypatch.setattr(module, "_judge", watch)
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
