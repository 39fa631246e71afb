"""What a collector may hand on: paths that stay below a root and text in UTF-8, within limits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bigcode.api import Diagnostic, FetchContext, Problem
from bigcode_sources.config import Limits

Kind = Literal["file", "folder", "refused", "passed"]
POINTER = b"version https://git-lfs.github.com/spec/v1\n"
POINTER_BYTES = 1024
"""A pointer of Git LFS is shorter than this, as its specification says."""

NEWEST = 253_402_300_799
"""The last second of the year 9999: later times are forged or broken, and overflow what reads them."""
LONGEST_NAME = 4096
SHOWN_REFUSALS = 100

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_DRIVE = re.compile(r"[A-Za-z]:")


class TooLarge(Problem):
    """A source over its limits."""


def too_large(message: str, hint: str = "") -> TooLarge:
    """E705, told apart from a source that is merely broken."""
    return TooLarge(Diagnostic("E705", message, hint=hint))


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive or a tree. `size` in bytes and `time` in seconds since the epoch are what the source
    says; `content` is None where it was not read; `refusal` says why a member of kind `refused` or `passed` is left
    out: the first is named to the user, the second, which nobody asked for, is counted alone."""

    name: str
    kind: Kind
    size: int = 0
    time: int = 0
    content: bytes | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Files by path, the newest time among all files of the source, and warnings on what was left out."""

    files: Mapping[str, bytes]
    newest: int = 0
    warnings: tuple[Diagnostic, ...] = ()
    omitted: Mapping[str, int] = field(default_factory=dict)
    """How many files were left out, by reason."""

    def report(self, ctx: FetchContext) -> None:
        """Hand on the warnings and the counts."""
        for warning in self.warnings:
            ctx.warn(warning)
        for reason, count in sorted(self.omitted.items()):
            ctx.omit(reason, count)


@dataclass(slots=True)
class Omissions:
    """What one source leaves out, gathered into a few warnings."""

    source: str
    file_bytes: int
    refused: list[tuple[str, str]] = field(default_factory=list)
    large: int = 0
    unreadable: int = 0
    pointers: int = 0
    other: dict[str, int] = field(default_factory=dict)
    """What else is left out, by reason; counted without a warning."""

    def refuse(self, name: str, says: str, reason: str = "unsafe-path") -> None:
        """Leave out one member, which is named to the user; `reason` is what it is counted by."""
        self.refused.append((name, says))
        self.count(reason)

    def count(self, reason: str, count: int = 1) -> None:
        """Leave out what needs no name."""
        self.other[reason] = self.other.get(reason, 0) + count

    def takes(self, content: bytes, pointers: bool = True) -> bool:
        """Whether the content is small enough and text; counts it when it is not. Without `pointers`, text that
        Git LFS keeps in place of a file does not count as text."""
        if len(content) > self.file_bytes:
            self.large += 1
            return False
        if not is_text(content):
            self.unreadable += 1
            return False
        if not pointers and len(content) < POINTER_BYTES and content.startswith(POINTER):
            self.pointers += 1
            return False
        return True

    def report(self, ctx: FetchContext) -> None:
        """Warn of what a person should know, and count all that is left out by reason."""
        Accepted({}, 0, self.warnings(), self.counts()).report(ctx)

    def counts(self) -> dict[str, int]:
        """How many files are left out, by reason."""
        named = {"too-large": self.large, "binary": self.unreadable, "lfs-pointer": self.pointers}
        return {reason: count for reason, count in {**named, **self.other}.items() if count}

    def warnings(self) -> tuple[Diagnostic, ...]:
        """One warning for each refused member up to a hundred, then one for each other reason."""
        found = [
            _warning("E704", f"{self.source}: refused `{show(name)}`: {reason}")
            for name, reason in self.refused[:SHOWN_REFUSALS]
        ]
        more = len(self.refused) - len(found)
        if more > 0:
            found.append(_warning("E704", f"{self.source}: refused {more} more members"))
        if self.large:
            found.append(
                _warning("E704", f"{self.source}: left out {_files(self.large)} over {self.file_bytes} bytes")
            )
        if self.unreadable:
            found.append(
                _warning(
                    "E706", f"{self.source}: left out {_files(self.unreadable)} not readable as UTF-8 text"
                )
            )
        return tuple(found)


def clean_path(name: str) -> str:
    """The path below the root that a member's name stands for: parts joined by `/`, none of them `.`, `..` or empty.

    Raises:
        ValueError: with the reason, when the name leaves the root or is no portable UTF-8 name.
    """
    if len(name) > LONGEST_NAME:
        raise ValueError("its name is too long")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError("its name is not UTF-8") from None
    # A backslash is a separator on other systems, where the same name could leave the root.
    if _CONTROL.search(name):
        raise ValueError("its name holds a control character or a backslash")
    if name.startswith("/") or _DRIVE.match(name):
        raise ValueError("its path is absolute")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ValueError("its path leaves the source")
    if not parts:
        raise ValueError("its name is empty")
    return "/".join(parts)


def is_text(content: bytes) -> bool:
    """UTF-8 without NUL."""
    if b"\0" in content:
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def show(name: str) -> str:
    """A name from outside, fit for a terminal: escaped where it is not printable, and cut short."""
    text = name if name.isprintable() else repr(name)[1:-1]
    return text if len(text) <= 200 else f"{text[:200]}..."


_REASONS = {"a symbolic link": "symlink", "a hard link": "hard-link", "a submodule": "submodule"}


def accept(source: str, members: Iterable[Member], limits: Limits, pointers: bool = True) -> Accepted:
    """Take the members that are plain text files with safe names; the first of two with one path is taken.
    Without `pointers`, those of Git LFS are left out.

    Members are drawn one at a time and the draw ends at the first limit passed, so a lazy reader never
    reads further than that.

    Raises:
        Problem: E705 when there are more members or bytes than the limits allow.
    """
    files: dict[str, bytes] = {}
    paths: set[str] = set()
    omissions = Omissions(source, limits.file_bytes)
    count = total = newest = 0
    for member in members:
        count += 1
        total += member.size
        if count > limits.files:
            raise _over(source, f"it holds more than {limits.files} members", "files")
        if total > limits.bytes:
            raise _over(source, f"it unpacks to more than {limits.bytes} bytes", "bytes")
        try:
            path = clean_path(member.name)
        except ValueError as reason:
            # The root of an archive, written `./`, is a folder without a name.
            if member.kind != "folder" or member.name.strip("./"):
                omissions.refuse(member.name, str(reason))
            continue
        if member.kind == "folder":
            continue
        if member.kind == "passed":
            omissions.count(member.refusal)
            continue
        if member.kind == "refused":
            omissions.refuse(member.name, member.refusal, _REASONS.get(member.refusal, "not-a-file"))
            continue
        if path in paths:
            omissions.refuse(member.name, "an earlier member has this path", "repeated-path")
            continue
        paths.add(path)
        newest = max(newest, min(member.time, NEWEST))
        if member.content is None:
            omissions.large += 1
        elif omissions.takes(member.content, pointers):
            files[path] = member.content
    return Accepted(files, newest, omissions.warnings(), omissions.counts())


def _over(source: str, reason: str, limit: str) -> Exception:
    return too_large(f"{source}: {reason}", f"Raise `limits.{limit}` if the source is what it should be.")


def _warning(code: str, message: str) -> Diagnostic:
    return Diagnostic(code, message, severity="warning")


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
