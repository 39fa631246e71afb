"""Small movable references with compare-and-swap: each generation is a file that only one writer can create."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bigcode.api.canonical import canonical
from bigcode.api.diagnostics import fail
from bigcode.store.files import Files


@dataclass(frozen=True, slots=True)
class RefValue:
    """`generation` counts the moves of the reference; zero means that it does not exist yet."""

    generation: int
    value: Any = None


class Refs:
    """`refs/<Kind>/<name>/<version>/<generation>.json`; the highest generation is the value."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self, address: str) -> RefValue:
        """The newest value.

        Raises:
            Problem: E511 when it cannot be read.
        """
        names = self._files.names(_folder(address))
        if not names:
            return RefValue(0)
        name = f"{_folder(address)}/{names[-1]}"
        try:
            generation = int(names[-1].removesuffix(".json"))
            value = json.loads(self._files.read(name) or b"")
            if not isinstance(value, dict | None):
                raise ValueError("it holds no mapping")
        except (ValueError, RecursionError) as error:
            hint = f"Move {name} out of the store: the one before it stands then. Run `bigcode apply`."
            raise fail("E511", f"the reference {address} cannot be read", hint=hint) from error
        return RefValue(generation, value)

    def move(self, address: str, expected: int, value: Any) -> RefValue:
        """Set the reference, if it is still at the generation `expected`; two runs that agree move it once.

        Raises:
            Problem: E505 when somebody else moved it to another value in the meantime.
        """
        name = f"{_folder(address)}/{expected + 1:08d}.json"
        data = canonical(value)
        if not self._files.put_if_absent(name, data) and self._files.read(name) != data:
            raise fail(
                "E505", f"{address} was moved by another run", hint="Run the command again; nothing is lost."
            )
        return RefValue(expected + 1, value)

    def addresses(self) -> list[str]:
        """All addresses that have a value, sorted."""
        found = []
        for kind in self._files.names("refs"):
            for name in self._files.names(f"refs/{kind}"):
                found += [f"{kind}/{name}@{version}" for version in self._files.names(f"refs/{kind}/{name}")]
        return found


def _folder(address: str) -> str:
    kind, _, rest = address.partition("/")
    name, _, version = rest.partition("@")
    return f"refs/{kind}/{name}/{version or '-'}"
