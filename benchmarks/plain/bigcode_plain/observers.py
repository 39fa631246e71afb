"""The same answer for every file: licensed, plain text, and nobody's data in it."""

from __future__ import annotations

import pyarrow as pa

from bigcode.api import Context
from bigcode_plain.config import PlainConfig


class _Constant:
    def __init__(self, config: PlainConfig) -> None:
        self.columns: dict[str, pa.Scalar] = {}

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """blob, and each constant in every row."""
        out = table.select(["blob"])
        for name, value in self.columns.items():
            out = out.append_column(name, pa.repeat(value, table.num_rows))
        return out


class License(_Constant):
    def __init__(self, config: PlainConfig) -> None:
        self.columns = {
            "license_ids": pa.scalar(["MIT"], pa.list_(pa.string())),
            "license_scores": pa.scalar([1.0], pa.list_(pa.float64())),
            "license_role": pa.scalar("header"),
            "license_attribution": pa.scalar(False),
        }


class Language(_Constant):
    def __init__(self, config: PlainConfig) -> None:
        self.columns = {"language": pa.scalar("Text"), "generated": pa.scalar(False)}


class Pii(_Constant):
    def __init__(self, config: PlainConfig) -> None:
        finding = pa.struct(
            [
                ("start", pa.int64()),
                ("end", pa.int64()),
                ("entity", pa.string()),
                ("score", pa.float64()),
                ("surrogate", pa.string()),
            ]
        )
        self.columns = {"pii": pa.scalar([], pa.list_(finding))}
