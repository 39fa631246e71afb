"""`quality.structure`: what a text is made of, for the filters that look further than line lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from bigcode_quality import visible
from bigcode_quality.blocks import Block, blocks_of
from bigcode_quality.comments import EXTENSIONS
from bigcode_quality.engine import Structure, load_engine
from bigcode_quality.statistics import ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bigcode.api import Context
    from bigcode_quality.config import StructureConfig

SCHEMA = pa.schema(
    [
        ("chars", pa.int64()),
        ("xml_head", pa.bool_()),
        ("html_visible", pa.float64()),
        ("html_visible_chars", pa.int64()),
        ("comments_ratio", pa.float64()),
        ("repeated_lines", pa.float64()),
        ("encoded", pa.float64()),
        ("encoded_longest", pa.int64()),
    ]
)


class TextStructure:
    def __init__(self, config: StructureConfig) -> None:
        """There is nothing to set."""
        self.engine = load_engine()

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Columns blob, name (string) and content (binary, UTF-8) in; blob, name and those of `SCHEMA` out, a row
        for each row. Visible text is null where a name is none of HTML, comments where no lexer knows the syntax."""
        names = table.column("name").to_pylist()
        batches, first = [], 0
        for block in blocks_of(table.column("content"), self.engine.BLOCK_BYTES):
            extensions = [_extension(name) for name in names[first : first + len(block)]]
            found = self.engine.measure_structure(block, extensions)
            first += len(block)
            chars = found.chars.tolist()
            seen = _count_visible(block, found, extensions)
            comments = [
                _share(count, size) if extension in EXTENSIONS else None
                for count, size, extension in zip(found.comments.tolist(), chars, extensions, strict=True)
            ]
            columns = (
                found.chars,
                found.xml,
                [
                    None if count is None else _share(count, size)
                    for count, size in zip(seen, chars, strict=True)
                ],
                seen,
                comments,
                found.repeated,
                ratio(found.encoded, found.chars),
                found.longest,
            )
            arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)]
            batches.append(pa.record_batch(arrays, schema=SCHEMA))
        out = pa.Table.from_batches(batches, SCHEMA).combine_chunks()
        for index, key in enumerate(("blob", "name")):
            out = out.add_column(index, table.schema.field(key), table.column(key))
        return out


def _extension(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""


def _share(count: int, chars: int) -> float:
    return count / chars if chars else 0.0


def _count_visible(block: Block, found: Structure, extensions: Sequence[str]) -> list[int | None]:
    """Visible characters of HTML, None for other files."""
    return [
        visible.count_visible(found.mended.get(row) or block.content(row))
        if extension in visible.EXTENSIONS
        else None
        for row, extension in enumerate(extensions)
    ]
