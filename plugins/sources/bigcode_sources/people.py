"""Who wrote a record, and which accounts are machines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

_TRAILER = re.compile(
    r"^[ \t]*(?P<key>(?:co-authored|signed-off|reviewed|acked|tested|reported|suggested|helped|requested|approved"
    r"|reported-and-tested|mentored)-by|cc)[ \t]*:(?P<who>.*)$",
    re.IGNORECASE,
)
_MAIL = re.compile(r"<([^<>\s]+@[^<>\s]+)>")
_NOREPLY = re.compile(r"^(?:\d+\+)?([A-Za-z0-9-]+(?:\[bot\])?)@users\.noreply\.github\.com$", re.IGNORECASE)
# Code, where an at sign begins a decorator; or a login of a forge after an at sign that ends no word, as in an
# e-mail address.
_MENTION = re.compile(
    r"(?P<code>^(?P<fence>```+|~~~+).*?(?:^(?P=fence)|\Z)|`[^`\n]+`)"
    r"|(?<![\w`/@.+-])@[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}(?![\w@]|/)",
    re.DOTALL | re.MULTILINE,
)


def is_bot(names: Iterable[str], patterns: Iterable[str]) -> bool:
    """Whether a name, e-mail address or login is of a machine; patterns are those of a shell, in any case."""
    lowered = [p.lower() for p in patterns]
    return any(fnmatchcase(name.lower(), pattern) for name in names for pattern in lowered)


def accounts_of(mail: str) -> list[str]:
    """An e-mail address, and the login that it stands for where a forge made it up."""
    login = _NOREPLY.match(mail)
    return [mail, login[1]] if login else [mail] if mail else []


def split_trailers(message: str) -> tuple[str, list[tuple[str, str]]]:
    """The message without the lines that name people, and the co-authors among those: name and e-mail address."""
    kept: list[str] = []
    authors: list[tuple[str, str]] = []
    for line in message.replace("\r\n", "\n").split("\n"):
        match = _TRAILER.match(line)
        mail = _MAIL.search(match["who"]) if match else None
        # Text may begin with `cc:` too; an address tells the trailer.
        if not match or (match["key"].lower() == "cc" and not mail):
            kept.append(line)
        elif match["key"].lower() == "co-authored-by":
            authors.append((match["who"].partition("<")[0].strip(), mail[1] if mail else ""))
    return "\n".join(kept).strip("\n"), authors


def hide_mentions(text: str) -> str:
    """The text with `@user` for each login that it addresses outside of code."""
    return _MENTION.sub(lambda found: found["code"] or "@user", text)
