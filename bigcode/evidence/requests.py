"""Requests as people send them, read into entries of an opt-out list.

Read are records of JSON, a line each or in one array:

- decisions as bigcode-project/opt-out-v2 keeps them: issue, author, optout_owners, optout_repos; and its tags:
  issue, tag;
- issues as a forge tells them: body, and the login of who wrote it; the body follows the old template, a list that
  may hold `all`, `Commits` and `GitHub issue` beside repositories, or the form with headings of 2026;
- entries and renames of a list, typed already.

What a record asks for in words goes to a person. Findings hold its number and a reason, never a name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bigcode.evidence.optout_list import SCOPES, Entry, Key, entry_key, misformed, misformed_rename

REASONS = {
    "not-json": "it is no JSON",
    "not-a-record": "it is no record of a known shape",
    "pull-request": "it is a pull request",
    "empty": "it names nothing",
    "no-author": "it does not say who asks, and asks for all that is theirs",
    "no-owner": "a name stands where a repository is asked for, without its owner",
    "free-text": "it asks in words that are no name",
    "notes": "it says more than it lists",
    "question": "it is tagged as a question",
    "form": "an entry of it has not the form of its scope",
    "scope": "it asks for a scope that the spec does not count",
    "withdrawn": "it asks for what was withdrawn since",
}
"""What is said of a record that was not accepted whole."""
_REFUSED = {"not-json", "not-a-record", "pull-request", "empty", "form"}

_ALL = {
    "all",
    "*",
    "everything",
    "all repositories",
    "all repos",
    "all my repositories",
    "all my repos",
    "all data",
}
_SCOPE_WORDS = {
    **dict.fromkeys(("commit", "commits", "all commits", "my commits"), "commit-author"),
    **dict.fromkeys(("github issue", "github issues", "issue", "issues", "all issues"), "issue-author"),
}
_PLACEHOLDERS = {"", "...", "…", "username", "username/repo_1", "username/repo_2", "_no response_"}
_TEMPLATE = "i request that the following data is removed"
_BULLET = re.compile(r"^(?:[-*+•]|\d+[.)])\s+")
_LINK = re.compile(r"^\[[^\]]*\]\(([^)\s]+)\)$")
_FORGE = re.compile(r"^(?:https?://)?(?:www\.)?github\.com/", re.IGNORECASE)
_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?-?")
_REPOSITORY = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)/([A-Za-z0-9_.-]+)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a record, by its number from one: it waits for a person, or it was refused."""

    record: int
    outcome: Literal["review", "refused"]
    reason: str


@dataclass(frozen=True, slots=True)
class Requests:
    """What was read. A record that waits for a person may have given entries already: what it lists plainly."""

    entries: Sequence[Entry]
    renames: Sequence[Mapping[str, str]]
    findings: Sequence[Finding]
    records: int

    def outcomes(self) -> dict[str, Any]:
        """Counts of records accepted, and by reason of those that wait or were refused."""
        counts = {
            outcome: Counter(f.reason for f in self.findings if f.outcome == outcome)
            for outcome in ("review", "refused")
        }
        met = {f.record for f in self.findings}
        return {
            "accepted": self.records - len(met),
            **{k: dict(sorted(v.items())) for k, v in counts.items()},
        }


def looks_like_records(text: str) -> bool:
    """Whether a file holds records of JSON rather than a name a line."""
    return text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def read_requests(
    text: str,
    *,
    host: str = "",
    since: str = "",
    scopes: Sequence[str] = SCOPES,
    withdrawn: Mapping[Key, str] | None = None,
) -> Requests:
    """Read records. A record that cannot be read is a finding and ends nothing.

    Args:
        host: of all names, where the record gives none.
        since: day of receipt, likewise.
        scopes: those that the spec counts.
        withdrawn: entries that were taken back, and when; only a later record asks for them anew.
    """
    records, taken = list(_records(text)), withdrawn or {}
    tags = {str(r["issue"]): r["tag"] for r in records if _is_tag(r)}
    entries: list[Entry] = []
    renames: list[Mapping[str, str]] = []
    findings: list[Finding] = []
    count = 0
    for number, record in enumerate(records, 1):
        if _is_tag(record):
            continue
        count += 1
        reading = _Reading(host, since)
        reading.read(record, tags)
        kept = []
        for entry in reading.entries:
            if misformed(entry):
                reading.reasons["form"] = None
            elif entry["scope"] not in scopes:
                reading.reasons["scope"] = None
            elif entry_key(entry) in taken and entry.get("since", "") <= taken[entry_key(entry)]:
                reading.reasons["withdrawn"] = None
            else:
                kept.append(entry)
        entries += kept
        renames += reading.renames
        if not kept and not reading.renames and not reading.reasons:
            reading.reasons["empty"] = None
        for reason in reading.reasons:
            outcome: Literal["review", "refused"] = "refused" if reason in _REFUSED else "review"
            findings.append(Finding(number, outcome, reason))
    return Requests(entries, renames, findings, count)


def _is_tag(record: Any) -> bool:
    return isinstance(record, dict) and set(record) == {"issue", "tag"}


def _records(text: str) -> Iterator[Any]:
    """Values of a JSON array, or of a line each; None for what is no JSON."""
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("["):
        try:
            yield from json.loads(text)
        except (ValueError, RecursionError):
            yield None
        return
    for line in text.split("\n"):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield None


@dataclass(slots=True)
class _Reading:
    """One record on its way: entries, and reasons for which a person has to look, in the order of their finding."""

    host: str
    since: str
    author: str = ""
    entries: list[dict[str, Any]] = field(default_factory=list)
    renames: list[Mapping[str, str]] = field(default_factory=list)
    reasons: dict[str, None] = field(default_factory=dict)

    def read(self, record: Any, tags: Mapping[str, Any]) -> None:
        if not isinstance(record, dict):
            self.reasons["not-json" if record is None else "not-a-record"] = None
            return
        self.author = _login(record)
        for name in ("since", "created_at", "date"):
            if isinstance(record.get(name), str) and _DAY.match(record[name]):
                self.since = record[name][:10]
                break
        issue = str(record.get("issue", record.get("number")))
        asked = "question" in (*_labels(record), tags.get(issue))
        if "scope" in record:
            self.entries.append(self._dated({"host": self.host, **record}))
        elif {"from", "to"} <= set(record):
            self._rename(record)
        elif "optout_owners" in record or "optout_repos" in record:
            for name, accounts in (("optout_owners", True), ("optout_repos", False)):
                items = record.get(name) or []
                for item in items if isinstance(items, list) else [items]:
                    self._item(str(item), accounts)
        elif record.get("pull_request"):
            self.reasons["pull-request"] = None
        elif isinstance(record.get("body"), str) or isinstance(record.get("title"), str):
            self._issue(record.get("body") or "")
        else:
            self.reasons["not-a-record"] = None
        if asked:
            self.reasons["question"] = None

    def _issue(self, body: str) -> None:
        sections = _sections(body)
        if sections:
            for title, lines in sections:
                if title.startswith(("accounts and organizations", "specific repositories")):
                    for line in lines:
                        self._line(line, accounts=title.startswith("accounts"))
                elif title.startswith("anything else") and any(
                    _clean(x).lower() not in _PLACEHOLDERS for x in lines
                ):
                    self.reasons["notes"] = None
            return
        start = body.lower().find(_TEMPLATE)
        if start < 0:
            self.reasons["free-text"] = None
            return
        for line in body[start:].splitlines()[1:]:
            self._line(line, accounts=False)

    def _line(self, line: str, accounts: bool) -> None:
        for item in re.split(r"[,;]", line):
            self._item(item, accounts)

    def _item(self, text: str, accounts: bool) -> None:
        """One thing that is asked for: a word for a scope, an owner or a repository."""
        item = _clean(text)
        bare = _FORGE.sub("", item).removeprefix("@").rstrip("/").removesuffix(".git")
        word = bare.lower()
        if word in _PLACEHOLDERS:
            return
        if word in _ALL or word in _SCOPE_WORDS:
            if self.author:
                self._add(_SCOPE_WORDS.get(word, "owner"), self.author, self.author)
            else:
                self.reasons["no-author"] = None
            return
        found = _REPOSITORY.fullmatch(bare)
        if found and found[2] not in (".", ".."):
            self._add("repository", bare, found[1])
        elif bare.endswith("/*") and _OWNER.fullmatch(bare[:-2]):
            self._add("owner", bare[:-2], bare[:-2])
        elif _OWNER.fullmatch(bare) and (accounts or word == self.author.lower()):
            self._add("owner", bare, bare)
        else:
            self.reasons["no-owner" if _OWNER.fullmatch(bare) else "free-text"] = None

    def _add(self, scope: str, value: str, owner: str) -> None:
        """What somebody asks for under the own account is proven by it; what lies under another is claimed."""
        level = int(bool(self.author) and owner.lower() == self.author.lower())
        self.entries.append(self._dated({"scope": scope, "value": value, "host": self.host, "level": level}))

    def _dated(self, entry: dict[str, Any]) -> dict[str, Any]:
        return {**entry, "since": self.since} if self.since and "since" not in entry else entry

    def _rename(self, record: dict[str, Any]) -> None:
        rename = {"host": self.host, **record}
        if misformed_rename(rename):
            self.reasons["form"] = None
        else:
            self.renames.append(rename)


def _login(record: Mapping[str, Any]) -> str:
    """Who wrote a record."""
    user = record.get("author", record.get("user"))
    user = user.get("login") if isinstance(user, dict) else user
    return user if isinstance(user, str) and _OWNER.fullmatch(user) else ""


def _labels(record: Mapping[str, Any]) -> set[str]:
    labels = record.get("labels")
    names = [x.get("name") if isinstance(x, dict) else x for x in labels] if isinstance(labels, list) else []
    return {name.lower() for name in names if isinstance(name, str)}


def _sections(body: str) -> list[tuple[str, list[str]]]:
    """Headings of the form, in lower case, with the lines below them; none in a body of another form."""
    found: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("###"):
            found.append((line.strip("# \t").lower(), []))
        elif found:
            found[-1][1].append(line)
    known = ("accounts and organizations", "specific repositories")
    return found if any(title.startswith(known) for title, _ in found) else []


def _clean(text: str) -> str:
    """An item without the bullet, the link and the quotes around it."""
    item = _BULLET.sub("", text.strip()).strip("`'\"<> \t")
    link = _LINK.match(item)
    return link[1] if link else item
