"""`sources.git` against real repositories made with git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bigcode.api import Problem
from bigcode.testing.context import CollectContext
from bigcode_sources.config import GitConfig
from bigcode_sources.git import GitCollector

COMMITTED = 1_600_000_000


@dataclass
class Repository:
    folder: Path

    def git(self, *words: str, given: bytes = b"") -> str:
        settings = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_AUTHOR_DATE": "1500000000 +0000",
            "GIT_COMMITTER_NAME": "C",
            "GIT_COMMITTER_EMAIL": "c@example.org",
            "GIT_COMMITTER_DATE": f"{COMMITTED} +0200",
        }
        done = subprocess.run(
            ["git", "-c", "init.defaultBranch=main", *words],
            cwd=self.folder,
            env=settings,
            input=given,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode().strip()

    def commit(self, **files: bytes) -> str:
        """Commit files; `__` in a keyword stands for a slash, `_DOT_` for a dot."""
        for key, content in files.items():
            path = self.folder / key.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    folder = tmp_path / "origin"
    folder.mkdir()
    made = Repository(folder)
    made.git("init", "-q")
    return made


def collector(commit: str, url: str = "origin", root: Path | str = "", **more: Any) -> GitCollector:
    repositories = [{"url": url, "commit": commit, "owner": "ann", "name": "demo"}]
    return GitCollector(GitConfig.model_validate({"repositories": repositories, "root": str(root), **more}))


def fetch(source: GitCollector, ctx: CollectContext) -> list[dict[str, Any]]:
    (unit,) = source.units()
    rows: list[dict[str, Any]] = source.fetch(unit, ctx).to_pylist()
    return rows


def test_the_pinned_commit_becomes_rows_whatever_came_later(
    repository: Repository, ctx: CollectContext, tmp_path: Path
) -> None:
    pinned = repository.commit(a_DOT_py=b"old\n", src__b_DOT_py=b"b\n", c_DOT_py=b"old\n")
    repository.commit(a_DOT_py=b"new\n")
    rows = fetch(collector(pinned, root=tmp_path), ctx)
    assert [(r["path"], r["content"]) for r in rows] == [
        ("a.py", b"old\n"),
        ("c.py", b"old\n"),
        ("src/b.py", b"b\n"),
    ]
    assert {(r["host"], r["owner"], r["repository"], r["revision"], r["released"]) for r in rows} == {
        ("git", "ann", "demo", pinned, COMMITTED)
    }
    assert ctx.warnings == []
    assert list(ctx.scratch.iterdir()) == []


def test_a_commit_that_no_branch_leads_to_is_still_found(
    repository: Repository, ctx: CollectContext, tmp_path: Path
) -> None:
    dropped = repository.commit(a_DOT_py=b"one\n")
    repository.git("tag", "old")
    repository.git("checkout", "-q", "--orphan", "fresh")
    repository.commit(b_DOT_py=b"two\n")
    assert [r["path"] for r in fetch(collector(dropped, root=tmp_path), ctx)] == ["a.py"]
    url = (tmp_path / "origin").as_uri()
    assert [r["path"] for r in fetch(collector(dropped, url), ctx)] == ["a.py"]


def test_links_submodules_binaries_and_large_files_are_left_out(
    repository: Repository, ctx: CollectContext, tmp_path: Path
) -> None:
    repository.commit(a_DOT_py=b"a\n", b_DOT_bin=b"\0\1", big_DOT_py=b"x" * 2000)
    (repository.folder / "link").symlink_to("/etc/passwd")
    repository.git("add", "link")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},lib")
    repository.git("commit", "-q", "-m", "links")
    pinned = repository.git("rev-parse", "HEAD")
    rows = fetch(collector(pinned, root=tmp_path, limits={"fileBytes": "1kB"}), ctx)
    assert [r["path"] for r in rows] == ["a.py"]
    assert [(w.code, w.severity) for w in ctx.warnings] == [("E704", "warning")] * 3 + [("E706", "warning")]
    said = " ".join(w.message for w in ctx.warnings)
    assert "`lib`: a submodule" in said
    assert "`link`: a symbolic link" in said


def test_a_crafted_tree_leads_nowhere(repository: Repository, ctx: CollectContext, tmp_path: Path) -> None:
    repository.commit(ok_DOT_py=b"fine\n")
    oid = bytes.fromhex(repository.git("hash-object", "ok.py"))
    inner = b"".join(b"100644 " + name + b"\0" + oid for name in (b"..", b"a\\b", b"ok.py", b"\xff.py"))
    tree = repository.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=inner)
    outer = b"40000 ..\0" + bytes.fromhex(tree) + b"40000 p\0" + bytes.fromhex(tree)
    root = repository.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=outer)
    pinned = repository.git("commit-tree", root, "-m", "crafted")
    repository.git("update-ref", "refs/heads/crafted", pinned)
    assert [r["path"] for r in fetch(collector(pinned, root=tmp_path), ctx)] == ["p/ok.py"]
    assert len(ctx.warnings) == 7


def test_nothing_of_the_repository_or_the_user_is_run(
    repository: Repository, ctx: CollectContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "sprung"
    script = tmp_path / "trap.sh"
    script.write_text(f"#!/bin/sh\ntouch {trap}\nexec cat\n")
    script.chmod(0o755)
    home = tmp_path / "home"
    (home / "template/hooks").mkdir(parents=True)
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        for folder in (home / "template/hooks", repository.folder / ".git/hooks"):
            folder.mkdir(exist_ok=True)
            (folder / hook).symlink_to(script)
    (home / ".gitconfig").write_text(
        f"[init]\n\ttemplateDir = {home}/template\n[core]\n\thooksPath = {home}/template/hooks\n"
        f"\tfsmonitor = {script}\n[uploadpack]\n\tpackObjectsHook = {script}\n"
    )
    pinned = repository.commit(a_DOT_py=b"a\n", _DOT_gitattributes=b"* filter=trap\n")
    repository.git("config", "filter.trap.smudge", str(script))
    trap.unlink(missing_ok=True)
    monkeypatch.setenv("HOME", str(home))
    assert len(fetch(collector(pinned, root=tmp_path), ctx)) == 2
    assert not trap.exists()


@pytest.mark.parametrize(
    ("commit", "url", "reason"),
    [
        ("0" * 40, "origin", "does not hold this commit"),
        ("0" * 40, "nowhere", "does not appear to be a git repository"),
        ("0" * 40, "ext::sh -c touch% x", "does not appear to be a git repository"),
        ("0" * 40, "git://127.0.0.1/x", "not allowed"),
    ],
)
def test_what_cannot_be_read_is_one_diagnostic(
    repository: Repository, ctx: CollectContext, tmp_path: Path, commit: str, url: str, reason: str
) -> None:
    repository.commit(a_DOT_py=b"a\n")
    with pytest.raises(Problem) as error:
        fetch(collector(commit, url, tmp_path), ctx)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == "E708"
    assert reason in diagnostic.message


def test_credentials_of_a_url_are_not_printed(ctx: CollectContext) -> None:
    with pytest.raises(Problem) as error:
        fetch(collector("0" * 40, "https://robot:hunter2@127.0.0.1:9/x.git"), ctx)
    assert "hunter2" not in str(error.value)


def test_a_tree_over_the_limits_is_refused(
    repository: Repository, ctx: CollectContext, tmp_path: Path
) -> None:
    pinned = repository.commit(a_DOT_py=b"a" * 600, b_DOT_py=b"b" * 600)
    for limits in ({"files": 1}, {"bytes": "1kB"}):
        with pytest.raises(Problem, match="E705"):
            fetch(collector(pinned, root=tmp_path, limits=limits), ctx)


def test_a_unit_is_known_by_its_commit_and_not_by_where_it_is_found() -> None:
    (here,) = collector("a" * 40, "one").units()
    (there,) = collector("a" * 40, "https://example.org/two.git", "/root").units()
    assert here == there
    assert here.name == f"git/ann/demo@{'a' * 12}"
    assert here.identity["commit"] == "a" * 40


@pytest.mark.parametrize("change", [{"commit": "main"}, {"url": "--upload-pack=x"}, {"owner": ""}])
def test_a_spec_that_pins_no_commit_or_smuggles_an_option_is_refused(change: dict[str, str]) -> None:
    good = {"url": "x", "commit": "a" * 40, "owner": "o", "name": "n"}
    GitConfig.model_validate({"repositories": [good]})
    with pytest.raises(ValidationError):
        GitConfig.model_validate({"repositories": [{**good, **change}]})
