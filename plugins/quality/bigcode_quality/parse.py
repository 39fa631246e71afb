"""`quality.parse`: how much of a program its grammar cannot read.

The share of a file that is in error says more than whether there is an error: a grammar lags behind its language, and
one new keyword makes an error of a few characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from tree_sitter import Parser, Tree
from tree_sitter_language_pack import get_language

from bigcode_quality.grammars import GRAMMARS, extensions_of

if TYPE_CHECKING:
    from bigcode.api import Context
    from bigcode_quality.config import ParseConfig


class ParseErrors:
    def __init__(self, config: ParseConfig) -> None:
        self.max_bytes = config.max_bytes
        self.parsers: dict[str, list[Parser]] = {}
        for language in sorted(config.languages):
            parser = Parser(get_language(GRAMMARS[language][0]))
            for extension in extensions_of(language):
                self.parsers.setdefault(extension, []).append(parser)

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Columns blob, name (string) and content (binary, UTF-8) in; blob, name and parse_errors (double) out, a row
        for each row: null for a language that is not asked for and for a file above the limit."""
        names, contents = table.column("name"), table.column("content")
        found = [self.measure(name.as_py(), content) for name, content in zip(names, contents, strict=True)]
        columns = {"blob": table.column("blob"), "name": names, "parse_errors": pa.array(found, pa.float64())}
        return pa.table(columns)

    def measure(self, name: str, content: pa.BinaryScalar) -> float | None:
        """The share of errors in 0..1, the smallest one where an extension belongs to several languages."""
        parsers = self.parsers.get(name[name.rfind(".") :].lower()) if "." in name else None
        if not parsers or len(content.as_buffer()) > self.max_bytes:
            return None
        source = content.as_py()
        return min(count_errors(parser.parse(source)) for parser in parsers) / max(len(source), 1)


def count_errors(tree: Tree) -> int:
    """Bytes that the grammar could make nothing of; a token that is missing counts as one.

    These are the bytes of error nodes without what was read inside of them, constructs and comments: a macro that a
    C grammar stumbles over can put a whole file, read correctly otherwise, into one error node. Nothing that holds
    no error is walked into, so that a file without errors costs nothing.
    """
    waiting = [tree.root_node]
    found = 0
    while waiting:
        node = waiting.pop()
        if node.is_missing:
            found += 1
        elif node.is_error:
            read = [c for c in node.children if c.child_count or (c.is_extra and not c.is_error)]
            found += node.end_byte - node.start_byte - sum(c.end_byte - c.start_byte for c in read)
            waiting += read
        elif node.has_error:
            waiting += node.children
    return found
