"""What a spec says to the collectors."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from bigcode.api import Bytes, Config, Runtime

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileColumn = Literal["host", "owner", "repository", "revision", "path", "released", "content"]


def _distinct(values: Iterable[Hashable], what: str) -> None:
    seen: set[Hashable] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{what} `{value}` is listed twice")
        seen.add(value)


class Limits(Config):
    """What one archive or repository may hold. More than `files`, `bytes` or `ratio` refuses it as a whole."""

    files: Annotated[int, Field(ge=1)] = 20_000
    """Members of any kind, folders included."""
    bytes: Bytes = 256 * 2**20
    """Size of all members together, unpacked."""
    file_bytes: Bytes = 2**20
    """Larger files are left out, with a warning."""
    ratio: Annotated[int, Field(ge=1)] = 200
    """Unpacked size over packed size."""


class Release(Config):
    """One source release, pinned by the digest of its archive."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")]
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_-]*$")]
    sha256: Sha256

    @property
    def project(self) -> str:
        """The name as an index normalises it (PEP 503)."""
        return re.sub(r"[-_.]+", "-", self.name).lower()


class PypiConfig(Config):
    """Settings of `sources.pypi`."""

    releases: Annotated[tuple[Release, ...], Field(min_length=1)]
    limits: Limits = Limits()
    index: Annotated[str, Runtime] = ""
    """URL of a simple index; when empty, the index that pip is configured with."""

    @field_validator("releases")
    @classmethod
    def _releases_differ(cls, releases: tuple[Release, ...]) -> tuple[Release, ...]:
        _distinct((f"{r.project} {r.version}" for r in releases), "release")
        return releases


class Repository(Config):
    """One Git repository at one commit. The commit pins the content; `url` only says where to find it."""

    url: Annotated[str, Field(min_length=1, pattern=r"^[^-]"), Runtime]
    """An https, ssh or file URL, or a path (relative to the workspace) of a repository on this machine."""
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    owner: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=1)]
    host: Annotated[str, Field(min_length=1)] = "git"


class GitConfig(Config):
    """Settings of `sources.git`."""

    repositories: Annotated[tuple[Repository, ...], Field(min_length=1)]
    limits: Limits = Limits()
    root: Annotated[str, Runtime] = ""
    """Folder that relative paths start from; the engine sets it to the workspace."""

    @field_validator("repositories")
    @classmethod
    def _repositories_differ(cls, repositories: tuple[Repository, ...]) -> tuple[Repository, ...]:
        _distinct((f"{r.host}/{r.owner}/{r.name}@{r.commit}" for r in repositories), "repository")
        return repositories


class Table(Config):
    """One table of files. The digest pins the content; `path` only says where to find it."""

    path: Annotated[str, Field(min_length=1), Runtime]
    """A path (relative to the workspace), or a URL that fsspec opens."""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Required for a URL; the content of an unpinned local table is digested when the plan is made."""

    @property
    def remote(self) -> bool:
        return "://" in self.path

    @model_validator(mode="after")
    def _remote_is_pinned(self) -> Table:
        if self.remote and not self.sha256:
            raise ValueError(f"the table `{self.path}` is not on this machine, so it needs a sha256")
        return self


class TablesConfig(Config):
    """Settings of `sources.tables`."""

    tables: Annotated[tuple[Table, ...], Field(min_length=1)]
    format: Literal["parquet", "jsonl"] = "parquet"
    columns: dict[FileColumn, str] = Field(default_factory=dict)
    """Our column names to the table's own, where they differ."""
    file_bytes: Bytes = 2**20
    """Larger files are left out, with a warning."""
    root: Annotated[str, Runtime] = ""
    """Folder that relative paths start from; the engine sets it to the workspace."""

    @field_validator("tables")
    @classmethod
    def _tables_differ(cls, tables: tuple[Table, ...]) -> tuple[Table, ...]:
        _distinct((t.path for t in tables), "table")
        return tables
