"""What a spec says to the collectors that read tables: `sources.tables` and `sources.swh`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from bigcode.api import Bytes, Config, Runtime
from bigcode_sources.config import distinct

FileColumn = Literal["host", "owner", "repository", "revision", "path", "released", "content"]
ManifestColumn = Literal["swhid", "key", "origin", "revision", "path", "released", "encoding"]
LayoutName = Literal["the-stack-v1", "the-stack-dedup", "the-stack-v2", "starcoderdata"]
Format = Literal["parquet", "jsonl"]


class Table(Config):
    """One table of files, or all that a pattern names. Digests pin the content; `path` only says where to find it."""

    path: Annotated[str, Field(min_length=1), Runtime]
    """A path (relative to the workspace), a URL that fsspec opens, or a pattern of either (`*`, `?`, `**`)."""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Required for a URL; the content of an unpinned local table is digested when the plan is made."""
    sums: Annotated[str, Runtime] = ""
    """A local file in the form that `sha256sum` writes. It says which files there are and pins each, so that a
    pattern of remote tables needs no network while a plan is made; names are relative to the pattern's folder."""

    @property
    def remote(self) -> bool:
        return "://" in self.path

    @property
    def pattern(self) -> bool:
        return bool(re.search(r"[*?\[]", self.path))

    @model_validator(mode="after")
    def _what_is_remote_is_pinned(self) -> Table:
        if self.sha256 and (self.pattern or self.sums):
            raise ValueError(f"one sha256 cannot pin all of `{self.path}`; name a file of sums")
        if self.remote and not (self.sha256 or self.sums):
            raise ValueError(f"the table `{self.path}` is not on this machine, so it needs a sha256 or sums")
        return self


class Split(Config):
    """One column that holds owner and repository, such as `ann/kit`."""

    column: Annotated[str, Field(min_length=1)]
    split: Annotated[str, Field(min_length=1, max_length=1)] = "/"
    """The owner is what stands before the first of these."""


class Layout(Config):
    """How rows of a table become files."""

    columns: dict[FileColumn, str] = Field(default_factory=dict)
    """Our column names to the table's own, where they differ."""
    names: Split | None = None
    """Stands in for the columns `owner` and `repository`."""
    host: str = "table"
    """The host of all rows, unless a column says it."""
    rooted: bool = False
    """Paths start with a slash that stands for the root of the repository."""
    pointers: Literal["keep", "omit"] = "keep"
    """Whether pointers of Git LFS count as text."""


_GITHUB = "github.com"
LAYOUTS: Mapping[str, Layout] = {
    name: Layout(
        columns={"path": "max_stars_repo_path", **revision},
        names=Split(column="max_stars_repo_name"),
        host=_GITHUB,
        pointers="omit",
    )
    for name, revision in (
        ("the-stack-v1", {"revision": "max_stars_repo_head_hexsha"}),
        ("the-stack-dedup", {"revision": "max_stars_repo_head_hexsha"}),
        ("starcoderdata", {}),
    )
} | {
    "the-stack-v2": Layout(
        columns={"revision": "revision_id", "released": "committer_date"},
        names=Split(column="repo_name"),
        host=_GITHUB,
        rooted=True,
        pointers="omit",
    ),
}
"""The published tables, by the names of their columns. In v1 the same text may lie in many repositories; the table
names the one with most stars. v2 is published without text: its columns plus a `content` that somebody fetched
(without it, read it through `sources.swh`)."""


class TablesConfig(Config):
    """Settings of `sources.tables`."""

    tables: Annotated[tuple[Table, ...], Field(min_length=1)]
    format: Format = "parquet"
    layout: LayoutName | None = None
    """A published table whose columns are known; the fields below override it."""
    columns: dict[FileColumn, str] = Field(default_factory=dict)
    """Our column names to the table's own, where they differ."""
    repository: Split | None = None
    """A column that holds both owner and repository."""
    host: str = ""
    """The host of all rows, where no column says it."""
    pointers: Literal["keep", "omit", ""] = ""
    """Whether pointers of Git LFS count as text; kept unless the layout says otherwise."""
    bad_rows: Literal["refuse", "omit"] = "refuse"
    """Whether a row without a usable name, text or time ends the run or is left out and counted."""
    file_bytes: Bytes = 2**20
    """Larger files are left out, with a warning."""
    bytes: Bytes = 2**33
    """A table that holds more text, unpacked, is refused as a whole."""
    root: Annotated[str, Runtime] = ""
    """Folder that relative paths start from; the engine sets it to the workspace."""

    @field_validator("tables")
    @classmethod
    def _tables_differ(cls, tables: tuple[Table, ...]) -> tuple[Table, ...]:
        distinct((t.path for t in tables), "table")
        return tables

    @property
    def resolved(self) -> Layout:
        """The layout with what the spec says beside it."""
        base = LAYOUTS[self.layout] if self.layout else Layout()
        said: dict[str, Any] = {"columns": {**base.columns, **self.columns}}
        if self.repository:
            said["names"] = self.repository
        elif {"owner", "repository"} & self.columns.keys():
            said["names"] = None
        if self.host:
            said["host"] = self.host
        if self.pointers:
            said["pointers"] = self.pointers
        return base.model_copy(update=said)

    @property
    def behaviour(self) -> dict[str, Any]:
        """What of the settings the rows depend on; what is as ever is left unsaid, so that keys stay."""
        said = self.model_dump(by_alias=True, include={"format", "columns", "file_bytes"})
        layout = self.resolved
        if layout != Layout(columns=self.columns):
            said["layout"] = layout.model_dump(by_alias=True)
        if self.bytes != type(self).model_fields["bytes"].default:
            said["bytes"] = self.bytes
        if self.bad_rows != "refuse":
            said["badRows"] = self.bad_rows
        return said


class SwhConfig(Config):
    """Settings of `sources.swh`."""

    manifests: Annotated[tuple[Table, ...], Field(min_length=1)]
    """Tables of files: identifier of the content, origin, revision, path."""
    contents: Annotated[str, Field(min_length=1), Runtime]
    """Folder or fsspec URL of the contents, by sha1_git or `key`: `aa/bb/aabb...` or `aabb...`, plain or gzip."""
    format: Format = "jsonl"
    layout: Literal["the-stack-v2"] | None = None
    """A published manifest whose columns are known; `columns` overrides it."""
    columns: dict[ManifestColumn, str] = Field(default_factory=dict)
    """Our column names to the manifest's own, where they differ. `key` is the name of a content in the store where
    that is not its sha1_git, which it is held against in any case; `encoding` is what its text is decoded from."""
    host: str = ""
    """The host of all rows whose origin is no URL but `owner/repository`."""
    file_bytes: Bytes = 2**20
    """Larger contents are left out, with a warning."""
    root: Annotated[str, Runtime] = ""
    """Folder that relative paths start from; the engine sets it to the workspace."""

    @field_validator("manifests")
    @classmethod
    def _manifests_differ(cls, manifests: tuple[Table, ...]) -> tuple[Table, ...]:
        distinct((t.path for t in manifests), "manifest")
        return manifests

    @property
    def resolved(self) -> dict[ManifestColumn, str]:
        """The column of the manifest for each of ours."""
        base: dict[ManifestColumn, str] = {}
        if self.layout:
            base = {
                "swhid": "content_id", "key": "blob_id", "origin": "repo_name", "revision": "revision_id",
                "released": "committer_date", "encoding": "src_encoding",
            }  # fmt: skip
        return {**base, **self.columns}

    @property
    def origin_host(self) -> str:
        return self.host or (_GITHUB if self.layout else "")
