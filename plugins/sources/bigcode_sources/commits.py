"""`sources.git-commits`: the history of repositories, a commit a row."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bigcode.api import FetchContext, Unit
from bigcode_sources.clone import Clone, CloneError, records_of
from bigcode_sources.config import CommitsConfig, FileTypes
from bigcode_sources.git import find, identity_of, key_of, name_of
from bigcode_sources.intake import NEWEST, is_text
from bigcode_sources.people import accounts_of, is_bot, split_trailers

if TYPE_CHECKING:
    import pyarrow as pa

_FORMAT = "%H%n%P%n%at%n%an%n%ae%n%B"
_ID = re.compile(rb"[0-9a-f]{40}\n")
_DIFF = (
    "diff-tree", "--stdin", "-r", "-p", "--root", "--find-renames=50%", "-l1000", "--diff-algorithm=myers",
    "--indent-heuristic", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index", "--src-prefix=a/",
    "--dst-prefix=b/", "--submodule=short",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Commit:
    """What `git log` says of one commit; `accounts` are the e-mail addresses and logins of all who wrote it."""

    oid: str
    time: int
    message: str
    accounts: tuple[str, ...]


class CommitsCollector:
    """One unit a repository."""

    def __init__(self, config: CommitsConfig) -> None:
        self.config = config

    def units(self) -> Iterable[Unit]:
        """Sorted by host, owner, name and commit, which pins the history."""
        for found in sorted(self.config.repositories, key=key_of):
            said = self.config.model_dump(
                mode="json",
                by_alias=True,
                exclude={"repositories", "retries", "timeout", "pack_bytes", "root", "types"},
            )
            types = (found.types or self.config.types).model_dump(mode="json", by_alias=True)
            yield Unit(name_of(found), {**identity_of(found), **said, "types": types})

    def fetch(self, unit: Unit, ctx: FetchContext) -> pa.Table:
        """Path and revision are the commit, `released` is the time of authorship, the content is the message, an
        empty line and the diff to the parent with renames found; `authors` are author and co-authors.

        Merges, commits of machines, those outside the days asked for or over a size, and those without message, text
        or change are left out and counted.

        Raises:
            Problem: E708 when git is not installed.
        """
        from bigcode_sources.rows import records_of

        found = find(self.config.repositories, unit)
        types = FileTypes.model_validate(unit.identity["types"])
        source = f"{found.owner}/{found.name} at {found.commit[:12]}"
        rows = []
        with tempfile.TemporaryDirectory(dir=ctx.scratch) as folder:
            clone = Clone(source, Path(folder), self.config.timeout, self.config.pack_bytes)
            try:
                clone.fetch(found.url, self.config.root, found.commit, False, self.config.retries)
                asked = {commit.oid: commit for commit in self._log(clone, found.commit, ctx)}
                for oid, diff in _diffs(clone, asked, types, self.config.context, self.config.diff_bytes):
                    commit = asked.pop(oid)
                    content = commit.message.encode(errors="surrogateescape") + b"\n\n" + (diff or b"")
                    if diff is None:
                        ctx.omit("diff-too-large")
                    elif not is_text(content):
                        ctx.omit("binary")
                    else:
                        rows.append(
                            (
                                found.host,
                                found.owner,
                                found.name,
                                oid,
                                oid,
                                commit.time,
                                content,
                                [*commit.accounts],
                            )
                        )
            except CloneError as error:
                error.report(ctx)
                return records_of(())
        if asked:
            ctx.omit("no-change", len(asked))
        return records_of(rows)

    def _log(self, clone: Clone, tip: str, ctx: FetchContext) -> Iterator[Commit]:
        """The commits to take, newest first."""
        first, end = _day(self.config.since, 0), _day(self.config.until, 1)
        taken = 0
        with clone.stream("log", "-z", "--date-order", f"--format={_FORMAT}", tip) as output:
            for record in records_of(output):
                text = record.decode(errors="surrogateescape")
                oid, parents, time, name, mail, message = text.split("\n", 5)
                written = int(time) if time.lstrip("-").isdigit() else 0
                text, others = split_trailers(message)
                if len(parents.split()) > 1:
                    ctx.omit("merge")
                elif is_bot((name, mail), self.config.bots):
                    ctx.omit("bot")
                elif (first and written < first) or (end and written >= end):
                    ctx.omit("outside-dates")
                elif taken == self.config.count:
                    ctx.omit("over-count")
                elif not text.strip():
                    ctx.omit("no-message")
                elif len(text.encode(errors="surrogateescape")) > self.config.message_bytes:
                    ctx.omit("message-too-large")
                else:
                    taken += 1
                    people = [mail, *(m for n, m in others if not is_bot((n, m), self.config.bots))]
                    accounts = dict.fromkeys(_readable(a) for m in people for a in accounts_of(m))
                    yield Commit(oid, max(0, min(written, NEWEST)), text, tuple(accounts))


def _diffs(
    clone: Clone, asked: Mapping[str, Commit], types: FileTypes, context: int, most: int
) -> Iterator[tuple[str, bytes | None]]:
    """Diff by commit, None where it is longer than `most`; commits that change no file asked for are passed over."""
    words = (*_DIFF, f"-U{context}", "--", *_pathspecs(types))
    oid, size = "", 0
    parts: list[bytes] = []
    with clone.stream(*words, given="".join(f"{oid}\n" for oid in asked).encode()) as output:
        fresh = True
        while line := output.readline(2**16):
            # Within a diff each line begins with a mark or a word, so a bare id begins the next commit.
            if fresh and _ID.fullmatch(line):
                if oid:
                    yield oid, b"".join(parts) if size <= most else None
                oid, parts, size = line[:40].decode(), [], 0
            # How long git cuts these ids depends on what else the clone holds; the rows must not.
            elif not (fresh and line.startswith(b"index ")):
                size += len(line)
                if size <= most:
                    parts.append(line)
            fresh = line.endswith(b"\n")
    if oid:
        yield oid, b"".join(parts) if size <= most else None


def _pathspecs(types: FileTypes) -> Iterator[str]:
    for extension in types.extensions:
        yield f":(icase)*.{extension}"
    for name in types.names:
        yield from (name, f"*/{name}")
    for pattern in types.exclude:
        yield f":(exclude){pattern}"


def _day(day: str | None, later: int) -> int:
    if day is None:
        return 0
    return int((datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=later)).timestamp())


def _readable(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")
