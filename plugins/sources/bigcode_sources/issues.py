"""`sources.gharchive-issues`: what people write in issues and comments, from public events."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bigcode.api import FetchContext, Problem, Unit
from bigcode_sources.config_events import IssuesConfig
from bigcode_sources.events import Fold, is_id, read_window, report_failure, seconds_of, split_name, window_of
from bigcode_sources.intake import is_text
from bigcode_sources.people import hide_mentions, is_bot

if TYPE_CHECKING:
    import pyarrow as pa

Version = dict[str, Any]
"""One version of a message: `time` it was last changed, `made` when written, `login`, `machine`, `text`, `gone`."""
_OF_PULLS = ("PullRequestEvent", "PullRequestReviewEvent", "PullRequestReviewCommentEvent")


class IssuesCollector:
    """One unit for the window: the last version of a message in it counts."""

    def __init__(self, config: IssuesConfig) -> None:
        self.config = config

    def units(self) -> Iterable[Unit]:
        """The window, known by the digests of its archives.

        Raises:
            Problem: E708 when an unpinned archive cannot be read.
        """
        said = self.config.model_dump(mode="json", by_alias=True, exclude={"archives", "root"})
        yield Unit("messages", {"archives": list(window_of(self.config)), **said})

    def fetch(self, unit: Unit, ctx: FetchContext) -> pa.Table:
        """A row for each message: the repository under its last name, its id as revision, the path
        `issues/NUMBER` or `issues/NUMBER/comments/ID`; `authors` is the login, which is nowhere else in the row.

        Raises:
            Problem: E702 when an archive does not have its digest.
        """
        from bigcode_sources.rows import RECORDS, batches_of, records_of

        with tempfile.TemporaryDirectory(dir=ctx.scratch) as folder:
            fold: Fold[Version] = Fold(newer, Path(folder))
            names: dict[int, tuple[int, str]] = {}
            try:
                for event in read_window(self.config, unit, ctx):
                    if event.get("type") in _OF_PULLS:
                        ctx.omit("pull-request")
                        continue
                    self._take(event, fold, names, ctx)
            except Problem as problem:
                report_failure(problem, ctx)
                return records_of(())
            return batches_of(self._rows(fold, names, ctx), RECORDS)

    def _take(
        self, event: dict[str, Any], fold: Fold[Version], names: dict[int, tuple[int, str]], ctx: FetchContext
    ) -> None:
        if event.get("type") not in ("IssuesEvent", "IssueCommentEvent"):
            return
        repo, payload = event.get("repo"), event.get("payload")
        issue = payload.get("issue") if isinstance(payload, dict) else None
        if not isinstance(repo, dict) or not isinstance(issue, dict) or not isinstance(payload, dict):
            ctx.omit("broken-event")
            return
        repository: Any = repo.get("id")
        number, time = issue.get("number"), seconds_of(event.get("created_at"))
        if not (is_id(repository) and is_id(number) and split_name(repo.get("name"))):
            ctx.omit("broken-event")
            return
        if issue.get("pull_request") or "/pull/" in str(issue.get("html_url", "")):
            ctx.omit("pull-request")
            return
        names[repository] = max(names.get(repository, (0, "")), (time, repo["name"]))
        action, of_issue = payload.get("action"), event["type"] == "IssuesEvent"
        # Of a message that is too long, no more is held than tells so.
        most = 4 * self.config.longest + 2**12
        title = _text(issue.get("title"))
        gone = of_issue and action == "deleted"
        fold.add(f"{repository:020d}/{number:012d}/", _version(issue, time, title, gone, most))
        comment = payload.get("comment")
        if not of_issue and isinstance(comment, dict) and is_id(comment.get("id")):
            key = f"{repository:020d}/{number:012d}/{comment['id']:020d}"
            fold.add(key, _version(comment, time, "", action == "deleted", most))

    def _rows(
        self, fold: Fold[Version], names: dict[int, tuple[int, str]], ctx: FetchContext
    ) -> Iterator[tuple[Any, ...]]:
        for key, version in fold.items():
            repository, number, comment = key.split("/")
            text = version["text"] if self.config.mentions else hide_mentions(version["text"])
            content = text.encode(errors="surrogatepass")
            reason = self._reason(version, text, content)
            if reason:
                ctx.omit(reason)
                continue
            path = f"issues/{int(number)}" + (f"/comments/{int(comment)}" if comment else "")
            owner, _, name = names[int(repository)][1].partition("/")
            authors = [version["login"]] if version["login"] else []
            yield ("github.com", owner, name, str(int(repository)), path, version["made"], content, authors)

    def _reason(self, version: Version, text: str, content: bytes) -> str:
        if version["gone"]:
            return "deleted"
        if version["machine"] or is_bot([version["login"]], self.config.bots):
            return "bot"
        if not version["body"]:
            return "empty"
        if len(text) < self.config.shortest:
            return "too-short"
        if len(text) > self.config.longest:
            return "too-large"
        return "" if is_text(content) else "binary"


def newer(a: Version, b: Version) -> Version:
    """The later of two versions; a deletion is later than all that is as late."""
    return max(a, b, key=lambda v: (v["time"], v["gone"], json.dumps(v, sort_keys=True)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _version(message: dict[str, Any], time: int, title: str, gone: bool, most: int) -> Version:
    user = message.get("user")
    user = user if isinstance(user, dict) else {}
    login = user.get("login")
    body = _text(message.get("body")).replace("\r\n", "\n").strip()
    text = f"{title.strip()}\n\n{body}" if title.strip() else body
    return {
        "time": time if gone else seconds_of(message.get("updated_at")) or time,
        "made": seconds_of(message.get("created_at")) or time,
        "login": login if isinstance(login, str) and login.isprintable() else "",
        "machine": user.get("type") == "Bot",
        "body": bool(body),
        "text": text[:most],
        "gone": gone,
    }
