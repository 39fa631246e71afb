"""Two applies at once move a reference once: runs that agree both succeed, one that differs is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from workspaces import apply, bundle_of, copy_space, edit_spec, resource, root_of, write_spec

from bigcode.api import Problem
from bigcode.cli import run
from bigcode.cli.common import open_spec
from bigcode.cli.output import Quiet
from bigcode.plan.graph import Node
from bigcode.run.apply import Apply
from bigcode.store.leases import alone
from bigcode.store.store import Store

LICENSE = {
    "generator": {"uses": "openrail.m", "version": 1},
    "title": "Tiny licence",
    "licensor": "the tiny group",
}


class Meanwhile(Quiet):
    """Does something when a node is finished, or is about to start, once."""

    def __init__(self, node: str, act: Callable[[], None], *, early: bool = False) -> None:
        self.node, self.act, self.early, self.acted = node, act, early, False

    def node_started(self, node: Node, tasks: int) -> None:
        self._act(node, self.early)

    def node_finished(self, node: Node, ran: int, reused: int, seconds: float, held: bool) -> None:
        self._act(node, not self.early)

    def _act(self, node: Node, now: bool) -> None:
        if now and node.id.endswith(self.node) and not self.acted:
            self.acted = True
            self.act()


def generations(space: Path) -> dict[str, int]:
    """How often each reference was moved."""
    folder = space / ".bigcode" / "refs"
    return {str(path.relative_to(folder)): len(list(path.iterdir())) for path in folder.glob("*/*/*")}


@pytest.fixture(scope="module")
def expected(applied_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return root_of(bundle_of(applied_template, tmp_path_factory.mktemp("expected") / "bundle"))


def test_two_processes_on_one_store(blank: Path, tmp_path: Path) -> None:
    write_spec(blank / "license.yaml", resource("License", "tiny", LICENSE))
    clean = copy_space(blank, tmp_path / "clean", store=False)
    script = Path(sys.executable).with_name("bigcode")
    started = [
        subprocess.Popen([script, "apply", blank], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(2)
    ]
    printed = [process.communicate()[0] for process in started]
    codes = sorted(process.returncode for process in started)
    assert codes in ([0, 0], [0, 7]), printed
    assert set(generations(blank).values()) == {1}
    apply(blank)
    apply(clean)
    assert set(generations(blank).values()) == {1}
    assert root_of(bundle_of(blank, tmp_path / "bundle")) == root_of(bundle_of(clean, tmp_path / "cleaned"))
    assert run(["card", str(blank), "--check"]) == 0


@pytest.mark.parametrize(
    "node",
    [
        "collect.fetch",
        "collect.blobs",
        "scatter",
        "gather",
        "decide.elect",
        "decide.copies",
        "export.rows",
        "tally",
        "Dataset/tiny@1.0.0#facts",
        "render",
    ],
)
def test_a_run_that_is_overtaken_by_its_like_succeeds(
    blank: Path, tmp_path: Path, expected: str, node: str
) -> None:
    meanwhile = Meanwhile(node, lambda: apply(blank))
    Apply(open_spec(str(blank), "").session(), meanwhile).run()
    assert meanwhile.acted
    assert set(generations(blank).values()) == {1}
    assert root_of(bundle_of(blank, tmp_path / "bundle")) == expected


def test_a_run_that_is_overtaken_by_another_is_refused(applied: Path, tmp_path: Path) -> None:
    """Two branches of the specs share a store."""
    other = copy_space(applied, tmp_path / "other", store=True)
    edit_spec(other / "project.yaml", "execution", "store", value=str(applied / ".bigcode"))
    edit_spec(other / "dataset.yaml", "split", "seed", value=5)
    edit_spec(applied / "dataset.yaml", "split", "seed", value=6)
    before = generations(applied)
    with pytest.raises(Problem) as refused:
        Apply(open_spec(str(applied), "").session(), Meanwhile("decide.elect", lambda: apply(other))).run()
    assert [d.code for d in refused.value.diagnostics] == ["E505"]
    assert refused.value.exit_code == 7
    moved = {name for name, count in generations(applied).items() if count != before[name]}
    assert moved == {"Dataset/tiny/1.0.0", "Card/tiny/1.0.0"}
    assert outputs(other, tmp_path / "others") == clean_outputs(other, tmp_path / "one")
    apply(applied)
    assert outputs(applied, tmp_path / "mine") == clean_outputs(applied, tmp_path / "two")


def test_a_program_that_another_run_has_begun_is_not_begun_again(
    applied: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_spec(applied / "license.yaml", resource("License", "tiny", LICENSE))
    codes: list[int] = []
    meanwhile = Meanwhile("#text", lambda: codes.append(run(["apply", str(applied)])), early=True)
    outcome = Apply(open_spec(str(applied), "").session(), meanwhile).run()
    assert codes == [7]
    assert "E505  License/tiny@1.0.0#text is at work in another run" in capfd.readouterr().err
    assert generations(applied)["License/tiny/1.0.0"] == 1
    assert "License/tiny@1.0.0" in outcome.moved
    apply(applied)
    assert not list((applied / ".bigcode" / "work").iterdir())


def test_a_program_that_another_run_has_finished_is_not_run_again(applied: Path) -> None:
    """The other run ends between the look at the store and the start of the program."""
    write_spec(applied / "license.yaml", resource("License", "tiny", LICENSE))
    edit_spec(applied / "dataset.yaml", "split", "seed", value=2)
    meanwhile = Meanwhile("#decide.elect", lambda: apply(applied))
    outcome = Apply(open_spec(str(applied), "").session(), meanwhile).run()
    assert meanwhile.acted
    assert outcome.ran > 0
    assert generations(applied)["License/tiny/1.0.0"] == 1


def outputs(space: Path, bundle: Path) -> bytes:
    """Digests of everything that was built."""
    return (bundle_of(space, bundle) / "objects.json").read_bytes()


def clean_outputs(space: Path, parent: Path) -> bytes:
    clean = copy_space(space, parent, store=False)
    edit_spec(clean / "project.yaml", "execution", "store", value=".bigcode")
    apply(clean)
    return outputs(clean, parent / "bundle")


def test_a_reference_moves_from_the_generation_that_was_read(tmp_path: Path) -> None:
    refs = Store(str(tmp_path)).refs
    address = "Dataset/tiny@1.0.0"
    assert refs.read(address).generation == 0
    assert refs.move(address, 0, {"a": 1}).generation == 1
    assert refs.move(address, 0, {"a": 1}).generation == 1
    with pytest.raises(Problem) as refused:
        refs.move(address, 0, {"a": 2})
    assert refused.value.exit_code == 7
    assert refs.move(address, 1, {"a": 2}).generation == 2
    assert (refs.read(address).generation, refs.read(address).value) == (2, {"a": 2})
    assert refs.addresses() == [address]


def test_two_people_on_clones_of_a_workspace_share_a_store(blank: Path, tmp_path: Path) -> None:
    """Each has a clone and all its outputs; the store, and so the work, is one."""
    edit_spec(blank / "project.yaml", "execution", "store", value=str(tmp_path / "shared"))
    (blank / ".bigcode").rename(tmp_path / "shared")
    clones = [copy_space_alone(blank, tmp_path / name) for name in ("one", "two")]
    script = Path(sys.executable).with_name("bigcode")
    started = [
        subprocess.Popen([script, "apply", clone], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for clone in clones
    ]
    printed = [process.communicate() for process in started]
    for process, (_, errors) in zip(started, printed, strict=True):
        assert process.returncode in (0, 7), errors
        if process.returncode:
            assert "E505" in errors
            assert "Run the command again" in errors or "run the command again" in errors
    assert 0 in [process.returncode for process in started]
    for clone in clones:
        apply(clone)
    roots = [root_of(bundle_of(clone, tmp_path / f"bundle-{clone.parent.name}")) for clone in clones]
    assert roots[0] == roots[1]
    alone = copy_space_alone(blank, tmp_path / "alone")
    shutil.move(tmp_path / "shared", tmp_path / "before")
    shutil.copytree(tmp_path / "before" / "keys", tmp_path / "shared" / "keys")
    apply(alone)
    assert root_of(bundle_of(alone, tmp_path / "bundle-alone")) == roots[0]


def test_an_apply_and_a_sample_of_it_do_not_meet(blank: Path, tmp_path: Path, expected: str) -> None:
    codes: list[int] = []
    sample = ["apply", str(blank), "--sample", "9"]
    meanwhile = Meanwhile("decide.elect", lambda: codes.append(run(sample)))
    Apply(open_spec(str(blank), "").session(), meanwhile).run()
    assert codes == [0]
    assert set(generations(blank).values()) == {1}
    assert root_of(bundle_of(blank, tmp_path / "bundle")) == expected


def test_a_sweep_beside_an_apply_takes_nothing_that_it_needs(
    blank: Path, tmp_path: Path, expected: str
) -> None:
    codes: list[int] = []
    sweep = ["gc", str(blank), "--keep-generations", "1"]
    for node in ("collect.blobs", "decide.elect", "export.rows"):
        edit_spec(blank / "dataset.yaml", "split", "seed", value=len(codes) + 2)
        meanwhile = Meanwhile(node, lambda: codes.append(run(sweep)))
        Apply(open_spec(str(blank), "").session(), meanwhile).run()
        assert meanwhile.acted
        assert run(["plan", str(blank), "--exit-code"]) == 0
    assert codes == [0, 0, 0]
    edit_spec(blank / "dataset.yaml", "split", "seed", value=1)
    apply(blank)
    assert run(sweep) == 0
    assert root_of(bundle_of(blank, tmp_path / "bundle")) == expected


def test_a_purge_beside_an_apply_is_refused_and_changes_nothing(
    blank: Path, tmp_path: Path, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []
    order = ["purge", str(blank), "--rows", "optout", "--as-of", "2026-11-20"]
    meanwhile = Meanwhile("decide.elect", lambda: codes.append(run(order)))
    Apply(open_spec(str(blank), "").session(), meanwhile).run()
    assert codes == [7]
    assert "E505" in capsys.readouterr().err
    assert not (blank / ".bigcode" / "purges").exists()
    assert root_of(bundle_of(blank, tmp_path / "bundle")) == expected


def test_an_apply_waits_until_a_purge_is_done(blank: Path, tmp_path: Path, expected: str) -> None:
    script = Path(sys.executable).with_name("bigcode")
    with alone(Store(str(blank / ".bigcode"))) as free:
        assert free
        waiting = subprocess.Popen([script, "apply", blank], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=3)
        assert generations(blank) == {}
    printed = waiting.communicate()
    assert waiting.returncode == 0, printed
    assert root_of(bundle_of(blank, tmp_path / "bundle")) == expected


def test_what_one_of_a_group_writes_the_others_may_go_on_with(blank: Path) -> None:
    """A folder with the group's bit, and a umask that leaves the group its rights, make a store that people share."""
    store = blank / ".bigcode"
    store.chmod(0o2775)
    script = Path(sys.executable).with_name("bigcode")
    for command in (["apply", blank], ["gc", blank], ["purge", blank, "--rows", "optout"]):
        subprocess.run([script, *command], check=True, capture_output=True, umask=0o002)
    made = [path for path in store.rglob("*") if path.is_relative_to(store / "keys") is False]
    folders = [path.stat().st_mode for path in made if path.is_dir()]
    assert len(folders) > 20
    assert all(mode & 0o2070 == 0o2070 for mode in folders)
    shared = [store / "leases" / "lock", *(store / "refs").rglob("*.json"), *(store / "objects").glob("*/*")]
    assert all(path.stat().st_mode & 0o060 == 0o060 for path in shared)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (store / "keys").iterdir()), (
        "a key is its owner's"
    )


def copy_space_alone(space: Path, parent: Path) -> Path:
    """A clone: the files of the workspace, and no store."""
    target = parent / space.name
    shutil.copytree(space, target)
    return target
