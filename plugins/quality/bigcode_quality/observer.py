"""`quality.text`: one row of statistics for each blob."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from bigcode_quality.blocks import blocks_of
from bigcode_quality.engine import load_engine
from bigcode_quality.statistics import ratio

if TYPE_CHECKING:
    from bigcode.api import Context
    from bigcode_quality.config import QualityConfig

SCHEMA = pa.schema(
    [
        ("lines", pa.int64()),
        ("max_line", pa.int64()),
        ("mean_line", pa.float64()),
        ("alnum", pa.float64()),
        ("alpha", pa.float64()),
        ("digits", pa.float64()),
        ("generated_marker", pa.bool_()),
    ]
)


class TextStatistics:
    def __init__(self, config: QualityConfig) -> None:
        self.marker_lines = config.marker_lines
        self.engine = load_engine()

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Columns blob and content (binary, UTF-8) in; blob and those of `SCHEMA` out, a row for each row.

        Shares are taken over all characters, line ends included. Empty text measures zero in everything.
        """
        batches = []
        for block in blocks_of(table.column("content"), self.engine.BLOCK_BYTES):
            found, marked = self.engine.measure_text(block, self.marker_lines)
            columns = (
                found.lines,
                found.longest,
                ratio(found.in_lines, found.lines),
                ratio(found.alnum, found.chars),
                ratio(found.letters, found.chars),
                ratio(found.digits, found.chars),
                marked,
            )
            batches.append(pa.record_batch([pa.array(column) for column in columns], schema=SCHEMA))
        out = pa.Table.from_batches(batches, SCHEMA).combine_chunks()
        return out.add_column(0, table.schema.field("blob"), table.column("blob"))
