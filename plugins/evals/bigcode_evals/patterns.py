"""Patterns for personal data and keys, where no detector is given: few, and chosen to be right when they match.

| entity | what |
| --- | --- |
| EMAIL | an address with a top-level domain, not of a domain that is kept for examples (RFC 2606) |
| IP_ADDRESS | IPv4 with four parts in range, not private, of the loop, or kept for documentation |
| KEY | credentials that show their issuer, private keys in PEM |
| PHONE | international numbers with a plus sign |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any

_EMAIL = re.compile(rb"[A-Za-z0-9_.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,12}\b")
_EXAMPLE = re.compile(
    rb"(?i)@(?:.*\.)?(?:example(?:\.[a-z]+)?|[a-z.-]*\.(?:test|invalid|localhost|example))$"
)
_IPV4 = re.compile(rb"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_KEY = re.compile(
    rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,}|\bglpat-[A-Za-z0-9_-]{20,}|"
    rb"\bxox[abeposr]-[A-Za-z0-9-]{20,}|\bAIza[A-Za-z0-9_-]{35}|\b[sr]k_live_[A-Za-z0-9]{16,}|"
    rb"-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{40,}"
)
_PHONE = re.compile(rb"(?<![\w+])\+[1-9]\d{0,2}[ ./-]?(?:\(?\d{1,4}\)?[ ./-]?){2,5}\d{2,4}(?!\w)")


def find(text: bytes) -> Sequence[dict[str, Any]]:
    """Findings as a detector gives them: start, end, entity, score."""
    spans = [(m.span(), "EMAIL") for m in _EMAIL.finditer(text) if not _EXAMPLE.search(m[0])]
    spans += [(m.span(), "IP_ADDRESS") for m in _IPV4.finditer(text) if _is_public(m[0])]
    spans += [(m.span(), "KEY") for m in _KEY.finditer(text)]
    spans += [
        (m.span(), "PHONE") for m in _PHONE.finditer(text) if sum(c in b"0123456789" for c in m[0]) >= 8
    ]
    return [
        {"start": start, "end": end, "entity": entity, "score": 1.0} for (start, end), entity in sorted(spans)
    ]


def _is_public(text: bytes) -> bool:
    try:
        return IPv4Address(text.decode()).is_global
    except ValueError:
        return False
