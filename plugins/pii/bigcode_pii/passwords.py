"""Passwords that people make up, where a name, a flag, a tag or a URL says that they are one."""

from __future__ import annotations

from collections.abc import Iterator

from bigcode_pii.findings import Finding, latin
from bigcode_pii.secrecy import measure_entropy

PASSWORD_NAME = rb"(?:passw(?:or)?d|passphrase|passwort|pwd|pass)"
_NAMED = rb"([A-Za-z0-9_.-]{0,40}" + PASSWORD_NAME + rb"[A-Za-z0-9_.-]{0,16})"
_QUOTED = latin(
    rb"(?i)"
    + _NAMED
    + rb"[\"'`\])]{0,2}(?:[ \t]{0,12}(?::[ \t]?[A-Za-z.&\[\]]{1,16}[ \t]?=|:=|=>|[!=]==?|[=:,(])|[ \t]or|[ \t])"
    rb"[ \t]{0,12}"
    rb"[bru@&]{0,2}(?:\"((?:[^\"\\\n]|\\.){5,64})\"|'((?:[^'\\\n]|\\.){5,64})'|`([^`\\\n]{5,64})`)"
)
_ESCAPED_JSON = latin(rb"(?i)\\\"" + _NAMED + rb"\\\"[ \t]?:[ \t]?\\\"([^\"\\\n]{5,64})\\\"")
_BARE = latin(
    rb"(?im)^[ \t]*(?:export[ \t]|set[ \t]|env[ \t]|-[ \t])?[ \t]*" + _NAMED
    + rb"[ \t]{0,12}[=:][ \t]{0,12}([^\s\"'`$<>{}()\[\],;]{6,64})[ \t]*\r?$"
)  # fmt: skip
_FLAG = latin(
    rb"(?i)(--[a-z-]{0,20}passw(?:or)?d|sshpass -p)(?:[= ]|[\"'],[ \t]?)[\"']?"
    rb"([^\s\"'`$<>{}()\[\],;-][^\s\"'`$<>{}()\[\],;]{4,63})"
)
_TAG = latin(rb"(?i)<([a-z0-9_.:-]{0,30}" + PASSWORD_NAME + rb")>([^<>\s]{5,64})</")
_IN_TEXT = latin(
    rb"(?i)(?:^|[^A-Za-z0-9])((?:[a-z]{1,16}[ _-])?(?:passw(?:or)?d|passwort|pwd|pass|pw))[ \t]{0,2}[:=]{1,2}[ \t]{0,2}"
    rb"([^\s\"'`$<>{}()\[\],;]{8,64})"
)
_IN_SQL = latin(
    rb"(?i)\b(identified)(?:[ \t]+with[ \t]+[a-z0-9_]{1,40})?[ \t]+by[ \t]+"
    rb"(?:password[ \t]+)?[\"'`]([^\"'`\s]{5,64})[\"'`]"
)
_IN_URL = latin(
    rb"\b[a-z][a-z0-9+]{1,12}://([A-Za-z0-9_.%+-]{0,64}):([^\s/:@\"'`<>(){}$*|\\]{3,64})@([A-Za-z0-9.\[-]+)"
)

_NOT_A_PASSWORD = latin(
    rb"(?i)hash|digest|field|label|hint|prompt|msg|message|text|title|error|url|uri|path|file|regex|pattern|valid|"
    rb"_min|_max|length|policy|input|column|form|reset|forgot|placeholder|encoder|salt|callback|bypass|compass|"
    rb"pass(?:ed|es|ing|ive|port|age)|_id$|"
    rb"encode|decode|manager|\.expect|_key$|_env$|_var$|_name$|_type$|_arg$|_attr$|_command$|_status$|_test$"
)
_PLACEHOLDER = latin(
    rb"(?i)passw|passphrase|example|sample|dummy|placeholder|change[_-]?(?:me|it)|replace|your|my[_-]|xxx|\*\*\*|"
    rb"\.\.\.|redacted|removed|hidden|masked|insert|enter|secret|token|mock|fake|foo|bar\b|lorem|default|test|undefined|"
    rb"null|none|true|false|12345|qwerty|asdf|abc123|admin|root|user|guest|letmein|welcome"
)
_REFERENCE = latin(
    rb"\$[{(A-Za-z_]|%[({sd]|\{\{|\}\}|^\{.*\}$|^<.*>$|^\[.*\]$|\(.*\)|://|^(?:\.{0,2}|~)/|^[A-Za-z]:\\|^@|"
    rb"^#[0-9a-fA-F]{3,8}$|"
    rb"[a-z]\.[a-z]+\.[a-z]|^(?i:os|env|process|self|this|config|settings|ctx|vault|data|urn|arn)[.:]|<[a-z/]|\\[dwsb+*.]"
)
_HASHED = latin(
    rb"(?i)^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64})$|^\$[0-9a-z]{1,8}\$|"
    rb"^\{[a-z0-9]+\}|^pbkdf2|^scrypt|^argon|^sha[0-9]|^md5"
)
_WORDS = latin(rb"^[A-Za-z\x80-\xff]*(?:[_.,:/+-][A-Za-z\x80-\xff]*)*[.:!?]*$")
_CODEC = latin(rb"(?i)^(?:utf|latin|iso|cp|rot|base|md|sha|http|url|unicode|ascii)[_-]?[0-9a-z-]*$")
_PLAIN = 0.65
_EASY = frozenset(
    b"p pass passwd password pswd pw pwd secret user username admin root test postgres mysql guest x xx xxx".split()
)
_NO_HOST = latin(
    rb"(?i)(?:^|\.)(?:example(?:\.[a-z]+)?|domain(?:\.[a-z]+)?|foo|bar|test|invalid|x\.y)$|"
    rb"^(?:(?:some|your|my)[_-]?)?(?:host|hostname|server|proxy|site|company|domain)(?:\.|$)"
)


_ASSIGNED = (
    (_QUOTED, (b'"', b"'", b"`")),
    (_ESCAPED_JSON, (b'\\"',)),
    (_BARE, (b"=", b":")),
    (_FLAG, (b"--", b"sshpass -p")),
    (_TAG, (b"</",)),
)
"""Patterns whose first group is the name and whose last one is the value; what is in lower case beside each, one of it
stands in every match."""


def find_passwords(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """Values that are assigned to a name such as `db_password`, and look like what a person makes up: letters with
    digits or signs. Left out: words alone, placeholders, references to variables, hashes and paths.

    Words alone are left out since messages and labels have the same form; a password of one word is missed.
    """
    low = content[start:end].lower()
    for pattern, needs in _ASSIGNED:
        if not any(sign in low for sign in needs):
            continue
        for match in pattern.finditer(content, start, end):
            group = next(i for i in range(2, pattern.groups + 1) if match.group(i) is not None)
            if _says_password(match.group(1)) and is_made_up(match.group(group)):
                yield Finding(*match.span(group), "PASSWORD", "assigned", _score(match.group(group)))
    for match in _IN_SQL.finditer(content, start, end) if b"identified" in low else ():
        if is_made_up(match.group(2)):
            yield Finding(*match.span(2), "PASSWORD", "sql", _score(match.group(2)))
    for match in _IN_TEXT.finditer(content, start, end):
        # Without quotes the value may be a call or a place in the program; names hardly mix three classes.
        if content[match.end(2) : match.end(2) + 1] == b"(" or match.group(2).count(b":") > 1:
            continue
        if _says_password(match.group(1)) and _score(match.group(2)) > _PLAIN and is_made_up(match.group(2)):
            yield Finding(*match.span(2), "PASSWORD", "text", _PLAIN)


def find_url_passwords(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """The password of `scheme://user:password@host`; made-up hosts and passwords that equal the user are left out."""
    for match in _IN_URL.finditer(content, start, end):
        user, value, host = match.groups()
        if value.lower() in _EASY or value.lower() == user.lower() or _NO_HOST.search(host):
            continue
        if _PLACEHOLDER.search(value) or _REFERENCE.search(value) or len(set(value)) < 3 or value.isdigit():
            continue
        yield Finding(*match.span(2), "PASSWORD", "url", 0.75 if len(value) >= 8 else 0.6)


def is_made_up(value: bytes) -> bool:
    """Whether a value has letters with digits or signs, and is neither placeholder, reference, hash nor words."""
    if (
        len(set(value)) < 4
        or b" " in value
        or _WORDS.search(value)
        or _CODEC.search(value)
        or value.isdigit()
    ):
        return False
    if b"[" in value and b"]" in value:
        return False  # a part of a usage text or of a regular expression
    if not any(chr(byte).isalpha() for byte in value):
        return False
    return not (_PLACEHOLDER.search(value) or _REFERENCE.search(value) or _HASHED.search(value))


def _says_password(name: bytes) -> bool:
    if _NOT_A_PASSWORD.search(name):
        return False
    core = name.rstrip(b"0123456789_-.")
    if not core.lower().endswith(b"pass"):
        return True
    # `pass` must be a word of its own (`db_pass`, `dbPass`), not the end of another.
    before = core[:-4]
    return (
        not before
        or not before[-1:].isalpha()
        or core[-4:] == b"Pass"
        or before.lower().endswith((b"db", b"user"))
    )


def _score(value: bytes) -> float:
    """By how many classes of characters it mixes: lower, upper, digit, other."""
    classes = (value.lower() != value) + (value.upper() != value) + any(48 <= b <= 57 for b in value)
    classes += any(not chr(byte).isalnum() for byte in value)
    return 0.8 if classes >= 3 and measure_entropy(value) >= 2.5 else _PLAIN
