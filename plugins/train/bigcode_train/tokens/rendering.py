"""Documents from rows of a dataset, as pieces: text, and control tokens that come from here and never from text.

Formats: Li et al. 2023, "StarCoder: may the source be with you!", section 5.1; a repository in one document: Lozhkov
et al. 2024, "StarCoder 2 and The Stack v2", section 5. Nothing here depends on what was rendered before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from bigcode_train.tokens.documents import Row, Shard, read_rows
from bigcode_train.tokens.rendering_commits import render_commit
from bigcode_train.tokens.rendering_config import TokensConfig
from bigcode_train.tokens.rendering_groups import group_rows, number_of

HOME = ("host", "owner", "repository", "path")
_NOTEBOOK = re.compile(rb"(<jupyter_text>|<jupyter_code>|<jupyter_output>|<empty_output>)")
_START = b"<jupyter_start>"


class Rendered(NamedTuple):
    """A document: `pieces` are text (bytes, UTF-8) and names of control tokens (str); `origin` is the first of its
    rows, as `token_files` has it."""

    pieces: tuple[bytes | str, ...]
    language: str
    origin: int


def controls_of(config: TokensConfig) -> tuple[str, ...]:
    """The control tokens that documents may hold, which the tokenizer has to know."""
    prefixes = config.prefixes
    found = {
        "<reponame>": prefixes.repository or (prefixes.repository is None and config.render == "repository"),
        "<filename>": prefixes.path or config.render == "repository",
        "<gh_stars>": prefixes.stars,
        **dict.fromkeys(("<issue_start>", "<issue_comment>", "<issue_closed>"), config.render == "issues"),
        **dict.fromkeys(("<commit_before>", "<commit_msg>", "<commit_after>"), config.render == "commits"),
        **dict.fromkeys(_notebook_controls(), config.render == "notebooks"),
    }
    return tuple(name for name, used in found.items() if used)


def render(
    shards: Sequence[Shard],
    config: TokensConfig,
    seed: int,
    scratch: Path,
    stars: Mapping[tuple[str, ...], int] | None = None,
) -> Iterator[Rendered]:
    """The documents of a dataset, in the order of shards and rows, or of what they are grouped by.

    Args:
        stars: of repositories, by host, owner and name; a column `stars` of the shards goes before.

    Raises:
        Problem: E106 when the shards lack a column that is asked for.
    """
    prefix = _Prefix(config, seed, stars or {})
    if config.render == "repository":
        return _repositories(shards, config, prefix, scratch)
    if config.render == "issues":
        return _conversations(shards, scratch)
    to_pieces: dict[str, Callable[[Row], Iterator[tuple[bytes | str, ...]]]] = {
        "files": lambda row: iter([(*prefix.of(row), row.content)]),
        "commits": lambda row: (
            (*prefix.of(row, path), *pieces) for path, pieces in render_commit(row.content)
        ),
        "notebooks": lambda row: iter([split_notebook(row.content)]),
    }
    needs = HOME if prefix.used else ()
    return _each(shards, to_pieces[config.render], needs)


def _each(
    shards: Sequence[Shard],
    to_pieces: Callable[[Row], Iterator[tuple[bytes | str, ...]]],
    needs: Sequence[str],
) -> Iterator[Rendered]:
    for row in read_rows(shards, needs):
        for pieces in to_pieces(row):
            yield Rendered(pieces, row.language, row.origin)


def _repositories(
    shards: Sequence[Shard], config: TokensConfig, prefix: _Prefix, scratch: Path
) -> Iterator[Rendered]:
    """Files of a repository in an order of their own; a document goes on in another where it is long enough."""

    def place(row: Row) -> tuple[Any, ...]:
        return (row.home, prefix.draw("order", row), row.path)

    for group in group_rows(shards, HOME, place, scratch):
        held: list[Row] = []
        size = 0
        for row in group:
            if held and size + len(row.content) > config.repository_bytes:
                yield _repository(held, prefix)
                held, size = [], 0
            held.append(row)
            size += len(row.content)
        yield _repository(held, prefix)


def _repository(rows: Sequence[Row], prefix: _Prefix) -> Rendered:
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row.language] = sizes.get(row.language, 0) + len(row.content)
    language = min(sizes, key=lambda name: (-sizes[name], name))
    pieces = prefix.of_repository(rows[0])
    for row in rows:
        pieces += ["<filename>", row.path.encode() + b"\n" + row.content]
    return Rendered(tuple(pieces), language, rows[0].origin)


def _conversations(shards: Sequence[Shard], scratch: Path) -> Iterator[Rendered]:
    """The messages of an issue in the order of their ids, with the pseudonyms that the dataset gave."""

    def place(row: Row) -> tuple[Any, ...]:
        return (row.home, *number_of(row.path), row.path)

    for group in group_rows(shards, (*HOME, "author"), place, scratch, keys=2):
        pieces: list[bytes | str] = ["<issue_start>"]
        for number, row in enumerate(group):
            text, speaker = row.content, (row.author or "user").encode() + b": "
            if number:
                pieces.append("<issue_comment>")
            elif number_of(row.path)[1] < 0:
                title, parted, body = text.partition(b"\n\n")
                if parted and b"\n" not in title:
                    speaker, text = b"Title: " + title + b"\n" + speaker, body
            pieces.append(speaker + text)
        if any(row.closed for row in group):
            pieces.append("<issue_closed>")
        yield Rendered(tuple(pieces), group[0].language, group[0].origin)


def split_notebook(content: bytes) -> tuple[bytes | str, ...]:
    """A notebook that the dataset's renderer wrote: its marks are control tokens. The renderer left no mark in a cell;
    what does not begin as it writes is text from end to end."""
    if not content.startswith(_START):
        return (content,)
    parts = _NOTEBOOK.split(content[len(_START) :])
    if parts[0] or len(parts) == 1:
        return (content,)
    pieces: list[bytes | str] = [_START.decode()]
    for mark, text in zip(parts[1::2], parts[2::2], strict=True):
        pieces += [mark.decode(), text] if text else [mark.decode()]
    return tuple(pieces)


class _Prefix:
    """Metadata before a document, for the shares of documents that have it."""

    def __init__(self, config: TokensConfig, seed: int, known: Mapping[tuple[str, ...], int]) -> None:
        said = config.prefixes
        self.known = known
        every = 1.0 if config.render == "repository" else 0.0
        self.repository = every if said.repository is None else said.repository
        self.path = 0.0 if said.path is None else said.path
        self.stars = 0.0 if said.stars is None else said.stars
        self.used = bool(self.repository or self.path or self.stars)
        self.key = b"bigcode.rendering" + seed.to_bytes(8, "little", signed=True)

    def draw(self, name: str, row: Row, path: str = "") -> float:
        """A number from 0 to 1 that follows from the seed, the name, and the place of a document."""
        text = "\0".join((name, *row.home, row.path, path)).encode()
        return int.from_bytes(blake2b(text, digest_size=8, key=self.key).digest(), "little") / 2**64

    def of(self, row: Row, path: str | None = None) -> list[bytes | str]:
        """The prefixes of a file; `path` where that of the row names something else. They end with a line break."""
        if not self.used:
            return []
        pieces = self._repository(row, path or "")
        if self.draw("path", row, path or "") < self.path:
            pieces += ["<filename>", (row.path if path is None else path).encode()]
        pieces += self._stars(row, path or "")
        return [*pieces, b"\n"] if pieces else []

    def of_repository(self, row: Row) -> list[bytes | str]:
        first = row._replace(path="")
        return [*self._repository(first, ""), *self._stars(first, "")]

    def _repository(self, row: Row, path: str) -> list[bytes | str]:
        if self.draw("repository", row, path) < self.repository:
            return ["<reponame>", f"{row.home[1]}/{row.home[2]}".encode()]
        return []

    def _stars(self, row: Row, path: str) -> list[bytes | str]:
        stars = self.known.get(row.home) if row.stars is None else row.stars
        if stars is not None and self.draw("stars", row, path) < self.stars:
            return ["<gh_stars>", count_roughly(stars)]
        return []


def count_roughly(stars: int) -> bytes:
    """The class that a number of stars is told by, so that none is learned by heart."""
    for limit, name in ((1, b"0"), (10, b"1-10"), (100, b"10-100"), (1000, b"100-1000")):
        if stars < limit:
            return name
    return b"1000+"


def _notebook_controls() -> tuple[str, ...]:
    return ("<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>", "<empty_output>")
