"""Recovering from a crash is running `apply` again: it ends where a run that was never broken off ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from workspaces import apply, bundle_of, copy_space, edit_spec, resource, root_of, write_spec, write_wishes

from bigcode.cli import run
from bigcode.run import faults

NTH = {
    "object.written": 40,
    "action.before": 30,
    "action.committed": 20,
    "journal.written": 50,
    "ref.moved": 2,
}
"""Which passing of a point that is passed many times fails: one in the middle."""
DATA = [name for name in faults.POINTS if not name.startswith("process.")]
PROCESS = [name for name in faults.POINTS if name.startswith("process.")]
LICENSE = {
    "generator": {"uses": "openrail.m", "version": 1},
    "title": "Tiny licence",
    "licensor": "the tiny group",
}


@dataclass(frozen=True)
class Case:
    """A workspace, and the root of its bundle when it is built without a crash."""

    space: Path
    root: str


def without_a_crash(space: Path, parent: Path) -> Case:
    clean = copy_space(space, parent, store=False)
    apply(clean)
    return Case(space, root_of(bundle_of(clean, parent / "bundle")))


@pytest.fixture(scope="module")
def new(blank_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Data alone, in an empty store."""
    return without_a_crash(blank_template, tmp_path_factory.mktemp("new"))


@pytest.fixture(scope="module")
def edited(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Data alone, applied before, with an edit that is not applied yet."""
    space = copy_space(applied_template, tmp_path_factory.mktemp("edited"), store=True)
    write_wishes(space, [("owner", "alpha")])
    edit_spec(space / "dataset.yaml", "split", "seed", value=3)
    return without_a_crash(space, tmp_path_factory.mktemp("edited-clean"))


@pytest.fixture(scope="module")
def licensed(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The same with a licence, whose text a program of its own writes, that is not applied yet."""
    space = copy_space(applied_template, tmp_path_factory.mktemp("licensed"), store=True)
    write_spec(space / "license.yaml", resource("License", "tiny", LICENSE))
    return without_a_crash(space, tmp_path_factory.mktemp("licensed-clean"))


def ends_well(space: Path, case: Case, parent: Path) -> None:
    """A rerun gives the expected bundle and cards; the one after it finds nothing to do."""
    apply(space)
    bundle = bundle_of(space, parent / "bundle")
    assert root_of(bundle) == case.root
    assert run(["verify", str(bundle)]) == 0
    assert run(["card", str(space), "--check"]) == 0
    runs = sorted((space / ".bigcode" / "runs").iterdir())
    apply(space)
    assert sorted((space / ".bigcode" / "runs").iterdir()) == runs
    assert run(["plan", str(space), "--exit-code"]) == 0
    assert not list((space / ".bigcode" / "work").glob("*"))


def test_every_point_is_passed_and_no_other(blank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: set[str] = set()
    monkeypatch.setattr(faults, "point", passed.add)
    write_spec(blank / "license.yaml", resource("License", "tiny", LICENSE))
    apply(blank)
    assert passed == set(faults.POINTS)


@pytest.mark.parametrize("point", DATA)
def test_a_first_run_that_crashes_is_finished_by_the_next(
    new: Case, tmp_path: Path, crash_at: Callable[[str], None], point: str
) -> None:
    space = copy_space(new.space, tmp_path, store=True)
    crash_at(f"{point}:raise:{NTH.get(point, 1)}")
    with pytest.raises(faults.InjectedFault):
        run(["apply", str(space)])
    crash_at("")
    ends_well(space, new, tmp_path)


def test_a_run_that_crashes_everywhere_ends_well(
    new: Case, tmp_path: Path, crash_at: Callable[[str], None]
) -> None:
    space = copy_space(new.space, tmp_path, store=True)
    for point in DATA:
        for nth in (1, 4):
            crash_at(f"{point}:raise:{nth}")
            try:
                run(["apply", str(space)])
            except faults.InjectedFault:
                continue
    crash_at("")
    ends_well(space, new, tmp_path)


@pytest.mark.parametrize("point", PROCESS)
def test_a_program_is_run_again_after_a_crash(
    licensed: Case, tmp_path: Path, crash_at: Callable[[str], None], point: str
) -> None:
    space = copy_space(licensed.space, tmp_path, store=True)
    crash_at(point)
    with pytest.raises(faults.InjectedFault):
        run(["apply", str(space)])
    crash_at("")
    ends_well(space, licensed, tmp_path)


def killed(space: Path, point: str) -> int:
    """The exit code of an apply in a process of its own that is to die at a point."""
    script = Path(sys.executable).with_name("bigcode")
    environment = {**os.environ, "BIGCODE_FAULT": f"{point}:kill"}
    return subprocess.run(
        [script, "apply", space], env=environment, capture_output=True, check=False
    ).returncode


@pytest.mark.parametrize("point", faults.POINTS)
def test_a_killed_run_is_finished_by_the_next(
    request: pytest.FixtureRequest, tmp_path: Path, point: str
) -> None:
    case: Case = request.getfixturevalue("licensed" if point in PROCESS else "edited")
    space = copy_space(case.space, tmp_path, store=True)
    assert killed(space, point) == -signal.SIGKILL
    ends_well(space, case, tmp_path)


def test_a_worker_that_is_killed_fails_the_run_and_costs_no_more(new: Case, tmp_path: Path) -> None:
    space = copy_space(new.space, tmp_path, store=True)
    (space / "env").mkdir()
    write_spec(
        space / "env" / "two.yaml", {"Project/tiny": {"execution": {"executor": "local", "workers": 2}}}
    )
    script = Path(sys.executable).with_name("bigcode")
    environment = {**os.environ, "BIGCODE_FAULT": "object.written:kill:7"}
    done = subprocess.run(
        [script, "apply", space, "--env", "two"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the worker ended" in done.stderr
    assert "Traceback" not in done.stderr
    # The overlay is part of the bundle, so it goes before the roots are compared.
    (space / "env" / "two.yaml").unlink()
    ends_well(space, new, tmp_path)


def test_a_run_that_fails_keeps_what_was_recorded_before(applied: Path, tmp_path: Path) -> None:
    before = root_of(bundle_of(applied, tmp_path / "before"))
    kept: dict[Path, Any] = {p: p.read_bytes() for p in (applied / ".bigcode" / "refs").rglob("*.json")}
    corpus = (applied / "corpus.jsonl").read_bytes()
    (applied / "corpus.jsonl").write_bytes(corpus[:-40])
    assert run(["apply", str(applied)]) == 1
    assert {p: p.read_bytes() for p in (applied / ".bigcode" / "refs").rglob("*.json")} == kept
    (applied / "corpus.jsonl").write_bytes(corpus)
    assert root_of(bundle_of(applied, tmp_path / "after")) == before
    assert run(["plan", str(applied), "--exit-code"]) == 0
