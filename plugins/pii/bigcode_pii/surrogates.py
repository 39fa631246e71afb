"""What is written in place of a finding."""

from __future__ import annotations

from hashlib import sha256

from bigcode_pii.config import Entity
from bigcode_pii.findings import encoded_runs, latin

# The replacement is chosen by a digest that is cut to a few bits: so many values share each replacement that a
# guess of the value cannot be confirmed by it. The pepper only keeps the choice from being a plain hash.
_PEPPER = b"bigcode_pii surrogate 1\n"
_MAILBOXES = 64
_IPV4 = ("10.73.14.29", "10.146.208.61", "172.22.95.180", "192.168.37.211", "192.168.164.92")
_IPV6 = ("2001:db8:52::a3", "2001:db8:7c::1e", "2001:db8:91::d8", "2001:db8:b6::47", "2001:db8:e4::f2")
_LETTERS = b"ABCDEFGHIJKLMNOP"
_FIRST = (
    "Alex",
    "Ari",
    "Bo",
    "Charlie",
    "Eli",
    "Jo",
    "Kim",
    "Lee",
    "Lou",
    "Max",
    "Noa",
    "Pat",
    "Quinn",
    "Robin",
    "Sam",
    "Uma",
)
_LAST = ("Example", "Placeholder", "Sample", "Specimen")
_ACCOUNTS = 64
_ESCAPE = latin(
    rb"\\(?:u\{[0-9A-Fa-f]{1,6}\}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[^uUx\n])|&#?[A-Za-z0-9]{2,8};|%[0-9A-F]{2}"
)


def choose_surrogate(entity: Entity, value: bytes) -> str:
    """A harmless value of the same form, the same for the same value.

    E-mails become one of 64 mailboxes under example.com (RFC 2606), machine addresses one of 5 private (RFC
    1918) or 5 documentation addresses (RFC 3849), names one of 64 made-up ones, user names one of 64 accounts that
    are identifiers. Keys and passwords become one letter of 16, repeated to the same length in characters; what is
    an escape in the program around stays, and of a block of several lines all but the encoded runs, so that quotes
    and line ends survive.
    """
    number = int.from_bytes(sha256(_PEPPER + entity.encode() + b"\n" + value).digest()[:8], "big")
    if entity == "EMAIL":
        return f"user{number % _MAILBOXES:02d}@example.com"
    if entity == "IP_ADDRESS":
        table = _IPV6 if b":" in value else _IPV4
        return table[number % len(table)]
    if entity == "NAME":
        return f"{_FIRST[number % 16]} {_LAST[number // 16 % 4]}"
    if entity == "USERNAME":
        # After a backslash, as in a Windows path, `m` begins no escape of any language; `u` and `x` do.
        return f"member{number % _ACCOUNTS:02d}"
    letter = _LETTERS[number % len(_LETTERS)]
    if entity == "PASSWORD":
        return _cover(value, letter)
    if b"\n" not in value and b"\\n" not in value:
        return chr(letter) * len(value.decode("utf-8", "replace"))
    masked = bytearray(value)
    for start, end in encoded_runs(value):
        masked[start:end] = bytes([letter]) * (end - start)
    return masked.decode("utf-8", "replace")


def _cover(value: bytes, letter: int) -> str:
    """Every character but those of escapes replaced by the letter."""
    parts, done = [], 0
    for match in _ESCAPE.finditer(value):
        parts += [
            chr(letter) * len(value[done : match.start()].decode("utf-8", "replace")),
            match.group().decode("utf-8", "replace"),
        ]
        done = match.end()
    return "".join([*parts, chr(letter) * len(value[done:].decode("utf-8", "replace"))])
