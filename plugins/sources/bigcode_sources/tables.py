"""`sources.tables`: tables that already hold source files, as rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bigcode.api import FetchContext, Unit
from bigcode_sources.config_tables import TablesConfig
from bigcode_sources.intake import Omissions
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
        """The rows with safe paths and UTF-8 text; of several rows for one file the first.

        Raises:
            Problem: E702 when the table does not have its digest, E708 when it cannot be read or lacks a column
                or a value.
        """
        from bigcode_sources.readers import Reader
        from bigcode_sources.sieve import Sieve

        layout = self.config.resolved
        omissions = Omissions(unit.name, self.config.file_bytes)
        sieve = Sieve(omissions, layout.pointers == "keep")
        reader = Reader(unit.name, layout, omissions, self.config.bad_rows == "omit")
        with open_pinned(unit.name, unit.identity["sha256"], self.config.root, ctx) as file:
            read = reader.lines if self.config.format == "jsonl" else reader.parquet
            for batch in read(file):
                sieve.take(batch)
        table = sieve.table()
        omissions.report(ctx)
        return table
