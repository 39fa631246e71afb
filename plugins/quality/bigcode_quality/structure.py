"""`quality.structure`: what a text is made of, for the filters that look further than line lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bigcode_quality import visible
from bigcode_quality.blocks import blocks_of
from bigcode_quality.comments import SYNTAX, count_comments
from bigcode_quality.encoded import measure_encoded
from bigcode_quality.statistics import find_wide

if TYPE_CHECKING:
    from bigcode.api import Context
    from bigcode_quality.config import StructureConfig

SCHEMA = pa.schema(
    [
        ("chars", pa.int64()),
        ("xml_head", pa.bool_()),
        ("html_visible", pa.float64()),
        ("html_visible_chars", pa.int64()),
        ("comments_ratio", pa.float64()),
        ("encoded", pa.float64()),
        ("encoded_longest", pa.int64()),
        ("repeated_lines", pa.float64()),
    ]
)
_XML = b"<?xml version="


class TextStructure:
    def __init__(self, config: StructureConfig) -> None:
        """There is nothing to set."""

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Columns blob, name (string) and content (binary, UTF-8) in; blob, name and those of `SCHEMA` out, a row
        for each row. Visible text is null where a name is none of HTML, comments where no lexer knows the syntax."""
        names = table.column("name").to_pylist()
        batches, first = [], 0
        for block in blocks_of(table.column("content")):
            block, wide = find_wide(block)
            counts = np.diff(block.rows_of(wide.bytes))
            chars = np.diff(block.bounds) - np.diff(block.rows_of(wide.continuing))
            contents = block.contents()
            covered, longest = measure_encoded(block, contents)
            rows = [
                _measure(name, content, size, not high)
                for name, content, size, high in zip(
                    names[first : first + len(block)], contents, chars.tolist(), counts.tolist(), strict=True
                )
            ]
            first += len(block)
            xml, seen, seen_chars, comments, repeated = zip(*rows, strict=True)
            share = np.divide(covered, chars, out=np.zeros(len(block)), where=chars > 0)
            columns: list[Any] = [chars, xml, seen, seen_chars, comments, share, longest, repeated]
            arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)]
            batches.append(pa.record_batch(arrays, schema=SCHEMA))
        out = pa.Table.from_batches(batches, SCHEMA).combine_chunks()
        for index, key in enumerate(("blob", "name")):
            out = out.add_column(index, table.schema.field(key), table.column(key))
        return out


def _measure(
    name: str, content: bytes, chars: int, ascii_only: bool
) -> tuple[bool, float | None, int | None, float | None, float]:
    """Whether it begins as XML, share and characters of visible text, share of comments, and of repeated lines."""
    extension = name[name.rfind(".") :].lower() if "." in name else ""
    seen = share = comments = None
    if extension in visible.EXTENSIONS:
        seen = visible.count_visible(content)
        share = seen / chars if chars else 0.0
    elif lexer := SYNTAX.get(extension):
        comments = count_comments(content, lexer, ascii_only) / chars if chars else 0.0
    repeated = measure_repeated(content if ascii_only else content.decode())
    return _begins_as_xml(content), share, seen, comments, repeated


def _begins_as_xml(content: bytes) -> bool:
    """Whether an XML declaration begins and ends in the first 100 characters."""
    head = content[:400]
    return _XML in head and _XML in head.decode("utf-8", "ignore")[:100].encode()


def measure_repeated(text: str | bytes) -> float:
    """The share of the characters in lines that stands in lines which the file held before.

    Of each set of equal lines all but one count; line feeds do not. (Rae et al. 2021, appendix A1.1, do this with
    paragraphs and lines of prose.)
    """
    lines = text.split(b"\n") if isinstance(text, bytes) else text.split("\n")
    total = len(text) - len(lines) + 1
    return 1 - sum(map(len, set(lines))) / total if total else 0.0
