"""Arrow types in words, and one digest for a table whatever its order and chunks."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

GRAIN_KEYS: dict[str, tuple[str, ...]] = {
    "blob": ("blob",),
    "name": ("blob", "name"),
    "path": ("path",),
    "file": ("blob", "path"),
}


def digest_of(*tables: pa.Table) -> str:
    """sha256 in hex of each table's rows as canonical JSON, sorted, with columns by name; bytes in base64."""
    lines: list[str] = []
    for table in tables:
        lines.append(",".join(sorted(table.column_names)))
        lines += sorted(json.dumps(row, sort_keys=True, default=_encode) for row in table.to_pylist())
    return sha256("\n".join(lines).encode()).hexdigest()


def _encode(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"a result holds a {type(value).__name__}")


def parse_type(words: str) -> pa.DataType:
    """The Arrow type that a `Column` names, for example `list<struct<start:int64,entity:string>>`.

    Raises:
        ValueError: when the words name no type.
    """
    import pyarrow as pa

    words = words.strip()
    if words.startswith("list<") and words.endswith(">"):
        return pa.list_(parse_type(words[5:-1]))
    if words.startswith("struct<") and words.endswith(">"):
        fields = (part.partition(":") for part in _split(words[7:-1]))
        return pa.struct([(name.strip(), parse_type(rest)) for name, _, rest in fields])
    return pa.type_for_alias(words)


def _split(words: str) -> list[str]:
    """At commas that stand in no brackets."""
    parts, depth = [""], 0
    for char in words:
        depth += (char == "<") - (char == ">")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts
