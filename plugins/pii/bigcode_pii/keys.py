"""Keys: private keys, credentials with a known form, and what a name such as `api_key` is set to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import re2

from bigcode_pii.config import Entity
from bigcode_pii.findings import Finding, encoded_runs, latin
from bigcode_pii.secrecy import is_random, is_scattered, looks_invented, measure_entropy

# Credentials that carry their issuer in their form: kind, pattern, score. Group 1 is the secret.
_FORMS: tuple[tuple[str, bytes, float], ...] = (
    ("aws", rb"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})\b", 0.95),
    ("github", rb"\b(gh[pousr]_[A-Za-z0-9]{36,})\b", 0.97),
    ("github", rb"\b(github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b", 0.97),
    ("gitlab", rb"\b(gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[A-Za-z0-9_-]{20,})", 0.95),
    ("slack", rb"\b(xox[abeposr]-(?:[0-9]{8,14}-){1,3}[A-Za-z0-9]{16,64})\b", 0.97),
    ("slack", rb"hooks\.slack\.com/services/(T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,28})\b", 0.95),
    ("google", rb"\b(AIza[A-Za-z0-9_-]{35})", 0.95),
    ("google", rb"\b(GOCSPX-[A-Za-z0-9_-]{28})", 0.95),
    ("stripe", rb"\b([sr]k_(?:live|test)_[A-Za-z0-9]{16,})\b", 0.97),
    ("sendgrid", rb"\b(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})", 0.97),
    ("npm", rb"\b(npm_[A-Za-z0-9]{36})\b", 0.95),
    ("pypi", rb"\b(pypi-AgEI[A-Za-z0-9_-]{50,})", 0.97),
    ("models", rb"\b(hf_[A-Za-z]{34}|sk-ant-[a-z0-9]{3,8}-[A-Za-z0-9_-]{60,})", 0.95),
    ("models", rb"\b(sk-(?:proj-)?[A-Za-z0-9]{40,})\b", 0.9),
    ("cloud", rb"\b(do[opr]_v1_[0-9a-f]{64}|dckr_[op]at_[A-Za-z0-9_-]{20,})", 0.95),
    ("cloud", rb"\b(dapi[0-9a-f]{32}|ya29\.[A-Za-z0-9_-]{40,}|NRAK-[A-Z0-9]{27})\b", 0.9),
    (
        "service",
        rb"\b(shp(?:at|ss|ca|pa)_[0-9a-f]{32}|ATATT3[A-Za-z0-9_=-]{60,}|figd_[A-Za-z0-9_-]{40})",
        0.95,
    ),
    ("jwt", rb"\b(ey[JK][A-Za-z0-9_-]{10,}\.ey[JK][A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,})", 0.9),
)
# Without groups the automaton runs alone; it is the gate for the single patterns.
_ANY_FORM = latin(b"|".join(pattern.replace(b"(", b"(?:", 1) for _, pattern, _ in _FORMS))
_BY_FORM = tuple((kind, latin(pattern), score) for kind, pattern, score in _FORMS)

_PRIVATE_KEY = latin(rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PRIVATE_KEY_END = latin(rb"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_LONGEST_KEY = 20_000

_NAME = (
    rb"(?:api[_.-]?key|app[_.-]?key|apikey|secret|token|passw(?:or)?d|passwd|passphrase|pwd|credential|auth[_.-]?key|"
    rb"access[_.-]?key|account[_.-]?key|private[_.-]?key|encryption[_.-]?key|signing[_.-]?key|client[_.-]?key|bearer)"
)
_ASSIGNED = latin(
    rb"(?i)([A-Za-z0-9_.-]{0,40}" + _NAME + rb"[A-Za-z0-9_.-]{0,24})[\"'`\])]{0,2}[ \t]{0,12}"
    rb"(?::[ \t]?[A-Za-z.&\[\]]{1,16}[ \t]?=|:=|=>|==|[=:,(])[ \t]{0,12}[bru&]{0,2}[\"'`]([^\"'`\s]{8,})[\"'`]"
)
_SET_IN_LINE = latin(
    rb"(?im)^[ \t]*(?:export[ \t]|set[ \t]|env[ \t]|-[ \t])?[ \t]*"
    rb"([A-Za-z0-9_.-]{0,40}" + _NAME + rb"[A-Za-z0-9_.-]{0,24})"
    rb"[ \t]{0,12}[=:][ \t]{0,12}([A-Za-z0-9+/_=.~-]{16,})[ \t]*\r?$"
)
_HEADER = latin(
    rb"(?i)\b(authorization[\"']?[:=, \t]{1,3}[\"']?(?:bearer|token|basic)|bearer)[ \t]([A-Za-z0-9+/_=.~-]{20,})"
)
_IN_QUERY = latin(
    rb"(?i)[?&]([a-z0-9_.-]{0,24}(?:key|token|secret|passw(?:or)?d|signature))=([A-Za-z0-9._~-]{16,})"
)
_IN_URL = latin(
    rb"([a-z][a-z0-9+]{1,12}://[A-Za-z0-9_.%+-]{0,64}):([^\s/:@\"'`<>(){}$%*]{8,64})@[A-Za-z0-9\[]"
)

# A name that says what the value is, and that it is no secret.
_HARMLESS_NAME = latin(
    rb"(?i)public|pubkey|hash|digest|sha[0-9]|md5|checksum|integrity|fingerprint|uuid|guid|_id$|[a-z]Id$|_type$|_url$|"
    rb"_uri$|_name$|_path$|_file$|_field$|_header$|tokeniz|tokens$|cancel|csrf|xsrf|nonce|regex|pattern|syntax"
)


def find_keys(content: bytes) -> Iterator[Finding]:
    """Secrets by form (AWS, GitHub, GitLab, Slack, Google, Stripe, JWT and others), private keys in PEM,
    and random-looking values that are assigned to a telling name, sent in a header or put into a URL.

    Left out: hashes, UUIDs, public keys, placeholders, references to variables, and words.
    """
    if b"PRIVATE KEY" in content:
        yield from find_private_keys(content)
    if _ANY_FORM.search(content):
        for kind, pattern, score in _BY_FORM:
            for match in pattern.finditer(content):
                if not looks_invented(match.group(1)) and measure_entropy(match.group(1)) >= 3.0:
                    yield Finding(*match.span(1), "KEY", kind, score)
    for rule, match in _match_names(content, 0, len(content)):
        yield Finding(*match.span(2), "KEY", rule.kind, rule.score)


@dataclass(frozen=True, slots=True)
class _ByName:
    """Group 1 of `pattern` is the name, group 2 the value, which must have `bits` of entropy a byte. `needs` are of
    lower case, one of them is in every match."""

    kind: str
    pattern: re2._Regexp
    bits: float
    score: float
    needs: tuple[bytes, ...]


_BY_NAME = (
    _ByName("assigned", _ASSIGNED, 3.0, 0.75, (b'"', b"'", b"`")),
    _ByName("line", _SET_IN_LINE, 3.3, 0.7, (b"=", b":")),
    _ByName("header", _HEADER, 3.3, 0.75, (b"bearer", b"authorization")),
    _ByName("query", _IN_QUERY, 3.3, 0.7, (b"?", b"&")),
    _ByName("url", _IN_URL, 2.5, 0.7, (b"://",)),
)


def find_forms(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """Credentials that carry their issuer in their form, between `start` and `end`."""
    if not _ANY_FORM.search(content, start, end):
        return
    for kind, pattern, score in _BY_FORM:
        for match in pattern.finditer(content, start, end):
            if not looks_invented(match.group(1)) and measure_entropy(match.group(1)) >= 3.0:
                yield Finding(*match.span(1), "KEY", kind, score)


def find_named(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """Random-looking values that are assigned to a telling name, sent in a header or put into a URL; where the name,
    or the place in the URL, says so, they are a PASSWORD."""
    for rule, match in _match_names(content, start, len(content) if end is None else end):
        secret: Entity = "PASSWORD" if rule.kind == "url" or _PASSWORD.search(match.group(1)) else "KEY"
        # What stands for a password and has the length of a digest is one more often than not.
        if secret == "KEY" or not _BARE_DIGEST.search(match.group(2)):
            yield Finding(*match.span(2), secret, rule.kind, rule.score)


def _match_names(content: bytes, start: int, end: int) -> Iterator[tuple[_ByName, re2._Match]]:
    """What is named like a secret, or stands where one does, and looks random."""
    low = content[start:end].lower()
    for rule in _BY_NAME:
        if not any(word in low for word in rule.needs):
            continue
        for match in rule.pattern.finditer(content, start, end):
            if is_random(match.group(2), rule.bits) and not _HARMLESS_NAME.search(match.group(1)):
                yield rule, match


_PASSWORD = latin(rb"(?i)passw(?:or)?d|passphrase|pwd")
_BARE_DIGEST = latin(rb"^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64})$")
# Forms that `find_keys` does not look for, with what stands in each. The last is that of many issuers: short prefixes,
# then a random run.
_MORE_FORMS: tuple[tuple[str, bytes, float, bytes], ...] = (
    ("azure", rb"AccountKey=([A-Za-z0-9+/]{86}==)", 0.97, b"AccountKey="),
    ("telegram", rb"\b([0-9]{8,10}:AA[A-Za-z0-9_-]{33})\b", 0.95, b":AA"),
    (
        "webhook",
        rb"discord(?:app)?\.com/api/webhooks/([0-9]{17,20}/[A-Za-z0-9_-]{60,80})",
        0.95,
        b"/webhooks/",
    ),
    (
        "prefixed",
        rb"\b((?:[a-z]{2,8}|[A-Z]{2,6})[_-](?:[a-z0-9]{1,8}[_-]){0,2}[A-Za-z0-9]{24,128})\b",
        0.6,
        b"",
    ),
)
_DIGEST_BEFORE = latin(rb"(?i)(?:sha[0-9]{1,3}|md5|blake[0-9a-z]{1,4})[=:-]$")
_BY_MORE = tuple((kind, latin(pattern), score, need) for kind, pattern, score, need in _MORE_FORMS)
FORMS: tuple[bytes, ...] = tuple(pattern for _, pattern, _ in _FORMS)
MORE_FORMS: tuple[bytes, ...] = tuple(
    pattern.replace(b",128})\\b", b"})") for _, pattern, _, _ in _MORE_FORMS
)
"""Patterns of the forms, for a gate."""
HINTS_OF_MORE = (rb"AccountKey=", rb"[0-9]:AA", rb"/api/webhooks/", rb"[_-][A-Za-z0-9]{24}")
"""Of `MORE_FORMS`, what each has and is cheaper to look for."""


def find_more_forms(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """Credentials of further forms, between `start` and `end`; those of no certain issuer only if the random part
    mixes capital and small letters with digits, which names in programs hardly do."""
    stop = len(content) if end is None else end
    for kind, pattern, score, need in _BY_MORE:
        if content.find(need, start, stop) < 0:
            continue
        for match in pattern.finditer(content, start, stop):
            value = match.group(1)
            if kind == "prefixed":
                if not is_scattered(value.replace(b"_", b"-").rpartition(b"-")[2]):
                    continue
                # `sha256=` and the like stand before digests in the base64 of file names.
                if _DIGEST_BEFORE.search(content[max(0, match.start(1) - 12) : match.start(1)]):
                    continue
            if not looks_invented(value) and measure_entropy(value) >= 3.0:
                yield Finding(*match.span(1), "KEY", kind, score)


def find_private_keys(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """The encoded body between the marks of PEM (RFC 7468) whose first mark begins between `start` and `end`; a body
    that is no encoding is an example."""
    for begin in _PRIVATE_KEY.finditer(content, start, end):
        # The next mark, whichever it is: so hostile text with many first marks is read once.
        mark = content.find(b"-----", begin.end(), begin.end() + _LONGEST_KEY)
        close = _PRIVATE_KEY_END.match(content, mark, mark + 80) if mark >= 0 else None
        if close is None:
            continue
        body = content[begin.end() : close.start()]
        runs = encoded_runs(body)
        lines = [(start, end) for start, end in runs if end - start >= 16]
        if sum(end - start for start, end in lines) >= 64 and measure_entropy(body) >= 4.0:
            yield Finding(begin.end() + lines[0][0], begin.end() + runs[-1][1], "KEY", "private-key", 0.99)
