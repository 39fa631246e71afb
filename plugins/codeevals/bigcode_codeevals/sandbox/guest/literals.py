"""Values as JSON with tags, and frames on a socket. Runs inside sandboxes: standard library only, no pickle.

A frame is four bytes of length, big-endian, and so many bytes of JSON. Lists, text, numbers, booleans and None stand
for themselves; everything else is an object `{"t": tag, "v": value}`. What is no literal goes as a handle: a number
that means something only to the process that gave it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any, Protocol

DEEPEST = 64
_SMALL = 2**63


class BadReply(Exception):
    """What arrived is no frame, no literal, or too much."""


def encode(value: Any, handle: Callable[[Any], int], depth: int = 0) -> Any:
    """The tagged form of `value`; `handle(object)` numbers what is no literal.

    A subclass of a built-in type goes as that type, so that no method of it is ever asked.
    """
    if depth > DEEPEST:
        raise BadReply("too deep")
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__getitem__(value, slice(None))
    if isinstance(value, int):
        whole = int.__int__(value)
        return whole if -_SMALL < whole < _SMALL else {"t": "int", "v": hex(whole)}
    if isinstance(value, float):
        plain = float.__float__(value)
        return plain if plain - plain == 0 else {"t": "float", "v": repr(plain)}
    if isinstance(value, list):
        return [encode(item, handle, depth + 1) for item in list.__iter__(value)]
    if isinstance(value, tuple):
        return {"t": "tuple", "v": [encode(item, handle, depth + 1) for item in tuple.__iter__(value)]}
    if isinstance(value, dict):
        pairs = [[encode(k, handle, depth + 1), encode(v, handle, depth + 1)] for k, v in dict.items(value)]
        return {"t": "dict", "v": pairs}
    if isinstance(value, set):
        return {"t": "set", "v": [encode(item, handle, depth + 1) for item in set.__iter__(value)]}
    if isinstance(value, frozenset):
        return {
            "t": "frozenset",
            "v": [encode(item, handle, depth + 1) for item in frozenset.__iter__(value)],
        }
    if isinstance(value, (bytes, bytearray)):
        return {"t": "bytes", "v": bytes(value).hex()}
    if isinstance(value, complex):
        return {"t": "complex", "v": [encode(value.real, handle), encode(value.imag, handle)]}
    if isinstance(value, range):
        return {"t": "range", "v": [encode(n, handle) for n in (value.start, value.stop, value.step)]}
    named = f"{type(value).__module__}.{type(value).__qualname__}"
    if named == "decimal.Decimal":
        return {"t": "decimal", "v": str(value)}
    if named == "fractions.Fraction":
        parts = (value.numerator, value.denominator)
        return {"t": "fraction", "v": [encode(n, handle) for n in parts]}
    return {"t": "handle", "v": handle(value)}


def decode(data: Any, resolve: Callable[[int], Any]) -> Any:
    """The value of a tagged form; `resolve(number)` is the stand-in of a handle.

    Raises:
        BadReply: where the form is none that `encode` writes.
    """
    if data is None or isinstance(data, (bool, int, float, str)):
        return data
    if isinstance(data, list):
        return [decode(item, resolve) for item in data]
    if not isinstance(data, dict) or set(data) != {"t", "v"}:
        raise BadReply("no literal")
    return _decode(data["t"], data["v"], resolve)


def _decode(tag: Any, value: Any, resolve: Callable[[int], Any]) -> Any:
    try:
        if tag == "int":
            return int(value, 16)
        if tag == "float":
            return float(value)
        if tag == "bytes":
            return bytes.fromhex(value)
        if tag == "handle" and isinstance(value, int):
            return resolve(value)
        if tag == "decimal":
            from decimal import Decimal

            return Decimal(value)
        items = [decode(item, resolve) for item in value]
        if tag == "tuple":
            return tuple(items)
        if tag == "dict":
            return dict(items)
        if tag == "set":
            return set(items)
        if tag == "frozenset":
            return frozenset(items)
        if tag == "complex":
            return complex(*items)
        if tag == "range":
            return range(*items)
        if tag == "fraction":
            from fractions import Fraction

            return Fraction(*items)
    except BadReply:
        raise
    except Exception as error:
        raise BadReply("no literal") from error
    raise BadReply("unknown tag")


class Stream(Protocol):
    """A connected socket, or what stands for one."""

    def recv(self, most: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> None: ...


class Wire:
    """Frames both ways on a connected stream socket. `most` limits a frame that arrives, `total` all of them."""

    def __init__(self, sock: Stream, most: int = 2**26, total: int = 2**40) -> None:
        self.sock = sock
        self.most = most
        self.left = total

    def send(self, message: Any) -> None:
        data = json.dumps(message, separators=(",", ":")).encode()
        self.sock.sendall(struct.pack(">I", len(data)) + data)

    def receive(self) -> Any:
        """The next message, or None at the end.

        Raises:
            BadReply: a frame that is too long, cut short, or no JSON.
        """
        head = self._read(4)
        if not head:
            return None
        (length,) = struct.unpack(">I", head)
        self.left -= length
        if length > self.most or self.left < 0:
            raise BadReply("too long")
        try:
            return json.loads(self._read(length))
        except (ValueError, RecursionError) as error:
            raise BadReply("no JSON") from error

    def _read(self, length: int) -> bytes:
        parts: list[bytes] = []
        left = length
        while left:
            part = self.sock.recv(min(left, 1 << 20))
            if not part:
                if parts:
                    raise BadReply("cut short")
                return b""
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
