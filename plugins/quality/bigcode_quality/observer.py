"""`quality.text`: one row of statistics for each blob."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from bigcode_quality.statistics import measure

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

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Columns blob and content (binary, UTF-8) in; blob and those of `SCHEMA` out, a row for each row."""
        rows = [measure(content, self.marker_lines) for content in table.column("content").to_pylist()]
        columns = zip(*rows, strict=True) if rows else [()] * len(SCHEMA)
        out = pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)
        return out.add_column(0, table.schema.field("blob"), table.column("blob"))
