"""`sources.git`: pinned commits, read through the `git` command line without a checkout."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from bigcode.api import FetchContext, Unit
from bigcode_sources.clone import Clone, CloneError, records_of
from bigcode_sources.config import FileTypes, GitConfig, Limits, Repository
from bigcode_sources.intake import Member, TooLarge, accept

if TYPE_CHECKING:
    import pyarrow as pa


class GitCollector:
    """One unit a commit. No hook, filter, submodule or configuration of the user or the repository takes effect."""

    def __init__(self, config: GitConfig) -> None:
        self.config = config

    def units(self) -> Iterable[Unit]:
        """Sorted by host, owner, name and commit; where the repository is found is no part of the identity."""
        for found in sorted(self.config.repositories, key=key_of):
            limits, types = found.limits or self.config.limits, found.types or self.config.types
            said = {
                "limits": limits.model_dump(by_alias=True),
                "types": types.model_dump(mode="json", by_alias=True),
            }
            yield Unit(name_of(found), {**identity_of(found), **said})

    def fetch(self, unit: Unit, ctx: FetchContext) -> pa.Table:
        """The revision is the commit, `released` its committer's time. Links, submodules and pointers of Git LFS
        are left out. A repository that cannot be had, or is over its limits, is a failed unit without rows.

        Raises:
            Problem: E708 when git is not installed.
        """
        from bigcode_sources.rows import table_of

        limits = Limits.model_validate(unit.identity["limits"])
        types = FileTypes.model_validate(unit.identity["types"])
        found = find(self.config.repositories, unit)
        source = f"{found.owner}/{found.name} at {found.commit[:12]}"
        with tempfile.TemporaryDirectory(dir=ctx.scratch) as folder:
            clone = Clone(source, Path(folder), self.config.timeout, self.config.pack_bytes)
            shallow = self.config.clone == "shallow"
            try:
                clone.fetch(found.url, self.config.root, found.commit, shallow, self.config.retries)
                released = int(clone.run("log", "-1", "--format=%ct", found.commit))
                accepted = accept(
                    source, _members(clone, found.commit, limits, types), limits, pointers=False
                )
            except CloneError as error:
                error.report(ctx)
                return table_of(())
            except TooLarge as problem:
                CloneError("too-large", problem.diagnostics[0].message).report(ctx)
                return table_of(())
        accepted.report(ctx)
        return table_of(
            (found.host, found.owner, found.name, found.commit, path, max(released, 0), content)
            for path, content in accepted.files.items()
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of `git ls-tree -l -z`."""

    name: str
    mode: str
    oid: str
    size: int

    @classmethod
    def parse(cls, line: bytes) -> Listed:
        head, _, name = line.partition(b"\t")
        mode, _, oid, size = head.decode().split()
        return cls(name.decode(errors="surrogateescape"), mode, oid, 0 if size == "-" else int(size))

    @property
    def plain(self) -> bool:
        return self.mode.startswith("100")

    @property
    def refusal(self) -> str:
        return {"120000": "a symbolic link", "160000": "a submodule"}.get(self.mode, "not a plain file")


def takes(types: FileTypes, path: str) -> bool:
    """Whether a file of this path is asked for."""
    if any(fnmatchcase(path, pattern) for pattern in types.exclude):
        return False
    if not types.extensions and not types.names:
        return True
    name = path.rpartition("/")[2]
    lower = name.lower()
    return any(lower.endswith(f".{e.lower()}") for e in types.extensions) or any(
        fnmatchcase(name, pattern) for pattern in types.names
    )


def key_of(repository: Repository) -> tuple[str, str, str, str]:
    """Host, owner, name and commit."""
    return (repository.host, repository.owner, repository.name, repository.commit)


def identity_of(repository: Repository) -> dict[str, str]:
    """What of a repository goes into the key of a unit."""
    host, owner, name, commit = key_of(repository)
    return {"host": host, "owner": owner, "name": name, "commit": commit}


def name_of(repository: Repository) -> str:
    """How people tell units apart."""
    host, owner, name, commit = key_of(repository)
    return f"{host}/{owner}/{name}@{commit[:12]}"


def find(repositories: Iterable[Repository], unit: Unit) -> Repository:
    """The repository that a unit stands for."""
    wanted = tuple(unit.identity[name] for name in ("host", "owner", "name", "commit"))
    return next(r for r in repositories if key_of(r) == wanted)


def _members(clone: Clone, commit: str, limits: Limits, types: FileTypes) -> Iterator[Member]:
    # A tree that holds itself many times over lists more than any machine holds.
    with clone.stream("ls-tree", "-r", "-l", "-z", "--full-tree", commit) as output:
        entries = [Listed.parse(line) for line in itertools.islice(records_of(output), limits.files + 1)]
    asked = {e.oid: e.size for e in entries if e.plain and takes(types, e.name)}
    wanted = {oid: size for oid, size in asked.items() if size <= limits.file_bytes}
    # Sizes are known before content is asked for, so a tree over the limits is never read.
    over = len(entries) > limits.files or sum(e.size for e in entries if e.oid in asked) > limits.bytes
    contents = {} if over else _contents(clone, wanted)
    for e in entries:
        if not e.plain:
            yield Member(e.name, "refused", refusal=e.refusal)
        elif not takes(types, e.name):
            yield Member(e.name, "passed", refusal="file-type")
        else:
            yield Member(e.name, "file", e.size, content=contents.get(e.oid))


def _contents(clone: Clone, sizes: Mapping[str, int]) -> Mapping[str, bytes]:
    answer = clone.run("cat-file", "--batch", given="".join(f"{oid}\n" for oid in sizes).encode())
    found, at = {}, 0
    for oid, size in sizes.items():
        start = at + len(f"{oid} blob {size}\n")
        found[oid] = answer[start : start + size]
        at = start + size + 1
    return found
