"""Settings of `train.tokens`: how rows of a dataset become documents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api import Bytes, Config, Runtime, Share


class Prefixes(Config):
    """Shares of documents that each prefix stands before; which documents is decided for each by seed, place and
    prefix alone. Left out, a prefix stands before no file or commit and before every repository."""

    repository: Share | None = None
    """`<reponame>`, owner and name."""
    path: Share | None = None
    """`<filename>` and the path; in a repository it stands before every file, to part them."""
    stars: Share | None = None
    """`<gh_stars>` and one of `0`, `1-10`, `10-100`, `100-1000`, `1000+`, of the column `stars` or else of the
    repository's metadata; where neither tells a number there is no such prefix."""


class TokensConfig(Config):
    render: Literal["files", "repository", "issues", "commits", "notebooks"] = "files"
    """What a document is: a file; the files of a repository; the messages of a conversation; what a commit did to a
    file; a notebook whose cells the dataset's own renderer marked."""
    prefixes: Prefixes = Prefixes()
    repository_bytes: Bytes = 1_000_000
    """Text after which a repository goes on in another document."""
    verify_every: Annotated[int, Field(ge=1), Runtime] = 256
    """One document in so many is encoded by the tokenizer itself too, and a difference ends the run."""
    threads: Annotated[int | None, Field(ge=1), Runtime] = None
    """All cores when absent."""
