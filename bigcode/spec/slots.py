"""Which slot a component must fill where a spec names it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bigcode.api.resource import Uses

Path_ = tuple[str | int, ...]


class Slot:
    """Marks a field that holds components: each must be made for this slot."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Slot({self.name})"


def find_uses(value: Any, path: Path_, slot: str = "") -> Iterator[tuple[Path_, Uses, str]]:
    """All components that a spec names: their paths of YAML names, themselves, and the slots they are to fill."""
    if isinstance(value, Uses):
        yield path, value, slot
    elif hasattr(type(value), "model_fields"):
        for name, info in type(value).model_fields.items():
            wanted = next((mark.name for mark in info.metadata if isinstance(mark, Slot)), "")
            yield from find_uses(getattr(value, name), (*path, info.alias or name), wanted)
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from find_uses(item, (*path, index), slot)
