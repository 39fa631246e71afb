"""Sealed opt-out lists: salted, pinned in the spec, signed beside the list. Consent fails closed.

The list is JSON: format, salt, note and entries of scope, value, host and date. Its digest is the pin; the salt
keeps the digest, and the row ids made from it, from being guessed. `<list>.sig` holds key and signature.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from bigcode.api.canonical import digest
from bigcode.api.diagnostics import Diagnostic, Place, Problem, fail
from bigcode.api.resource import Resource
from bigcode.evidence.signing import public_key, sign, verified
from bigcode.spec.kinds.optout import Scope
from bigcode.spec.workspace import Workspace

FORMAT = "bigcode-optout/1"
SCOPES = get_args(Scope)
_SALT = re.compile(r"(?:[0-9a-f]{2}){16,}")
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


@dataclass(frozen=True, slots=True)
class SealedList:
    """A list that matched its pin and a signature that counts."""

    address: str
    digest: str
    data: bytes


def new_list(note: str = "") -> dict[str, Any]:
    """An empty list with a fresh salt of 32 bytes."""
    return {"format": FORMAT, "salt": secrets.token_hex(32), "note": note, "entries": []}


def render_list(content: dict[str, Any]) -> bytes:
    """The bytes of a list, entries sorted and without repetition."""
    unique = {entry_key(e): e for e in content["entries"]}
    return (json.dumps({**content, "entries": [unique[k] for k in sorted(unique)]}, indent=1) + "\n").encode()


def entry_key(entry: Mapping[str, str]) -> tuple[str, str, str]:
    """Scope, value and host in the case that they are compared in; entries with one key are one wish."""
    return entry["scope"], entry["value"].lower(), entry.get("host", "").lower()


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
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise fail("E404", f"the opt-out list does not say format {FORMAT}", place, hint)
    salt = content.get("salt")
    if not isinstance(salt, str) or not _SALT.fullmatch(salt):
        raise fail("E404", "the opt-out list has no salt", place, hint)
    entries = content.get("entries")
    if not isinstance(entries, list):
        raise fail("E404", "the opt-out list has no entries", place, hint)
    for number, entry in enumerate(entries, 1):
        reason = _misformed(entry)
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
    return content


def _is_repository(entry: Any) -> bool:
    """Whether an entry names a repository as an owner; owners hold no `/`, so it would name nobody."""
    if (
        not isinstance(entry, dict)
        or entry.get("scope") != "owner"
        or not isinstance(entry.get("value"), str)
    ):
        return False
    return _FORMS["repository"][0].fullmatch(entry["value"]) is not None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys differ; of two values for one key one would be lost in silence."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _misformed(entry: Any) -> str:
    """Why an entry can name nothing; an entry that is passed over in silence is a wish that is not honoured."""
    if not isinstance(entry, dict) or not set(entry) <= {"scope", "value", "host", "date"}:
        return "has fields other than scope, value, host and date"
    if not all(isinstance(value, str) for value in entry.values()):
        return "holds something that is not text"
    form = _FORMS.get(entry.get("scope", ""))
    if form is None:
        return f"has no known scope ({', '.join(SCOPES)})"
    if not form[0].fullmatch(entry.get("value", "")):
        return f"has no value of the form {form[1]}"
    return ""


def list_path(workspace: Workspace, resource: Resource) -> Path:
    return workspace.root / str(resource.spec.source)


def message(pin: str) -> bytes:
    """What is signed: the format and the digest."""
    return f"{FORMAT}\n{pin}\n".encode()


def seal_list(path: Path, key: Path) -> str:
    """Sign the list as it stands; returns the pin, `sha256:<hex>`."""
    pin = f"sha256:{digest(path.read_bytes())}"
    signature = {"key": public_key(key), "value": sign(key, message(pin)), "pin": pin}
    replace_file(signature_path(path), (json.dumps(signature, indent=1) + "\n").encode())
    return pin


def replace_file(path: Path, data: bytes) -> None:
    """Write beside the place and rename, so that a crash leaves the old file or the new one."""
    staged = path.with_name(f".{path.name}.staged")
    with staged.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    if path.exists():
        staged.chmod(path.stat().st_mode)
    staged.replace(path)


def signature_path(path: Path) -> Path:
    return path.with_name(path.name + ".sig")


def open_lists(workspace: Workspace, trusted: Sequence[str]) -> list[SealedList]:
    """All opt-out lists of a workspace, verified. Nothing has been written when this raises.

    Args:
        trusted: public keys that count where a snapshot names no signers.

    Raises:
        Problem: E401 missing, E402 unsigned, E403 altered, E404 malformed, E109 unreadable; all at once.
    """
    found: list[SealedList] = []
    problems: list[Diagnostic] = []
    for address, resource in workspace.resources.items():
        if resource.kind == "OptOutSnapshot":
            try:
                found.append(open_list(workspace, address, resource, trusted))
            except Problem as problem:
                problems += problem.diagnostics
    if problems:
        raise Problem(*problems)
    return found


def open_list(workspace: Workspace, address: str, resource: Resource, trusted: Sequence[str]) -> SealedList:
    """The list of one snapshot, verified.

    Raises:
        Problem: as `open_lists`.
    """
    place = workspace.place(address, "spec", "source")
    path = list_path(workspace, resource)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise fail(
            "E401",
            f"the opt-out list `{resource.spec.source}` is not there",
            place,
            "Put the list beside the spec; nothing is built without it.",
        ) from error
    except OSError as error:
        raise fail(
            "E401",
            f"the opt-out list `{resource.spec.source}` cannot be read: {error.strerror}",
            place,
            "Restore the list file; nothing is built without it.",
        ) from error
    pin = f"sha256:{digest(data)}"
    if not resource.spec.pin:
        raise fail("E402", f"{address} is not pinned", place, "Run `bigcode optout seal` and review the pin.")
    if pin != resource.spec.pin:
        raise fail(
            "E403",
            "the opt-out list does not match the pin of the spec",
            workspace.place(address, "spec", "pin"),
            "Restore the list, or seal it again and have the new pin reviewed.",
        )
    parse_list(data, place, resource.spec.scopes)
    check_signature(path, pin, resource.spec.signers or trusted, place)
    return SealedList(address, digest(data), data)


def check_signature(path: Path, pin: str, signers: Sequence[str], place: Place | None = None) -> None:
    """Whether the file beside a list signs its pin with one of the keys that count.

    Raises:
        Problem: E402 missing, unreadable or of another key; E403 of another list.
    """
    try:
        signature = json.loads(signature_path(path).read_bytes())
        key, value = str(signature["key"]), str(signature["value"])
    except FileNotFoundError as error:
        raise fail(
            "E402", "the opt-out list has no signature", place, "Run `bigcode optout seal`."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise fail(
            "E402", "the signature of the opt-out list cannot be read", place, "Run `bigcode optout seal`."
        ) from error
    if not verified(key, value, message(pin)):
        raise fail(
            "E403",
            "the signature is not of this list",
            place,
            "Run `bigcode optout seal` if the list is right.",
        )
    if key not in signers:
        raise fail(
            "E402",
            "the opt-out list is signed with a key that does not count",
            place,
            "Name the key in `signers`, or sign with the key of this store.",
        )
