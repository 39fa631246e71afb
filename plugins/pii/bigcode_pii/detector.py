"""The rules in one table, and the detector that runs them behind the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from bigcode_pii import addresses, emails, keys, passwords, people
from bigcode_pii.config import ENTITIES, Entity
from bigcode_pii.findings import Finding, separate
from bigcode_pii.gate import Gate, Patterns, windows
from bigcode_pii.published_rules import issuer_rules

Find = Callable[[bytes, int, int], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """`gates` are patterns of which one matches wherever `find` could find something, and cheap to look for.

    Where they are not that cheap, `hints` are patterns of which one matches in every text in which `find` could find
    something.
    """

    entities: tuple[Entity, ...]
    gates: tuple[bytes, ...]
    find: Find
    hints: tuple[bytes, ...] = ()


_OPERATOR = rb"[\"'`\])]{0,2}[ \t]{0,12}(?::[ \t]?[A-Za-z.&\[\]]{1,16}[ \t]?=|:=|=>|=|[:,(])"
_SECRET = (
    rb"(?:api[_.-]?key|app[_.-]?key|secret|token|passw(?:or)?d|passphrase|pwd|credential|auth[_.-]?key|access[_.-]?key|"
    rb"account[_.-]?key|private[_.-]?key|encryption[_.-]?key|signing[_.-]?key|client[_.-]?key|bearer)"
)
_PASS = passwords.PASSWORD_NAME
_STATED = rb"(?:passw(?:or)?d|passwort|pwd|pass|pw)[ \t]{0,2}[:=]{1,2}[ \t]{0,2}[^\s\"'`$<>{}()\[\],;]{8}"
_HOSTS = (
    rb"(?i)(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|twitter\.com|keybase\.io|dev\.to|linkedin\.com/in|"
    rb"launchpad\.net/~|sr\.ht/~|stackoverflow\.com/users/[0-9]{1,9}|pypi\.org/user|npmjs\.com/~|hub\.docker\.com/u|"
    rb"kaggle\.com|github\.com/sponsors|patreon\.com)/?@?[a-z0-9][a-z0-9_.-]{1,38}/?"
    rb"(?:[^a-z0-9_/.~%?#:@-]|[.:?][\s\"'<)\]]|[.]?$)"
)
_ROLES = (
    rb"(?i)(?:[@\\]author|__author__|\bauthors?\b|\bmaintainers?\b|\bcontact\b|\b(?:created|written|coded|implemented|"
    rb"contributed|ported|maintained|developed|designed|modified) by\b|\b(?:signed-off|co-authored|co-developed|"
    rb"reviewed|tested|reported|acked|suggested|helped)-by\b)"
    rb"[\"'`\])]{0,2}[ \t]*[=:(]?>?[ \t]*[\"'`\[(]{0,3}(?:by[ \t])?(?-i:[A-Z\xc3-\xea])"
)

_RULES: tuple[Rule, ...] = (
    Rule(("EMAIL",), (rb"[A-Za-z0-9_%+.-]@[A-Za-z0-9][A-Za-z0-9-]*\.[A-Za-z0-9]",), emails.find_emails),
    Rule(("EMAIL",), (rb"(?i)[\[({<][ \t]?(?:at|@)[ \t]?[\])}>][ \t]?[a-z0-9]",), emails.find_spelled_emails),
    Rule(
        ("IP_ADDRESS",),
        (rb"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]", rb"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]{0,4}:"),
        addresses.find_addresses,
    ),
    Rule(("KEY",), (rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY",), keys.find_private_keys),
    Rule(("KEY",), keys.FORMS, keys.find_forms),
    Rule(("KEY",), keys.MORE_FORMS, keys.find_more_forms, keys.HINTS_OF_MORE),
    Rule(
        ("KEY", "PASSWORD"),
        (
            rb"(?i)" + _SECRET + rb"[a-z0-9_.-]{0,24}" + _OPERATOR + rb"=?[ \t]{0,12}[bru&]{0,2}[\"'`][^\"'`\s]{8}",
            rb"(?im)^[ \t]*(?:export[ \t]|set[ \t]|env[ \t]|-[ \t])?[ \t]*[a-z0-9_.-]{0,40}" + _SECRET
            + rb"[a-z0-9_.-]{0,24}[ \t]{0,12}[=:][ \t]{0,12}[a-z0-9+/_=.~-]{16}",
            rb"(?i)(?:authorization[\"']?[:=, \t]{1,3}[\"']?(?:token|basic)|bearer)[ \t][a-z0-9+/_=.~-]{20}",
            rb"(?i)[?&][a-z0-9_.-]{0,24}(?:key|token|secret|passw(?:or)?d|signature)=[a-z0-9._~-]{16}",
            rb"[a-z]://[A-Za-z0-9_.%+-]{0,64}:[^\s/:@\"'`<>(){}$%*]{8,64}@[A-Za-z0-9\[]",
        ),
        keys.find_named,
    ),
    Rule(
        ("PASSWORD",),
        (
            rb"(?i)" + _PASS + rb"[a-z0-9_.-]{0,16}\\?[\"'`\])]{0,2}(?:[ \t]{0,12}(?::[ \t]?[a-z.&\[\]]{1,16}[ \t]?="
            rb"|:=|=>|[!=]?=?=|[:,(])|[ \t]or|[ \t])[ \t]{0,12}(?:[bru@&]{0,2}|\\)[\"'`](?:[^\"'`\\\n]|\\.){5}",
            rb"(?i)[^a-z0-9]" + _STATED,
            rb"(?i)^" + _STATED,
            rb"(?i)\bidentified(?:[ \t]{1,4}with[ \t]{1,4}[a-z0-9_]{1,40})?[ \t]{1,4}by[ \t]",
            rb"(?im)^[ \t]*(?:export[ \t]|set[ \t]|env[ \t]|-[ \t])?[ \t]*[a-z0-9_.-]{0,40}" + _PASS
            + rb"[a-z0-9_.-]{0,16}[ \t]{0,12}[=:][ \t]{0,12}[^\s\"'`$<>{}()\[\],;]{6}",
            rb"(?i)(?:--[a-z-]{0,20}passw(?:or)?d|sshpass -p)(?:[= ]|[\"'],)",
            rb"(?i)<[a-z0-9_.:-]{0,30}" + _PASS + rb">[^<>\s]{5,64}</",
        ),
        passwords.find_passwords,
    ),
    Rule(
        ("PASSWORD",),
        (rb"[a-z0-9+]://[A-Za-z0-9_.%+-]{0,64}:[^\s/:@\"'`<>(){}$*|\\]{3,64}@[A-Za-z0-9.\[-]",),
        passwords.find_url_passwords,
    ),
    Rule(("NAME",), (_ROLES,), people.find_roles),
    Rule(
        ("NAME",),
        (rb"[^\s<>()=,;:\[\]{}][\"']?[ \t]*<[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9]",),
        people.find_mailboxes,
        (rb"<[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9]",),
    ),
    Rule(
        ("USERNAME",),
        (
            rb"(?:^|[^A-Za-z0-9_.}/-]|file://)(?:/home/|/Users/|/export/home/)[A-Za-z0-9]",
            rb"(?i)[a-z]:(?:\\{1,2}|/)(?:users|documents and settings)(?:\\{1,2}|/)[a-z0-9]",
            rb"[^A-Za-z0-9]/(?:mnt/)?[a-z]/Users/[A-Za-z0-9]",
        ),
        people.find_homes,
    ),
    Rule(("USERNAME",), (_HOSTS,), people.find_accounts),
    Rule(
        ("USERNAME",),
        (
            rb"(?i)(?:\b(?:thanks?(?: you)?(?:,? to)?|credits?(?: to| goes to)?|kudos to|cc|by|via|ping|courtesy of)"
            rb"[:,]?[ \t]\[?|\[)@[a-z0-9]",
        ),
        people.find_mentions,
    ),
    Rule(("USERNAME",), (rb"\b(?:TODO|FIXME|XXX|HACK|BUG)\(@?[a-z][a-z0-9_.-]{2,30}\)",), people.find_tasks),
    *(Rule(("KEY", "PASSWORD"), (rule.gate,), rule.find, rule.hints) for rule in issuer_rules()),
)  # fmt: skip
_COPYRIGHT = Rule(("NAME",), (rb"(?i)(?:copyright|\(c\)|\xc2\xa9)",), people.find_holders)


class Detector:
    """Findings of the wanted entities in a UTF-8 text; the same for any way to cut a table of texts."""

    def __init__(self, entities: tuple[Entity, ...] = ENTITIES, copyright_names: bool = False) -> None:
        self.entities = frozenset(entities)
        rules = (*_RULES, _COPYRIGHT) if copyright_names else _RULES
        self.rules = tuple(rule for rule in rules if self.entities.intersection(rule.entities))
        self.gate = _gate(self.rules)

    def hits(self, content: bytes | memoryview) -> dict[int, list[list[int]]]:
        """What the gate says; empty for most texts. The argument of `confirm`."""
        return self.gate.hits(content)

    def confirm(self, content: bytes, hits: dict[int, list[list[int]]]) -> list[Finding]:
        """The findings around hits, in the order of the text, none overlapping another; offsets count bytes."""
        return separate(
            _on_characters(content, finding)
            for window in windows(content, hits)
            for finding in self.rules[window.rule].find(content, window.start, window.end)
            if finding.entity in self.entities
        )

    def find(self, content: bytes) -> list[Finding]:
        """Both steps."""
        hits = self.hits(content)
        return self.confirm(content, hits) if hits else []


def _on_characters(content: bytes, finding: Finding) -> Finding:
    """The finding, widened to whole characters: a pattern counts bytes and may stop within one."""
    start, end = finding.start, finding.end
    while start and content[start] & 0xC0 == 0x80:
        start -= 1
    while end < len(content) and content[end] & 0xC0 == 0x80:
        end += 1
    return finding if (start, end) == (finding.start, finding.end) else replace(finding, start=start, end=end)


@lru_cache(maxsize=8)
def _gate(rules: tuple[Rule, ...]) -> Gate:
    return Gate([Patterns(rule.gates, rule.hints) for rule in rules])
