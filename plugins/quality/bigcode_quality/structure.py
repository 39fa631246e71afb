"""`quality.structure`: what a text is made of, for the filters that look further than line lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from bigcode_quality import visible
from bigcode_quality.blocks import Block, blocks_of
from bigcode_quality.comments import SYNTAX, count_comments
from bigcode_quality.engine import Structure, load_engine
from bigcode_quality.statistics import ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bigcode.api import Context
    from bigcode_quality.config import StructureConfig

Count = tuple[int | None, int]

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
            found = self.engine.measure_structure(block)
            seen, comments = _read_by_name(names[first : first + len(block)], block, found)
            first += len(block)
            columns = (
                found.chars,
                found.xml,
                [None if count is None else count / chars if chars else 0.0 for count, chars in seen],
                [count for count, _ in seen],
                [None if count is None else count / chars if chars else 0.0 for count, chars in comments],
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


def _read_by_name(names: Sequence[str], block: Block, found: Structure) -> tuple[list[Count], list[Count]]:
    """Visible characters of HTML and characters in comments, each with those of the row; None for other files."""
    seen, comments = [], []
    for row, (name, chars, ascii_only) in enumerate(
        zip(names, found.chars.tolist(), found.ascii.tolist(), strict=True)
    ):
        extension = name[name.rfind(".") :].lower() if "." in name else ""
        visible_chars = in_comments = None
        if extension in visible.EXTENSIONS:
            visible_chars = visible.count_visible(found.mended.get(row) or block.content(row))
        elif lexer := SYNTAX.get(extension):
            in_comments = count_comments(found.mended.get(row) or block.content(row), lexer, ascii_only)
        seen.append((visible_chars, chars))
        comments.append((in_comments, chars))
    return seen, comments
