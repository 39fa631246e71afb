"""The earlier values of a reference. They are never removed: each is small, and its place keeps a late writer out."""

from __future__ import annotations

import json
from typing import Any

from bigcode.api.diagnostics import fail
from bigcode.store.store import Store


def generations(store: Store, address: str) -> list[int]:
    """Numbers of the generations of a reference, ascending; empty when it does not exist."""
    names = store.files.names(_folder(address))
    return sorted(int(name.removesuffix(".json")) for name in names if name[:1].isdigit())


def value_at(store: Store, address: str, generation: int) -> dict[str, Any] | None:
    """The value that a reference had.

    Raises:
        Problem: E511 when it cannot be read.
    """
    name = f"{_folder(address)}/{generation:08d}.json"
    try:
        value: dict[str, Any] | None = json.loads(store.files.read(name) or b"null")
    except (ValueError, RecursionError) as error:
        hint = f"Move {name} out of the store."
        raise fail("E511", f"generation {generation} of {address} cannot be read", hint=hint) from error
    return value


def _folder(address: str) -> str:
    kind, _, rest = address.partition("/")
    name, _, version = rest.partition("@")
    return f"refs/{kind}/{name}/{version or '-'}"
