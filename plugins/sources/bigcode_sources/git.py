"""`sources.git`: pinned commits, read through the `git` command line without a checkout."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bigcode.api import FetchContext, Problem, Unit, fail
from bigcode_sources.config import GitConfig, Limits, Repository
from bigcode_sources.intake import Member, accept, show

if TYPE_CHECKING:
    import pyarrow as pa

_SECONDS = 600
"""A fetch that takes longer is given up."""
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
}
# How this machine reaches the network, which is no setting of a repository.
_PASSED = (
    "PATH", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK",
    "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
)  # fmt: skip


class GitCollector:
    """One unit a commit. No hook, filter, submodule or configuration of the user or the repository takes effect."""

    def __init__(self, config: GitConfig) -> None:
        self.config = config

    def units(self) -> Iterable[Unit]:
        """Sorted by host, owner, name and commit; where the repository is found is no part of the identity."""
        return [_unit(r, self.config.limits) for r in sorted(self.config.repositories, key=_key)]

    def fetch(self, unit: Unit, ctx: FetchContext) -> pa.Table:
        """The revision is the commit, `released` its committer's time. Links and submodules are left out.

        Raises:
            Problem: E705 when the tree is over the limits, E708 when the commit cannot be had.
        """
        from bigcode_sources.rows import table_of

        limits = Limits.model_validate(unit.identity["limits"])
        found = next(r for r in self.config.repositories if _unit(r, self.config.limits) == unit)
        source = f"{found.owner}/{found.name} at {found.commit[:12]}"
        with tempfile.TemporaryDirectory(dir=ctx.scratch) as folder:
            clone = _Clone(source, Path(folder))
            clone.fetch(*_locate(found.url, self.config.root), found.commit)
            released = int(clone.run("show", "-s", "--format=%ct", found.commit))
            accepted = accept(source, clone.members(found.commit, limits), limits)
        for warning in accepted.warnings:
            ctx.warn(warning)
        return table_of(
            (found.host, found.owner, found.name, found.commit, path, max(released, 0), content)
            for path, content in accepted.files.items()
        )


@dataclass(frozen=True, slots=True)
class _Clone:
    """A bare repository in a folder of its own, which is also the home that git is shown."""

    source: str
    folder: Path

    def fetch(self, place: str, protocols: tuple[str, ...], commit: str) -> None:
        """Bring in the commit alone where the other side allows that, else all that it has."""
        allow = {f"protocol.{name}.allow": "always" for name in protocols}
        self.run("init", "--quiet", "--bare", "--template=", ".")
        fetch = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--end-of-options", place)
        try:
            self.run(*fetch[:2], "--depth=1", *fetch[2:], commit, settings=allow)
        except Problem:
            self.run(*fetch, "+refs/*:refs/*", settings=allow)
        try:
            self.run("rev-parse", "--verify", f"{commit}^{{commit}}")
        except Problem:
            raise fail("E708", f"{self.source}: the repository does not hold this commit") from None

    def members(self, commit: str, limits: Limits) -> Iterator[Member]:
        listed = self.run("ls-tree", "-r", "-l", "-z", "--full-tree", commit).split(b"\0")[:-1]
        entries = [_Listed.parse(line) for line in listed]
        wanted = {e.oid: e.size for e in entries if e.plain and e.size <= limits.file_bytes}
        # Sizes are known before content is asked for, so a tree over the limits is never read.
        over = len(entries) > limits.files or sum(e.size for e in entries) > limits.bytes
        contents = {} if over else self._contents(wanted)
        for e in entries:
            if e.plain:
                yield Member(e.name, "file", e.size, content=contents.get(e.oid))
            else:
                yield Member(e.name, "refused", e.size, refusal=e.refusal)

    def _contents(self, sizes: Mapping[str, int]) -> Mapping[str, bytes]:
        answer = self.run("cat-file", "--batch", given="".join(f"{oid}\n" for oid in sizes).encode())
        found, at = {}, 0
        for oid, size in sizes.items():
            start = at + len(f"{oid} blob {size}\n")
            found[oid] = answer[start : start + size]
            at = start + size + 1
        return found

    def run(self, *words: str, given: bytes = b"", settings: Mapping[str, str] | None = None) -> bytes:
        options = [
            o for key, value in {**_SETTINGS, **(settings or {})}.items() for o in ("-c", f"{key}={value}")
        ]
        try:
            done = subprocess.run(
                ["git", *options, *words],
                input=given,
                capture_output=True,
                check=False,
                cwd=self.folder,
                env=self._environment(),
                timeout=_SECONDS,
            )
        except FileNotFoundError:
            raise fail("E708", f"{self.source}: git is not installed") from None
        except subprocess.TimeoutExpired:
            raise fail("E708", f"{self.source}: git gave no answer within {_SECONDS} seconds") from None
        if done.returncode:
            raise fail("E708", f"{self.source}: {_said(done.stderr)}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return {name: os.environ[name] for name in _PASSED if name in os.environ} | {
            "HOME": str(self.folder),
            "GIT_DIR": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "LC_ALL": "C",
        }


@dataclass(frozen=True, slots=True)
class _Listed:
    name: str
    mode: str
    oid: str
    size: int

    @classmethod
    def parse(cls, line: bytes) -> _Listed:
        head, _, name = line.partition(b"\t")
        mode, _, oid, size = head.decode().split()
        return cls(name.decode(errors="surrogateescape"), mode, oid, 0 if size == "-" else int(size))

    @property
    def plain(self) -> bool:
        return self.mode.startswith("100")

    @property
    def refusal(self) -> str:
        return {"120000": "a symbolic link", "160000": "a submodule"}.get(self.mode, "not a plain file")


def _key(repository: Repository) -> tuple[str, str, str, str]:
    return (repository.host, repository.owner, repository.name, repository.commit)


def _unit(repository: Repository, limits: Limits) -> Unit:
    host, owner, name, commit = _key(repository)
    identity = {"host": host, "owner": owner, "name": name, "commit": commit}
    return Unit(
        f"{host}/{owner}/{name}@{commit[:12]}", {**identity, "limits": limits.model_dump(by_alias=True)}
    )


def _locate(url: str, root: str) -> tuple[str, tuple[str, ...]]:
    """What git is told, and the protocols that it may speak for it."""
    if url.startswith("file://"):
        return url, ("file",)
    if "://" in url:
        return url, ("https", "ssh")
    return str(Path(root or ".", url).resolve()), ("file",)


def _said(stderr: bytes) -> str:
    lines = re.sub(r"//[^/@\s]*@", "//***@", stderr.decode(errors="replace")).strip().splitlines()
    return show(lines[0]) if lines else "git failed without a word"
