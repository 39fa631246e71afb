"""Receipts for opt-outs: signed statements of what a build did for one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bigcode.api.canonical import canonical, digest
from bigcode.api.diagnostics import fail
from bigcode.evidence.signing import public_key, sign, verified

FORM = "bigcode-optout-receipt/1"


def seal_receipt(said: Mapping[str, Any], key: Path) -> dict[str, Any]:
    """`receipt`, the sha256 of its canonical JSON, and the signature of the store's key over form and digest.

    Raises:
        Problem: E405 when there is no key.
    """
    receipt = {"form": FORM, **said}
    value = digest(canonical(receipt))
    signature = {"key": public_key(key), "value": sign(key, _message(value))}
    return {"receipt": receipt, "sha256": value, "signature": signature}


def check_receipt(sealed: Mapping[str, Any], trusted: Sequence[str]) -> None:
    """Whether a receipt is as it was signed, by a key that counts.

    Raises:
        Problem: E612.
    """
    value = digest(canonical(sealed["receipt"]))
    said = sealed["signature"]
    if value != sealed["sha256"] or not verified(said["key"], said["value"], _message(value)):
        raise fail("E612", "the receipt is not what was signed")
    if said["key"] not in trusted:
        raise fail("E612", "the receipt is signed with a key that does not count")


def _message(value: str) -> bytes:
    return f"{FORM}\nsha256:{value}\n".encode()
