"""Sealed opt-out lists: salted, pinned in the spec, signed beside the list. Consent fails closed.

`optout_list` says what a list holds. Its digest is the pin; `<list>.sig` holds key and signature.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bigcode.api.canonical import digest
from bigcode.api.diagnostics import Diagnostic, Place, Problem, fail
from bigcode.api.resource import Resource
from bigcode.evidence.optout_list import entry_key, new_list, parse_list, render_list
from bigcode.evidence.signing import public_key, sign, verified
from bigcode.spec.text import parse_document, replace_scalar
from bigcode.spec.workspace import Workspace

__all__ = [
    "SealedList",
    "check_signature",
    "entry_key",
    "list_path",
    "message",
    "new_list",
    "open_list",
    "open_lists",
    "parse_list",
    "render_list",
    "replace_file",
    "seal_list",
    "signature_path",
    "with_pin",
]

_SIGNED = "bigcode-optout/1"
"""The form of what is signed; the form of the list is the list's own matter."""


@dataclass(frozen=True, slots=True)
class SealedList:
    """A list that matched its pin and a signature that counts."""

    address: str
    digest: str
    data: bytes


def list_path(workspace: Workspace, resource: Resource) -> Path:
    return workspace.root / str(resource.spec.source)


def message(pin: str) -> bytes:
    """What is signed: its form and the digest."""
    return f"{_SIGNED}\n{pin}\n".encode()


def seal_list(path: Path, key: Path) -> str:
    """Sign the list as it stands; returns the pin, `sha256:<hex>`."""
    pin = f"sha256:{digest(path.read_bytes())}"
    signature = {"key": public_key(key), "value": sign(key, message(pin)), "pin": pin}
    replace_file(signature_path(path), (json.dumps(signature, indent=1) + "\n").encode())
    return pin


def with_pin(path: Path, pin: str) -> bytes:
    """The bytes of a spec file with `pin` set and every other character as it is.

    Raises:
        Problem: E402 when the spec is written in a form that has no place for it.
    """
    data = path.read_bytes()
    mark, text = data[:3] if data[:3] == b"\xef\xbb\xbf" else b"", data.decode("utf-8-sig")
    document, _ = parse_document(text, str(path))
    assert document is not None, "the workspace was loaded from this file"
    if ("spec", "pin") in document.raws:
        text = replace_scalar(text, document, ("spec", "pin"), f'"{pin}"')
    else:
        source = document.keys["spec", "source"]
        lines = text.splitlines(keepends=True)
        ending = "\r\n" if lines[0].endswith("\r\n") else "\n"
        lines.insert(source.line - 1, f'{" " * (source.column - 1)}pin: "{pin}"{ending}')
        text = "".join(lines)
    again, found = parse_document(text, str(path))
    if (
        again is None
        or found
        or again.value != {**document.value, "spec": {**document.value["spec"], "pin": pin}}
    ):
        raise fail(
            "E402",
            "the pin cannot be written into the spec",
            Place(str(path)),
            f'Write `pin: "{pin}"` into it by hand.',
        )
    return mark + text.encode()


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
