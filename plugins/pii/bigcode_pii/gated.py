"""The observer `pii.gated`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from bigcode.api import Context
from bigcode_pii.config import ENTITIES, Entity, GatedConfig
from bigcode_pii.detector import Detector
from bigcode_pii.findings import Finding
from bigcode_pii.surrogates import choose_surrogate

COUNTS: dict[Entity, str] = {
    "EMAIL": "pii_email", "IP_ADDRESS": "pii_ip", "KEY": "pii_key", "PASSWORD": "pii_password",
    "USERNAME": "pii_username", "NAME": "pii_name",
}  # fmt: skip
_FINDING = pa.struct(
    [
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("entity", pa.string()),
        ("score", pa.float64()),
        ("surrogate", pa.string()),
    ]
)


class Gated:
    """Partition stage: blob, content -> blob, pii, pii_kinds, counts by entity; a row for each row."""

    def __init__(self, config: GatedConfig) -> None:
        self.detector = Detector(config.entities, config.copyright_names)

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        self.detector.gate.prepare(ctx)
        found: dict[int, tuple[bytes, list[Finding]]] = {}
        for row, view in enumerate(views(table["content"])):
            hits = self.detector.hits(view)
            if hits:
                content = bytes(view)
                findings = self.confirm(content, hits)
                if findings:
                    found[row] = content, findings
        return describe(table["blob"], found)

    def confirm(self, content: bytes, hits: dict[int, list[list[int]]]) -> list[Finding]:
        """The findings around what the gate let through."""
        return self.detector.confirm(content, hits)


def views(column: pa.ChunkedArray) -> Iterator[memoryview]:
    """The values of a binary column, one after another, without a copy."""
    for chunk in column.chunks:
        width = np.int64 if pa.types.is_large_binary(chunk.type) else np.int32
        _, places, data = chunk.buffers()
        if not len(chunk):
            continue
        offsets = np.frombuffer(places, width)[chunk.offset : chunk.offset + len(chunk) + 1].tolist()
        view = memoryview(data) if data is not None else memoryview(b"")
        for start, end in pairwise(offsets):
            yield view[start:end]


def describe(blobs: pa.ChunkedArray, found: Mapping[int, tuple[bytes, Sequence[Finding]]]) -> pa.Table:
    """The output columns: `found` holds content and findings by row, for those rows that have any."""
    counts = {entity: np.zeros(len(blobs), np.int64) for entity in ENTITIES}
    sizes = np.zeros(len(blobs), np.int32)
    flat: list[Finding] = []
    surrogates: list[str] = []
    for row, (content, findings) in found.items():
        sizes[row] = len(findings)
        flat += findings
        for finding in findings:
            counts[finding.entity][row] += 1
            surrogates.append(choose_surrogate(finding.entity, content[finding.start : finding.end]))
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
    spans = pa.StructArray.from_arrays(
        [
            pa.array([f.start for f in flat], pa.int64()),
            pa.array([f.end for f in flat], pa.int64()),
            pa.array([f.entity for f in flat], pa.string()),
            pa.array([f.score for f in flat], pa.float64()),
            pa.array(surrogates, pa.string()),
        ],
        fields=list(_FINDING),
    )
    kinds = pa.array([f.kind for f in flat], pa.string())
    return pa.table(
        {
            "blob": blobs,
            "pii": pa.ListArray.from_arrays(offsets, spans),
            "pii_kinds": pa.ListArray.from_arrays(offsets, kinds),
            **{COUNTS[entity]: pa.array(column) for entity, column in counts.items()},
        }
    )
