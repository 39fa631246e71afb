"""The rules of gitleaks for credentials of some two hundred issuers.

They are data (`data/gitleaks.json`, MIT, with the notice beside it): pattern, group of the secret, least entropy and
the words of which one must stand near. Left out there: rules that want a file's path, the one for private keys, and
the one for any name and value, which this plugin does in its own way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import re2

from bigcode_pii.config import Entity
from bigcode_pii.findings import Finding, latin
from bigcode_pii.secrecy import looks_invented, measure_entropy

_DATA = Path(__file__).parent / "data" / "gitleaks.json"
_OPTIONAL_START = r"(?i)[\w.-]{0,50}?"
_NEAR = 2048
_COMMON = frozenset({"sourcegraph-access-token"})
_PASSWORDS = frozenset({"curl-auth-user"})
_BARE_DIGEST = latin(rb"^[0-9a-f]{32}$|^[0-9a-f]{40}$|^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class IssuerRule:
    """`keywords` are lower case; `entropy` is in bits per byte; `group` holds the secret."""

    name: str
    pattern: str
    keywords: tuple[bytes, ...]
    entropy: float
    group: int

    @property
    def gate(self) -> bytes:
        """The pattern without an optional beginning, which costs a scanner time and changes no match's end."""
        if self.pattern.startswith(_OPTIONAL_START):
            return ("(?i)" + self.pattern[len(_OPTIONAL_START) :]).encode()
        return self.pattern.encode()

    @property
    def hints(self) -> tuple[bytes, ...]:
        """The keywords, where the pattern alone matches what is common, such as any digest in hex."""
        if self.name not in _COMMON:
            return ()
        return tuple(b"(?i)" + re.escape(word) for word in self.keywords)

    def find(self, content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
        """Secrets of this issuer between `start` and `end` that are random enough."""
        stop = len(content) if end is None else end
        near = content[max(0, start - _NEAR) : stop + _NEAR].lower()
        if not any(word in near for word in self.keywords):
            return
        pattern = _compile(self.pattern)
        group = min(self.group, pattern.groups)
        for match in pattern.finditer(content, start, stop):
            value = match.group(group)
            if not value:
                continue
            # Without a word of the issuer in the match itself, bare digits of a hash are as likely a hash.
            if _BARE_DIGEST.search(value) and not any(
                word in match.group().lower() for word in self.keywords
            ):
                continue
            if measure_entropy(value) >= max(self.entropy, 2.0) and not looks_invented(value):
                entity: Entity = "PASSWORD" if self.name in _PASSWORDS else "KEY"
                yield Finding(*match.span(group), entity, self.name, 0.9 if self.entropy >= 3 else 0.8)


@lru_cache(maxsize=1)
def issuer_rules() -> tuple[IssuerRule, ...]:
    """All rules of the file, in its order."""
    return tuple(
        IssuerRule(
            item["id"],
            item["regex"],
            tuple(word.lower().encode() for word in item["keywords"]),
            float(item["entropy"]),
            int(item["group"]),
        )
        for item in json.loads(_DATA.read_text(encoding="utf-8"))["rules"]
    )


@lru_cache(maxsize=512)
def _compile(pattern: str) -> re2._Regexp:
    # One byte is one character; and a rule of this size needs more than the library's usual memory.
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = 64 << 20
    return re2.compile(pattern.encode(), options)
