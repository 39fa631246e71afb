"""`sources.tables`: tables that already hold source files, as rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from bigcode.api import FetchContext, Unit
from bigcode_sources.config_tables import TablesConfig
from bigcode_sources.intake import Omissions, TooLarge
from bigcode_sources.pinned import find_pinned, open_pinned

if TYPE_CHECKING:
    import pyarrow as pa


class TablesCollector:
    """One unit a file."""

    def __init__(self, config: TablesConfig) -> None:
        self.config = config

    def units(self) -> Iterable[Unit]:
        """Sorted by path. The digest of an unpinned table is taken now, so that an edit is a reason to run.

        Raises:
            Problem: E708 when an unpinned table cannot be read, or a pattern names nothing.
        """
        behaviour = self.config.behaviour
        for place, sha256 in find_pinned(self.config.tables, self.config.root).items():
            yield Unit(place, {"sha256": sha256, **behaviour})

    def fetch(self, unit: Unit, ctx: FetchContext) -> pa.Table:
        """The rows with safe paths and UTF-8 text, in the order of the table; of several rows for one file the first.
        A table with more text than `bytes` is a failed unit without rows.

        Raises:
            Problem: E702 when the table does not have its digest, E708 when it cannot be read or lacks a column
                or a value.
        """
        from bigcode_sources.readers import Reader
        from bigcode_sources.rows import SCHEMA
        from bigcode_sources.sieve import Sieve

        layout = self.config.resolved
        omissions = Omissions(unit.name, self.config.file_bytes)
        sieve = Sieve(omissions, layout.pointers == "keep", self.config.bytes)
        reader = Reader(unit.name, layout, omissions, self.config.bad_rows == "omit")
        with open_pinned(unit.name, unit.identity["sha256"], self.config.root, ctx) as file:
            read = reader.lines if self.config.format == "jsonl" else reader.parquet
            try:
                for batch in read(file):
                    sieve.take(batch)
            except TooLarge as problem:
                ctx.warn(replace(problem.diagnostics[0], severity="warning"))
                ctx.failed("too-large")
                return SCHEMA.empty_table()
        table = sieve.table()
        omissions.report(ctx)
        return table
