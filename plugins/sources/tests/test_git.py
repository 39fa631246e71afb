"""`sources.git` against real repositories made with git."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bigcode.testing.context import CollectContext
from bigcode_sources.clone import Clone, CloneError
from bigcode_sources.commits import CommitsCollector
from bigcode_sources.config import CommitsConfig, GitConfig
from bigcode_sources.git import GitCollector


def collector(commit: str, url: str = "origin", root: Path | str = "", **more: Any) -> GitCollector:
    repositories = [{"url": url, "commit": commit, "owner": "ann", "name": "demo"}]
    return GitCollector(GitConfig.model_validate({"repositories": repositories, "root": str(root), **more}))


def fetch(source: GitCollector, ctx: CollectContext) -> list[dict[str, Any]]:
    (unit,) = source.units()
    rows: list[dict[str, Any]] = source.fetch(unit, ctx).to_pylist()
    return rows


def test_the_pinned_commit_becomes_rows_whatever_came_later(
    repository: Any, ctx: CollectContext, tmp_path: Path
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
        ("git", "ann", "demo", pinned, 1_600_000_000)
    }
    assert ctx.warnings == []
    assert list(ctx.scratch.iterdir()) == []


def test_a_commit_that_no_branch_leads_to_is_still_found(
    repository: Any, ctx: CollectContext, tmp_path: Path
) -> None:
    dropped = repository.commit(a_DOT_py=b"one\n")
    repository.git("tag", "old")
    repository.git("checkout", "-q", "--orphan", "fresh")
    repository.commit(b_DOT_py=b"two\n")
    assert [r["path"] for r in fetch(collector(dropped, root=tmp_path), ctx)] == ["a.py"]
    url = (tmp_path / "origin").as_uri()
    assert [r["path"] for r in fetch(collector(dropped, url), ctx)] == ["a.py"]


def test_links_submodules_binaries_and_large_files_are_left_out(
    repository: Any, ctx: CollectContext, tmp_path: Path
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
    assert ctx.omitted == {"binary": 1, "submodule": 1, "symlink": 1, "too-large": 1}


def test_a_crafted_tree_leads_nowhere(repository: Any, ctx: CollectContext, tmp_path: Path) -> None:
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
    repository: Any, ctx: CollectContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    ("commit", "url", "reason", "says"),
    [
        ("0" * 40, "origin", "gone", "does not hold this commit"),
        ("0" * 40, "nowhere", "gone", "does not appear to be a git repository"),
        ("0" * 40, "ext::sh -c touch% x", "gone", "does not appear to be a git repository"),
        ("0" * 40, "git://127.0.0.1/x", "unreachable", "not allowed"),
        ("0" * 40, "https://127.0.0.1:9/x.git", "unreachable", "unable to access"),
    ],
)
def test_a_repository_that_cannot_be_had_is_a_failed_unit_without_rows(
    repository: Any, ctx: CollectContext, tmp_path: Path, commit: str, url: str, reason: str, says: str
) -> None:
    repository.commit(a_DOT_py=b"a\n")
    assert fetch(collector(commit, url, tmp_path), ctx) == []
    assert ctx.failure == reason
    (warning,) = ctx.warnings
    assert (warning.code, warning.severity) == ("E708", "warning")
    assert says in warning.message


def test_a_broken_repository_is_a_failed_unit(repository: Any, ctx: CollectContext, tmp_path: Path) -> None:
    pinned = repository.commit(a_DOT_py=b"a\n")
    tree = repository.git("rev-parse", f"{pinned}^{{tree}}")
    loose = repository.folder / ".git/objects" / tree[:2] / tree[2:]
    loose.chmod(0o644)
    loose.write_bytes(b"no object")
    assert fetch(collector(pinned, root=tmp_path), ctx) == []
    assert ctx.failure == "broken"


def test_what_is_unreachable_is_asked_again_as_often_as_the_spec_says(
    ctx: CollectContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log, script = tmp_path / "log", tmp_path / "bin/git"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {log}\nexec {shutil.which("git")} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    fetch(collector("0" * 40, "https://127.0.0.1:9/x.git", retries=3), ctx)
    assert log.read_text().count(" fetch ") == 4
    log.unlink()
    fetch(collector("0" * 40, "nowhere"), ctx)
    # The commit alone, then all that there is.
    assert log.read_text().count(" fetch ") == 2


def test_credentials_of_a_url_are_not_printed(ctx: CollectContext) -> None:
    fetch(collector("0" * 40, "https://robot:hunter2@127.0.0.1:9/x.git", retries=0), ctx)
    assert ctx.warnings
    assert "hunter2" not in str(ctx.warnings)


def test_a_tree_over_the_limits_is_too_large_and_each_repository_may_have_its_own(
    repository: Any, ctx: CollectContext, tmp_path: Path
) -> None:
    pinned = repository.commit(a_DOT_py=b"a" * 600, b_DOT_py=b"b" * 600)
    for limits in ({"files": 1}, {"bytes": "1kB"}):
        ctx.failure = ""
        assert fetch(collector(pinned, root=tmp_path, limits=limits), ctx) == []
        assert ctx.failure == "too-large"
        assert ctx.warnings.pop().code == "E705"
    own = {"url": "origin", "commit": pinned, "owner": "ann", "name": "demo", "limits": {"files": 5}}
    source = GitCollector(
        GitConfig.model_validate({"repositories": [own], "limits": {"files": 1}, "root": str(tmp_path)})
    )
    assert len(fetch(source, ctx)) == 2


def bomb(repository: Any, levels: int = 10) -> str:
    """A commit of a tree in which each folder holds the next ten times; a few kilobytes that list as ten billion."""
    entry = f"100644 blob {repository.git('hash-object', '-w', '--stdin', given=b'boom')}"
    for _ in range(levels):
        lines = "".join(f"{entry}\tf{n}\n" for n in range(10))
        entry = f"040000 tree {repository.git('mktree', given=lines.encode())}"
    commit: str = repository.git("commit-tree", entry.split()[2], "-m", "bomb")
    repository.git("update-ref", "refs/heads/bomb", commit)
    return commit


def test_a_tree_that_lists_as_more_than_any_machine_holds_is_too_large(
    repository: Any, ctx: CollectContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = bomb(repository)
    assert fetch(collector(pinned, root=tmp_path), ctx) == []
    assert ctx.failure == "too-large"
    monkeypatch.setattr("bigcode_sources.clone.MEMORY", 2**26)
    ctx.failure = ""
    given = {"repositories": [{"url": "origin", "commit": pinned, "owner": "ann", "name": "demo"}]}
    history = CommitsCollector(CommitsConfig.model_validate({**given, "root": str(tmp_path)}))
    (unit,) = history.units()
    assert history.fetch(unit, ctx).num_rows == 0
    assert ctx.failure == "too-large"


def test_a_pack_over_its_size_and_a_command_without_end_are_too_large(
    repository: Any, ctx: CollectContext, tmp_path: Path
) -> None:
    pinned = repository.commit(a_DOT_bin=os.urandom(200_000))
    assert fetch(collector(pinned, root=tmp_path, packBytes="100kB"), ctx) == []
    assert ctx.failure == "too-large"
    clone = Clone("demo", ctx.scratch, seconds=0.2)
    clone.run("init", "--quiet", "--bare", ".")
    with pytest.raises(CloneError) as error, clone.stream("-c", "alias.wait=!sleep 30", "wait"):
        pass
    assert error.value.reason == "too-large"


def test_only_the_types_asked_for_are_taken(repository: Any, ctx: CollectContext, tmp_path: Path) -> None:
    pinned = repository.commit(
        a_DOT_PY=b"a",
        b_DOT_d_DOT_ts=b"b",
        c_DOT_ts=b"c",
        Makefile=b"d",
        lib__x_DOT_py=b"e",
        big_DOT_csv=b"z" * 5000,
    )
    types = {"extensions": ["py", "d.ts"], "names": ["Make*"], "exclude": ["lib/*"]}
    rows = fetch(collector(pinned, root=tmp_path, types=types, limits={"bytes": "1kB"}), ctx)
    assert [r["path"] for r in rows] == ["Makefile", "a.PY", "b.d.ts"]
    assert ctx.omitted == {"file-type": 3}
    assert ctx.warnings == []


def test_pointers_of_large_file_storage_are_left_out_and_counted(
    repository: Any, ctx: CollectContext, tmp_path: Path
) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
    pinned = repository.commit(model_DOT_bin=pointer, a_DOT_py=pointer[:20])
    assert [r["path"] for r in fetch(collector(pinned, root=tmp_path), ctx)] == ["a.py"]
    assert ctx.omitted == {"lfs-pointer": 1}


def test_a_full_clone_gives_the_same_rows(repository: Any, ctx: CollectContext, tmp_path: Path) -> None:
    repository.commit(a_DOT_py=b"old")
    pinned = repository.commit(a_DOT_py=b"new", b_DOT_py=b"x\n" * 100)
    shallow = fetch(collector(pinned, root=tmp_path), ctx)
    assert fetch(collector(pinned, root=tmp_path, clone="full", retries=0), ctx) == shallow
    (one,), (two,) = collector(pinned, clone="full").units(), collector(pinned).units()
    assert one == two


def test_a_bundle_gives_the_same_rows_as_the_repository_that_it_was_made_of(
    repository: Any, ctx: CollectContext, tmp_path: Path
) -> None:
    pinned = repository.commit(a_DOT_py=b"a = 1\n", b_DOT_py=b"b = 1\n")
    tip = repository.commit(a_DOT_py=b"a = 2\n")
    repository.git("bundle", "create", "-q", str(tmp_path / "kept.bundle"), "HEAD", "main")
    for commit in (pinned, tip):
        for clone in ("shallow", "full"):
            found = fetch(collector(commit, "kept.bundle", tmp_path, clone=clone, retries=0), ctx)
            assert found == fetch(collector(commit, root=tmp_path), ctx)
            assert len(found) == 2
    histories = [
        CommitsCollector(
            CommitsConfig.model_validate(
                {
                    "repositories": [{"url": url, "commit": tip, "owner": "a", "name": "b"}],
                    "root": str(tmp_path),
                }
            )
        )
        for url in ("kept.bundle", "origin")
    ]
    (unit,) = histories[0].units()
    ours, theirs = (history.fetch(unit, ctx).to_pylist() for history in histories)
    assert ours == theirs
    assert len(ours) == 2
    assert ctx.warnings == []


def test_a_bundle_that_breaks_off_or_lacks_the_commit_is_a_failed_unit(
    repository: Any, ctx: CollectContext, tmp_path: Path
) -> None:
    pinned = repository.commit(a_DOT_py=os.urandom(4000).hex().encode())
    kept = tmp_path / "kept.bundle"
    repository.git("bundle", "create", "-q", str(kept), "main")
    assert fetch(collector("0" * 40, "kept.bundle", tmp_path), ctx) == []
    assert ctx.failure == "gone"
    kept.write_bytes(kept.read_bytes()[:1000])
    ctx.failure = ""
    assert fetch(collector(pinned, "kept.bundle", tmp_path, retries=0), ctx) == []
    assert ctx.failure


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
