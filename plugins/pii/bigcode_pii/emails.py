"""E-mail addresses, without those that belong to nobody."""

from __future__ import annotations

from collections.abc import Iterator

from bigcode_pii import words
from bigcode_pii.findings import Finding, latin

_CANDIDATE = latin(rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,250}\.[A-Za-z]{2,24}")

_ENDINGS = frozenset(words.ENDINGS.encode().split())
_FILE_ENDINGS = frozenset(words.FILE_ENDINGS.encode().split())
_RESERVED_ENDINGS = frozenset(words.RESERVED_ENDINGS.encode().split())
_NOBODY = frozenset(words.NOBODY.encode().split())
_LOGINS = frozenset(words.LOGINS.encode().split())
_LOCAL_PLACEHOLDERS = frozenset(words.LOCAL_PLACEHOLDERS.encode().split())
_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")


def find_emails(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """Addresses as of RFC 5321 in ASCII, with a known ending, between `start` and `end`.

    Left out: reserved and placeholder domains, `git@host:path` and other logins, user names in URLs, and code
    that only has the form of an address (`icon@2x.png`, `a@b.transpose(`).
    """
    if end is None and b"@" not in content:
        return
    for match in _CANDIDATE.finditer(content, start, end):
        finding = _check(content, *match.span())
        if finding is not None:
            yield finding


def _check(content: bytes, start: int, end: int) -> Finding | None:
    at = content.index(b"@", start)
    start = _trim_local(content, start, at)
    end = _trim_domain(content, at + 1, end)
    if start >= at or not end or _is_url(content, start):
        return None
    if _is_nobody(content[start:at], content[at + 1 : end]):
        return None
    sure = content[at + 1 : end].rpartition(b".")[2].lower() in _ENDINGS
    return Finding(start, end, "EMAIL", "email", 0.95 if sure else 0.85)


_SPELLED = latin(
    rb"(?i)\b([a-z0-9][a-z0-9._%+-]{1,63})[ \t]?[\[({<][ \t]?(?:at|@)[ \t]?[\])}>][ \t]?"
    rb"([a-z0-9-]{2,60}(?:(?:\.|[ \t]?[\[({<][ \t]?(?:dot|\.)[ \t]?[\])}>][ \t]?)[a-z0-9-]{2,60}){1,4})"
)
_DOT = latin(rb"(?i)[ \t]?[\[({<][ \t]?(?:dot|\.)[ \t]?[\])}>][ \t]?")


def find_spelled_emails(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """Addresses written as `name (at) host (dot) org`, with a known ending."""
    for match in _SPELLED.finditer(content, start, end):
        domain = _DOT.sub(b".", match.group(2))
        ending = domain.rpartition(b".")[2].lower()
        known = ending in _ENDINGS or (len(ending) == 2 and ending.isalpha() and ending not in _FILE_ENDINGS)
        if known and not _is_nobody(match.group(1), domain):
            yield Finding(*match.span(), "EMAIL", "spelled", 0.8)


def _trim_local(content: bytes, start: int, at: int) -> int:
    if start and content[start - 1] == 0x5C and content[start] in b"nrt":
        start += 1  # the letter belongs to an escape such as \n
    while start < at and content[start] in b".-%":
        start += 1
    return start


def _trim_domain(content: bytes, start: int, end: int) -> int:
    """Where the domain ends, or zero when it is none. A word glued to it by a full stop is cut off."""
    after = content[end : end + 2]
    if after and (
        after[0] in _WORD or after[0] in b"([@" or (after[0] == 0x2D and after[1:] and after[1] in _WORD)
    ):
        return 0
    labels = content[start:end].split(b".")
    while len(labels) >= 2:
        ending = labels[-1].lower()
        if ending in _ENDINGS or ending in _RESERVED_ENDINGS:
            break
        if len(ending) == 2 and ending not in _FILE_ENDINGS and not labels[-2].isdigit():
            break
        labels.pop()
    proper = len(labels) >= 2 and all(part and part[0] != 0x2D and part[-1] != 0x2D for part in labels)
    return start + len(b".".join(labels)) if proper else 0


def _is_url(content: bytes, start: int) -> bool:
    """Whether what stands before the sign is the user, or `user:password`, of a URL."""
    before = content[max(0, start - 100) : start]
    if before.endswith(b"://"):
        return True
    scheme = before.rfind(b"://")
    return scheme >= 0 and not any(byte in b" \t\r\n/\"'<>@" for byte in before[scheme + 3 :])


def _is_nobody(local: bytes, domain: bytes) -> bool:
    local, labels = local.lower(), domain.lower().split(b".")
    if labels[-1] in _RESERVED_ENDINGS or local in _LOGINS or local in _LOCAL_PLACEHOLDERS:
        return True
    # `example.co.uk` has its name in the third place from the end, `mail.example.com` in the second.
    name = (
        labels[-3]
        if len(labels) >= 3 and labels[-2] in (b"ac", b"co", b"com", b"org", b"net")
        else labels[-2]
    )
    return name in _NOBODY
