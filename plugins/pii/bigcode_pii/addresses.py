"""Addresses of machines, without those that name none in particular."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from bigcode_pii import words
from bigcode_pii.findings import Finding, latin

_CANDIDATE = latin(
    rb"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"
    # Global unicast is 2000::/3 (RFC 4291); everything else is local, reserved or multicast.
    rb"|[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*"
)
_PUBLIC_RESOLVERS = frozenset(words.PUBLIC_RESOLVERS.split())
_PLACEHOLDERS = frozenset(words.PLACEHOLDER_ADDRESSES.split())
_VERSION_BEFORE = latin(
    rb"(?i)(?:version|release|revision|firmware|driver|assembly|build|upgrade|\bver|\bv|\br|[a-z0-9_]-|[a-z]/|"
    rb"[=<>~^!]=|\^|~|[<>]\s?|section|clause|chapter|rfc[ 0-9]*|\bsec|\xc2\xa7|oid|[a-z]_|\.so\.|since|until|"
    rb"up to|before)[\s:=\"'(.,]{0,4}$"
)
_ADDRESS_BEFORE = latin(
    rb"(?i)(?:\bip|ipv4|addr|host|server|gateway|proxy|dns|resolver|listen|bind|node|client|remote|peer|endpoint|"
    rb"router|subnet|ping|ssh|://|@|[a-z_]ip|x-forwarded-for|from|origin|source|target)[^\n]{0,24}$"
)
_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_SMALL = 20
"""Numbers below it in all four places look like a version unless an address is announced."""


def find_addresses(content: bytes, start: int = 0, end: int | None = None) -> Iterator[Finding]:
    """Global IPv4 and IPv6 addresses in dotted or colon notation, between `start` and `end`.

    Left out: private, loopback, link-local, shared, documentation, benchmark, multicast and reserved ranges
    (what `ipaddress` calls not global), networks (`/16` with an empty host part), public resolvers, made-up
    examples such as four times the same number, and four numbers that are likelier a version or a section.
    """
    for match in _CANDIDATE.finditer(content, start, end):
        begin, close = match.span()
        if content[begin + 1 : close].find(b":") >= 0:
            close, score = _check_v6(content, begin, close)
        else:
            score = _check_v4(content, begin, close)
        if score:
            yield Finding(begin, close, "IP_ADDRESS", "ip", score)


def _check_v4(content: bytes, start: int, end: int) -> float:
    before, after = content[max(0, start - 40) : start], content[end : end + 4]
    if before and (before[-1] in _WORD or (before[-1] == 0x2E and before[-2:-1] != b".")):
        return 0.0
    if after and (after[0] in _WORD or (after[0] in b".-+" and after[1:] and after[1] in _WORD)):
        return 0.0
    numbers = _read_v4(content[start:end])
    if not numbers or _is_network(int.from_bytes(numbers), 32, after):
        return 0.0
    row = before[before.rfind(b"\n") + 1 :]
    announced = _ADDRESS_BEFORE.search(row) is not None or _has_port(after)
    if _VERSION_BEFORE.search(row) is not None and not row.endswith(b"//"):
        return 0.0
    if max(numbers) < _SMALL and not announced:
        return 0.0
    return 0.9 if announced else 0.7


@lru_cache(maxsize=4096)
def _read_v4(dotted: bytes) -> bytes:
    """The four numbers of an address that may be a machine's, or nothing."""
    text = dotted.decode()
    numbers = text.split(".")
    if any((len(n) > 1 and n[0] == "0") or int(n) > 255 for n in numbers) or len(set(numbers)) == 1:
        return b""
    address = IPv4Address(text)
    if not address.is_global or address.is_multicast or text in _PUBLIC_RESOLVERS or text in _PLACEHOLDERS:
        return b""
    return address.packed


def _check_v6(content: bytes, start: int, end: int) -> tuple[int, float]:
    if start and (content[start - 1] in _WORD or content[start - 1] in b":."):
        return end, 0.0
    # A full stop or a single colon at the end belongs to the text around.
    while content[end - 1] == 0x2E or (content[end - 1] == 0x3A and content[end - 2] != 0x3A):
        end -= 1
    after = content[end : end + 4]
    if after and after[0] in _WORD:
        return end, 0.0
    try:
        address = IPv6Address(content[start:end].decode())
    except ValueError:
        return end, 0.0
    text = content[start:end]
    if not address.is_global or str(address) in _PUBLIC_RESOLVERS or _is_network(int(address), 128, after):
        return end, 0.0
    # Two groups and a double colon is as much a time or a slice as an address.
    return end, 0.9 if text.count(b":") >= 3 else 0.0


def _is_network(number: int, bits: int, after: bytes) -> bool:
    """Whether a prefix length follows that leaves only zeros in the host part."""
    if after[:1] != b"/" or not after[1:2].isdigit():
        return False
    digits = 2 if after[2:3].isdigit() else 1
    digits += bits > 99 and digits == 2 and after[3:4].isdigit()
    length = int(after[1 : 1 + digits])
    return length < bits and number & ((1 << (bits - length)) - 1) == 0


def _has_port(after: bytes) -> bool:
    return after[:1] == b":" and after[1:3].isdigit()
