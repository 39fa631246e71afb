"""Ed25519 keys and signatures, in hex."""

from __future__ import annotations

import os
from pathlib import Path

from bigcode.api.diagnostics import fail


def make_key(path: Path) -> str:
    """Make a private key file (mode 600) unless one is there; returns the public key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(Ed25519PrivateKey.generate().private_bytes_raw().hex() + "\n")
    return public_key(path)


def public_key(path: Path) -> str:
    """The public key of a private key file.

    Raises:
        Problem: E405 when the file is absent or holds no key.
    """
    return str(_private(path).public_key().public_bytes_raw().hex())


def sign(path: Path, message: bytes) -> str:
    """Signature of a message with the key of a file.

    Raises:
        Problem: E405.
    """
    return str(_private(path).sign(message).hex())


def verified(key: str, signature: str, message: bytes) -> bool:
    """Whether `signature` over `message` was made with the public key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _private(path: Path):  # type: ignore[no-untyped-def]
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip()))
    except (OSError, ValueError) as error:
        raise fail(
            "E405", f"no key can be read at {path}", hint="`bigcode optout key SPEC` makes one."
        ) from error
