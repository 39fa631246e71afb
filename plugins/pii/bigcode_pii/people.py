"""Names and user names of people, where the text around them says that they are such."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from bigcode_pii import words
from bigcode_pii.findings import Finding, latin

_NOT_PEOPLE = frozenset(words.NOT_PEOPLE.split())
_NOBODY_NAMED = frozenset(words.NOBODY_NAMED.split())
_SHARED = frozenset(words.SHARED_ACCOUNTS.encode().split())
_NO_ACCOUNTS = frozenset(words.NO_ACCOUNTS.encode().split())

# These patterns read UTF-8, so that names in any script with capital letters are found.
_WORD = rb"\p{Lu}(?:[\p{L}\p{M}]|['\x{2019}-]\p{L})*"
_NAME = (
    rb"(" + _WORD + rb"(?:[ \t]+(?:v[ao]n|de[rlns]?|d[aiou]s?|la|le|[ae]l|bin|ibn|ter|ten|y|zu))*"
    rb"(?:\.?[ \t]+" + _WORD + rb"){1,3})"
)
_AFTER = rb"(?:[^\p{L}\p{N}_(]|$)"
_ROLE = re2.compile(
    rb"(?:[@\\](?i:authors?)|__author__|\b(?i:authors?|maintainers?|contact)\b|"
    rb"\b(?i:created|written|coded|implemented|contributed|ported|maintained|developed|designed|modified) (?i:by)\b|"
    rb"\b(?i:signed-off|co-authored|co-developed|reviewed|tested|reported|acked|suggested|helped)-(?i:by)\b)"
    rb"[\"'`\])]{0,2}[ \t]*(?:=>|:=|[:=(])?[ \t]*[\"'`\[(]{0,3}(?i:by[ \t]+)?" + _NAME + _AFTER
)
_MAILBOX = re2.compile(_NAME + rb"[\"']?[ \t]*<[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,250}>")
_COPYRIGHT = re2.compile(
    rb"(?i:copyright|\(c\)|\x{a9})[ \t:]*(?i:\(c\)|\x{a9})?[ \t]*(?:[0-9]{4}[0-9 \t,\x{2013}-]*(?i:present)?[ \t,]*)?"
    rb"(?i:by[ \t]+)?" + _NAME + _AFTER
)
_NEXT = re2.compile(
    rb"^[\"']?(?:[ \t]*<[^>\n]{3,80}>)?[\"']?(?:,?[ \t]+(?:and|&)[ \t]+|,[ \t]*[\"']?)" + _NAME + _AFTER
)
_MOST_IN_LIST = 20


def find_roles(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """People after `@author`, `Author:`, `created by`, `Signed-off-by:` and the like, and who follows after a comma
    or `and`. Two to four words, of which none belongs to the name of an organisation."""
    for match in _ROLE.finditer(content, start, end):
        yield from _listed(content, match.start(1), match.end(1), "role", 0.85)


def find_mailboxes(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """Names in front of an address in angle brackets, as in RFC 5322."""
    for match in _MAILBOX.finditer(content, start, end):
        if _is_person(match.group(1)):
            yield Finding(*match.span(1), "NAME", "mailbox", 0.9)


def find_holders(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """People who are named in copyright lines."""
    for match in _COPYRIGHT.finditer(content, start, end):
        yield from _listed(content, match.start(1), match.end(1), "copyright", 0.8)


def _listed(content: bytes, start: int, end: int, kind: str, score: float) -> Iterator[Finding]:
    for _ in range(_MOST_IN_LIST):
        if not _is_person(content[start:end]):
            return
        yield Finding(start, end, "NAME", kind, score)
        stop = content.find(b"\n", end, end + 256)
        following = _NEXT.search(content[end : stop if stop >= 0 else end + 256])
        if following is None:
            return
        start, end = end + following.start(1), end + following.end(1)


def _is_person(name: bytes) -> bool:
    parts = name.decode(errors="replace").replace(".", " ").lower().split()
    if any(part in _NOT_PEOPLE for part in parts) or "-".join(parts) in _NOBODY_NAMED:
        return False
    return sum(len(part) > 1 for part in parts) >= 2 and not name.isupper()


_ACCOUNT_NAME = rb"([A-Za-z0-9](?:[A-Za-z0-9_.-]{0,37}[A-Za-z0-9])?)"
_HOME = latin(
    rb"(?:(?:^|[^A-Za-z0-9_.}/-]|file://)(?:/home/|/Users/|/export/home/)|\b[A-Za-z]:(?:\\{1,2}|/)(?i:users|"
    rb"documents and settings)(?:\\{1,2}|/)|[^A-Za-z0-9]/(?:mnt/)?[a-z]/Users/)"
    + _ACCOUNT_NAME + rb"(?:/[A-Za-z0-9_.~-]|\\{1,2}[A-Za-z0-9_.~-]|[\\\"'`\s:;,)\]>]|$)"
)  # fmt: skip
_ACCOUNT = latin(
    rb"(?i)\b(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|gist\.github\.com|twitter\.com|keybase\.io|dev\.to|"
    rb"linkedin\.com/in|launchpad\.net/~|sr\.ht/~|stackoverflow\.com/users/[0-9]+|pypi\.org/user|npmjs\.com/~|"
    rb"hub\.docker\.com/u|kaggle\.com|github\.com/sponsors|patreon\.com)/?@?" + _ACCOUNT_NAME
    + rb"/?(?:[^A-Za-z0-9_/.~%?#:@-]|[.:?][\s\"'<)\]]|[.]?$)"
)  # fmt: skip
_MENTION = latin(
    rb"(?i)(?:\b(?:thanks?(?: you)?(?:,? to)?|credits?(?: to| goes to)?|kudos to|cc|by|via|ping|courtesy of|"
    rb"(?:reviewed|reported|suggested|contributed|fixed|added|requested) by)[:,]?[ \t]\[?|\[)@"
    + _ACCOUNT_NAME + rb"(?:[^A-Za-z0-9_/.(=@-]|\.[^A-Za-z0-9_]|$)"
)  # fmt: skip
_TASK = latin(rb"\b(?:TODO|FIXME|XXX|HACK|BUG)\(@?([a-z][a-z0-9_.-]{2,30})\)(?:[:\s]|$)")
_NO_TASK = frozenset(
    b"issue later next now never none perf docs doc tests all release build upstream api security".split()
)


def find_homes(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """Accounts in paths of home folders: `/home/NAME/...`, `/Users/NAME`, `C:\\Users\\NAME`."""
    for match in _HOME.finditer(content, start, end):
        name = match.group(1)
        unix = b"/home/" in match.group()[: match.start(1) - match.start()]
        # `/home/index` is as often a page as a folder.
        if unix and content[match.end(1) : match.end(1) + 1] != b"/":
            continue
        if _is_account(name) and not name.startswith((b"index.", b"page.")):
            yield Finding(*match.span(1), "USERNAME", "home", 0.85)


def find_accounts(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """Accounts that are the whole path of an address on a code host; owners of repositories are left in place,
    since imports and links of programs hold them."""
    for match in _ACCOUNT.finditer(content, start, end):
        if _is_account(match.group(1)):
            yield Finding(*match.span(1), "USERNAME", "account", 0.6)


def find_mentions(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """`@NAME` after thanks, credits, `cc` and the like, or in the brackets of a link."""
    for match in _MENTION.finditer(content, start, end):
        # Code hosts allow no underscore; names in programs have many.
        if _is_account(match.group(1)) and b"_" not in match.group(1):
            yield Finding(*match.span(1), "USERNAME", "mention", 0.65)


def find_tasks(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """Whose task it is, as in `TODO(NAME):`."""
    for match in _TASK.finditer(content, start, end):
        if _is_account(match.group(1)) and match.group(1) not in _NO_TASK:
            yield Finding(*match.span(1), "USERNAME", "task", 0.6)


def _is_account(name: bytes) -> bool:
    lowered = name.lower()
    if lowered in _SHARED or lowered in _NO_ACCOUNTS or lowered.isdigit() or len(lowered) < 2:
        return False
    return not (lowered.startswith(b"member") and lowered[6:].isdigit())
