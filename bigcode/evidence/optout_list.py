"""The content of an opt-out list: its form, its canonical bytes, and how entries join and are taken back.

A list is JSON: format, salt, note, entries and renames. Its digest is the pin of a spec; the salt keeps the digest,
and the row ids made from it, from being guessed. An entry that stands in a list stays there: a wish that is taken
back is marked as withdrawn, so that the list keeps telling what was asked and when.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, get_args

from bigcode.api.diagnostics import Place, fail
from bigcode.spec.kinds.optout import Scope

FORMAT = "bigcode-optout/2"
OLD_FORMAT = "bigcode-optout/1"
"""Entries of scope, value, host and date alone; lists of this form are read, and become the new form when edited."""
SCOPES = get_args(Scope)
KINDS = ("wish", "tombstone", "opt-in")
LEVELS = range(6)
"""Claimed; account matches; challenge or signature; owner of the organisation; key of the author; counsel or mail."""
DEFAULT_LEVEL = 1

Entry = Mapping[str, Any]
Key = tuple[str, str, str, str]

_SALT = re.compile(r"(?:[0-9a-f]{2}){16,}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PURPOSE = re.compile(r"[a-z][a-z0-9-]*")
_ANYBODY = (re.compile(r"\S(?:.*\S)?"), "that the scope asks for")
_WHOLE_REPOSITORY = "Use `--scope repository` for a name with `/` in it."
_FORMS: dict[str, tuple[re.Pattern[str], str]] = {
    "owner": (re.compile(r"[^\s:/]+"), "OWNER"),
    "repository": (re.compile(r"[^\s:/][^\s:]*/[^\s:/]+"), "OWNER/REPOSITORY"),
    "path": (re.compile(r"[^\s:/][^\s:]*/[^\s:/]+:[^/](?:.*[^/])?"), "OWNER/REPOSITORY:PATH"),
    "blob": (re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}"), "of a SHA-1 or SHA-256 in hex"),
    "commit-author": _ANYBODY,
    "issue-author": _ANYBODY,
}
_FIELDS = {
    OLD_FORMAT: ("scope", "value", "host", "date"),
    FORMAT: ("scope", "value", "host", "level", "since", "kind", "purposes", "withdrawn"),
}


def new_list(note: str = "") -> dict[str, Any]:
    """An empty list with a fresh salt of 32 bytes."""
    return {"format": FORMAT, "salt": secrets.token_hex(32), "note": note, "entries": [], "renames": []}


def render_list(content: Mapping[str, Any]) -> bytes:
    """The bytes of a list: entries and renames sorted and without repetition, what is usual left out."""
    if content.get("format") == OLD_FORMAT:
        unique = {entry_key(entry): entry for entry in content["entries"]}
        return _lines({**content, "entries": [unique[key] for key in sorted(unique)]})
    entries: dict[Key, Entry] = {}
    for entry in content["entries"]:
        key = entry_key(entry)
        entries[key] = _joined(entries[key], entry) if key in entries else entry
    renames = {rename_key(rename): rename for rename in content.get("renames", ())}
    return _lines(
        {
            **content,
            "entries": [_written(entries[key]) for key in sorted(entries)],
            "renames": [renames[key] for key in sorted(renames)],
        }
    )


def upgrade_list(content: Mapping[str, Any]) -> dict[str, Any]:
    """A list in the new form; a date that an old entry gives is the day on which it was received."""
    if content["format"] == FORMAT:
        return {"renames": [], **content}
    entries = []
    for entry in content["entries"]:
        kept = {name: value for name, value in entry.items() if name != "date"}
        entries.append({**kept, "since": entry["date"]} if _is_day(entry.get("date")) else kept)
    return {**content, "format": FORMAT, "entries": entries, "renames": []}


def entry_key(entry: Entry) -> Key:
    """Scope, value and host in the case that they are compared in, and whether it is a grant: entries with one key
    are one wish."""
    grant = "opt-in" if entry.get("kind") == "opt-in" else ""
    return entry["scope"], entry["value"].lower(), entry.get("host", "").lower(), grant


def rename_key(rename: Mapping[str, str]) -> tuple[str, str, str]:
    return rename.get("host", "").lower(), rename["from"].lower(), rename["to"].lower()


def renew(content: dict[str, Any], keys: Iterable[Key]) -> dict[str, Any]:
    """The list in which withdrawn wishes that are asked for again stand as if never withdrawn."""
    wanted = set(keys)
    entries = [
        {name: value for name, value in entry.items() if name != "withdrawn"}
        if entry_key(entry) in wanted
        else entry
        for entry in content["entries"]
    ]
    return {**content, "entries": entries}


def withdraw(content: dict[str, Any], keys: Sequence[Key], day: str) -> dict[str, Any]:
    """The list in which wishes are marked as taken back on a day. Nothing is deleted.

    Raises:
        Problem: E404 where a position names no entry of the list, or a tombstone.
    """
    known = {entry_key(entry): entry for entry in content["entries"]}
    for number, key in enumerate(keys, 1):
        if key not in known:
            raise fail("E404", f"value {number} is no entry of the list", hint="Give its scope and its host.")
        if known[key].get("kind") == "tombstone":
            raise fail(
                "E404", f"value {number} is a tombstone: what it names stays out", hint="Leave it there."
            )
    entries = [
        {**entry, "withdrawn": day} if entry_key(entry) in keys and not entry.get("withdrawn") else entry
        for entry in content["entries"]
    ]
    return {**content, "entries": entries}


def parse_list(data: bytes, place: Place, scopes: Sequence[str] = SCOPES) -> dict[str, Any]:
    """Check the form of a list. Messages name positions, never entries.

    Args:
        scopes: those that the spec counts; an entry of another one would be passed over.

    Raises:
        Problem: E404.
    """
    hint = "Edit lists with `bigcode optout add` and `bigcode optout import`."
    try:
        content = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise fail("E404", "the opt-out list is not JSON", place, hint) from error
    if not isinstance(content, dict) or content.get("format") not in (FORMAT, OLD_FORMAT):
        raise fail("E404", f"the opt-out list does not say format {FORMAT}", place, hint)
    salt = content.get("salt")
    if not isinstance(salt, str) or not _SALT.fullmatch(salt):
        raise fail("E404", "the opt-out list has no salt", place, hint)
    entries = content.get("entries")
    if not isinstance(entries, list):
        raise fail("E404", "the opt-out list has no entries", place, hint)
    for number, entry in enumerate(entries, 1):
        reason = misformed(entry, content["format"])
        if reason:
            wrong = _WHOLE_REPOSITORY if _is_repository(entry) else hint
            raise fail("E404", f"entry {number} of the opt-out list {reason}", place, wrong)
        if entry["scope"] not in scopes:
            raise fail(
                "E404",
                f"entry {number} of the opt-out list has a scope that the spec does not count",
                place,
                f"Add `{entry['scope']}` to `scopes` of the OptOutSnapshot.",
            )
    renames = content.get("renames", []) if content["format"] == FORMAT else []
    if not isinstance(renames, list):
        raise fail("E404", "the renames of the opt-out list are no list", place, hint)
    for number, rename in enumerate(renames, 1):
        reason = misformed_rename(rename)
        if reason:
            raise fail("E404", f"rename {number} of the opt-out list {reason}", place, hint)
    return content


def misformed(entry: Any, form: str = FORMAT) -> str:
    """Why an entry can name nothing; an entry that is passed over in silence is a wish that is not honoured."""
    fields = _FIELDS[form]
    if not isinstance(entry, dict) or not set(entry) <= set(fields):
        return f"has fields other than {', '.join(fields[:-1])} and {fields[-1]}"
    level, purposes = entry.get("level", DEFAULT_LEVEL), entry.get("purposes", ["train"])
    texts = [value for name, value in entry.items() if name not in ("level", "purposes")]
    if not all(isinstance(value, str) for value in texts):
        return "holds something that is not text"
    known = _FORMS.get(entry.get("scope", ""))
    if known is None:
        return f"has no known scope ({', '.join(SCOPES)})"
    if not known[0].fullmatch(entry.get("value", "")):
        return f"has no value of the form {known[1]}"
    if not isinstance(level, int) or isinstance(level, bool) or level not in LEVELS:
        return f"has no level from {LEVELS[0]} to {LEVELS[-1]}"
    if entry.get("kind", "wish") not in KINDS:
        return f"has no known kind ({', '.join(KINDS)})"
    if (
        not isinstance(purposes, list)
        or not purposes
        or not all(_is_purpose(purpose) for purpose in purposes)
    ):
        return "has purposes that are no list of words"
    if not all(_is_day(entry[name]) for name in ("since", "withdrawn") if name in entry):
        return "has a date that is no day of the calendar"
    return ""


def misformed_rename(rename: Any) -> str:
    """Why a rename says nothing."""
    if not isinstance(rename, dict) or not {"from", "to"} <= set(rename) <= {"host", "from", "to"}:
        return "has fields other than host, from and to"
    if not all(isinstance(value, str) for value in rename.values()):
        return "holds something that is not text"
    for scope in ("owner", "repository"):
        if all(_FORMS[scope][0].fullmatch(rename[end]) for end in ("from", "to")):
            return ""
    return "does not join two owners, or two of the form OWNER/REPOSITORY"


def _is_purpose(value: Any) -> bool:
    return isinstance(value, str) and _PURPOSE.fullmatch(value) is not None


def _is_day(value: Any) -> bool:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_repository(entry: Any) -> bool:
    """Whether an entry names a repository as an owner; owners hold no `/`, so it would name nobody."""
    if not isinstance(entry, dict) or entry.get("scope") != "owner":
        return False
    value = entry.get("value")
    return isinstance(value, str) and _FORMS["repository"][0].fullmatch(value) is not None


def _joined(one: Entry, other: Entry) -> dict[str, Any]:
    """Two entries of one key: the better proof, the earlier day, the wider purpose; withdrawn only if both are."""
    joined = {**one, "level": max(one.get("level", DEFAULT_LEVEL), other.get("level", DEFAULT_LEVEL))}
    days = [entry["since"] for entry in (one, other) if "since" in entry]
    joined |= {"since": min(days)} if days else {}
    if "tombstone" in (one.get("kind"), other.get("kind")):
        joined["kind"] = "tombstone"
    for name in ("purposes", "withdrawn"):
        joined.pop(name, None)
    if "purposes" in one and "purposes" in other:
        joined["purposes"] = [*one["purposes"], *other["purposes"]]
    if "withdrawn" in one and "withdrawn" in other:
        joined["withdrawn"] = max(one["withdrawn"], other["withdrawn"])
    return joined


def _written(entry: Entry) -> dict[str, Any]:
    """An entry with its fields in one order; level 1 and a wish go without saying."""
    written = {"scope": entry["scope"], "value": entry["value"], "host": entry.get("host", "")}
    if entry.get("level", DEFAULT_LEVEL) != DEFAULT_LEVEL:
        written["level"] = entry["level"]
    if "since" in entry:
        written["since"] = entry["since"]
    if entry.get("kind", "wish") != "wish":
        written["kind"] = entry["kind"]
    if "purposes" in entry:
        written["purposes"] = sorted(set(entry["purposes"]))
    if "withdrawn" in entry:
        written["withdrawn"] = entry["withdrawn"]
    return written


def _lines(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys differ; of two values for one key one would be lost in silence."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
