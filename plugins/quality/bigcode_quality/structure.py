"""`quality.structure`: what a text is made of, for the filters that look further than line lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bigcode_quality import visible
from bigcode_quality.blocks import block_of, blocks_of
from bigcode_quality.comments import SYNTAX, count_comments
from bigcode_quality.encoded import measure_encoded

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
        ("repeated_lines", pa.float64()),
        ("encoded", pa.float64()),
        ("encoded_longest", pa.int64()),
    ]
)


class TextStructure:
    def __init__(self, config: StructureConfig) -> None:
        """There is nothing to set."""

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Columns blob, name (string) and content (binary, UTF-8) in; blob, name and those of `SCHEMA` out, a row
        for each row. Visible text is null where a name is none of HTML, comments where no lexer knows the syntax."""
        names = table.column("name").to_pylist()
        batches, first = [], 0
        for block in blocks_of(table.column("content")):
            given = block.contents()
            files = [decode(content) for content in given]
            contents = [content for content, _ in files]
            if any(new is not old for new, old in zip(contents, given, strict=True)):
                block = block_of(contents)
            covered, longest = measure_encoded(block, contents)
            rows = [
                _measure(n, c, t) for n, (c, t) in zip(names[first : first + len(block)], files, strict=True)
            ]
            first += len(block)
            chars, *others = zip(*rows, strict=True)
            size = np.array(chars)
            share = np.divide(covered, size, out=np.zeros(len(block)), where=size > 0)
            columns: list[Any] = [chars, *others, share, longest]
            arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)]
            batches.append(pa.record_batch(arrays, schema=SCHEMA))
        out = pa.Table.from_batches(batches, SCHEMA).combine_chunks()
        for index, key in enumerate(("blob", "name")):
            out = out.add_column(index, table.schema.field(key), table.column(key))
        return out


def decode(content: bytes) -> tuple[bytes, str | bytes]:
    """A file as UTF-8 and as characters, which for ASCII are the same bytes; what is not UTF-8 is replaced."""
    if content.isascii():
        return content, content
    try:
        return content, content.decode()
    except UnicodeDecodeError:
        text = content.decode("utf-8", "replace")
        return text.encode(), text


def _measure(name: str, content: bytes, text: str | bytes) -> tuple[Any, ...]:
    """The columns of `SCHEMA` from `chars` to `repeated_lines`."""
    extension = name[name.rfind(".") :].lower() if "." in name else ""
    chars = len(text)
    seen = share = comments = None
    if extension in visible.EXTENSIONS:
        seen = visible.count_visible(content)
        share = seen / chars if chars else 0.0
    elif lexer := SYNTAX.get(extension):
        comments = count_comments(content, lexer, text is content) / chars if chars else 0.0
    return chars, _begins_as_xml(text), share, seen, comments, measure_repeated(text)


def _begins_as_xml(text: str | bytes) -> bool:
    """Whether an XML declaration begins, up to its version, in the first 100 characters."""
    return "<?xml version=" in text[:100] if isinstance(text, str) else b"<?xml version=" in text[:100]


def measure_repeated(text: str | bytes) -> float:
    """The share of the characters in lines that stands in lines which the file held before.

    Of each set of equal lines all but one count; line feeds do not. (Rae et al. 2021, appendix A1.1, do this with
    paragraphs and lines of prose.)
    """
    lines = text.split(b"\n") if isinstance(text, bytes) else text.split("\n")
    total = len(text) - len(lines) + 1
    return 1 - sum(map(len, set(lines))) / total if total else 0.0
