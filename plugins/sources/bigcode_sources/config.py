"""What a spec says to the collectors of packages and repositories."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from bigcode.api import Bytes, Config, Date, Runtime, Seconds

BOTS = (
    "*[[]bot]*", "*-bot", "*-bot@*", "allcontributors", "bors", "claassistant", "codecov", "codecov-commenter",
    "codecov-io", "coveralls", "dependabot", "dependabot-preview", "github-actions", "googlebot", "greenkeeper",
    "homu", "imgbot", "k8s-ci-robot", "mergify", "msftclas", "netlify", "pyup.io bot", "renovate", "renovate bot",
    "rustbot", "travis-ci", "travisci", "vercel", "web-flow",
)  # fmt: skip
"""Accounts that machines write under, as shell patterns."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def distinct(values: Iterable[Hashable], what: str) -> None:
    """Refuse a list that names one thing twice.

    Raises:
        ValueError: naming it.
    """
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
        distinct((f"{r.project} {r.version}" for r in releases), "release")
        return releases


def _exists(day: str) -> str:
    date.fromisoformat(day)
    return day


Day = Annotated[Date, AfterValidator(_exists)]
"""A day of the calendar, in UTC."""
Integrity = Annotated[str, Field(pattern=r"^(sha512-[A-Za-z0-9+/]{86}==|[0-9a-f]{64})$")]
"""`sha512-` and base64, as lock files write it, or the sha256 in hex."""


class Package(Config):
    """One version of an npm package, pinned by the digest of its tarball."""

    name: Annotated[
        str,
        Field(pattern=r"^(@[A-Za-z0-9~-][A-Za-z0-9._~-]*/)?[A-Za-z0-9~_-][A-Za-z0-9._~-]*$", max_length=214),
    ]
    """With its scope where it has one: `@scope/name`."""
    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$")]
    integrity: Integrity


class NpmConfig(Config):
    """Settings of `sources.npm`."""

    packages: Annotated[tuple[Package, ...], Field(min_length=1)]
    limits: Limits = Limits()
    registry: Annotated[str, Runtime] = "https://registry.npmjs.org"
    """URL of the registry."""

    @field_validator("packages")
    @classmethod
    def _packages_differ(cls, packages: tuple[Package, ...]) -> tuple[Package, ...]:
        distinct((f"{p.name} {p.version}" for p in packages), "package")
        return packages


class FileTypes(Config):
    """Which files are taken. Without extensions and names, all are."""

    extensions: tuple[Annotated[str, Field(pattern=r"^[^./]+(\.[^./]+)*$")], ...] = ()
    """Endings without the leading dot, in any case: `py`, `d.ts`."""
    names: tuple[str, ...] = ()
    """Patterns of file names that are taken beside those: `Makefile`, `*.mk`."""
    exclude: tuple[str, ...] = ()
    """Patterns of paths that are left out in any case: `node_modules/*`, `*.min.js`."""


class Repository(Config):
    """One Git repository at one commit. The commit pins the content; `url` only says where to find it."""

    url: Annotated[str, Field(min_length=1, pattern=r"^[^-]"), Runtime]
    """An https, ssh or file URL, or a path (relative to the workspace) of a repository or a bundle on this machine."""
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    owner: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=1)]
    host: Annotated[str, Field(min_length=1)] = "git"
    limits: Limits | None = None
    """Its own, where it needs others than the rest."""
    types: FileTypes | None = None


class Cloning(Config):
    """Settings of both collectors that read Git repositories."""

    repositories: Annotated[tuple[Repository, ...], Field(min_length=1)]
    retries: Annotated[int, Field(ge=0, le=20), Runtime] = 2
    """How often a fetch that fails is tried again."""
    timeout: Annotated[Seconds, Runtime] = 600
    """A fetch that takes longer is given up."""
    pack_bytes: Annotated[Bytes, Runtime] = 2**33
    """A repository whose pack is larger is given up."""
    root: Annotated[str, Runtime] = ""
    """Folder that relative paths start from; the engine sets it to the workspace."""

    @field_validator("repositories")
    @classmethod
    def _repositories_differ(cls, repositories: tuple[Repository, ...]) -> tuple[Repository, ...]:
        distinct((f"{r.host}/{r.owner}/{r.name}@{r.commit}" for r in repositories), "repository")
        return repositories


class GitConfig(Cloning):
    """Settings of `sources.git`."""

    clone: Annotated[Literal["shallow", "full"], Runtime] = "shallow"
    """The commit alone where the other side allows it, or all that it has."""
    limits: Limits = Limits()
    types: FileTypes = FileTypes()


class CommitsConfig(Cloning):
    """Settings of `sources.git-commits`. The history of each repository ends at its commit."""

    since: Day | None = None
    """The first day of authorship taken, in UTC."""
    until: Day | None = None
    """The last day of authorship taken, in UTC."""
    count: Annotated[int, Field(ge=1)] = 10_000
    """At most so many commits of a repository, the newest first as `git log` orders them."""
    diff_bytes: Bytes = 64 * 2**10
    """Commits with a longer diff are left out."""
    message_bytes: Annotated[int, Field(ge=1)] = 16 * 2**10
    """Commits with a longer message are left out."""
    context: Annotated[int, Field(ge=0, le=100)] = 3
    """Lines around each change."""
    types: FileTypes = FileTypes()
    """Commits that change no such file are left out; of others, the diff shows these alone."""
    bots: tuple[str, ...] = BOTS
    """Patterns of author names and e-mails whose commits are left out, in any case of letters."""
