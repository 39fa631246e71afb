"""The observer `pii.patterns`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from bigcode.api import Context
from bigcode_pii.addresses import find_addresses
from bigcode_pii.config import PatternEntity, PatternsConfig
from bigcode_pii.emails import find_emails
from bigcode_pii.findings import Finding, separate
from bigcode_pii.keys import find_keys
from bigcode_pii.surrogates import choose_surrogate

_FINDERS: dict[PatternEntity, Callable[[bytes], Iterator[Finding]]] = {
    "EMAIL": find_emails,
    "IP_ADDRESS": find_addresses,
    "KEY": find_keys,
}
_COUNTS: dict[PatternEntity, str] = {"EMAIL": "pii_email", "IP_ADDRESS": "pii_ip", "KEY": "pii_key"}
_FINDING = pa.struct(
    [
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("entity", pa.string()),
        ("score", pa.float64()),
        ("surrogate", pa.string()),
    ]
)


def find(content: bytes, entities: tuple[PatternEntity, ...] = PatternsConfig().entities) -> list[Finding]:
    """The findings of a UTF-8 text, in its order, none overlapping another; offsets count bytes."""
    return separate(finding for entity in entities for finding in _FINDERS[entity](content))


def mask(content: bytes, findings: list[Finding]) -> bytes:
    """The text with every finding replaced by its surrogate."""
    parts, done = [], 0
    for finding in findings:
        value = content[finding.start : finding.end]
        parts += [content[done : finding.start], choose_surrogate(finding.entity, value).encode()]
        done = finding.end
    return b"".join([*parts, content[done:]])


class Patterns:
    """Partition stage: blob, content -> blob, pii, pii_email, pii_ip, pii_key; a row for each row."""

    def __init__(self, config: PatternsConfig) -> None:
        self.entities = config.entities

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        found: list[list[dict[str, Any]]] = []
        counts: dict[PatternEntity, list[int]] = {entity: [] for entity in _COUNTS}
        for content in table["content"]:
            data = content.as_py()
            findings = find(data, self.entities)
            found.append([_describe(finding, data) for finding in findings])
            for entity, column in counts.items():
                column.append(sum(finding.entity == entity for finding in findings))
        return pa.table(
            {
                "blob": table["blob"],
                "pii": pa.array(found, pa.list_(_FINDING)),
                **{_COUNTS[entity]: pa.array(column, pa.int64()) for entity, column in counts.items()},
            }
        )


def _describe(finding: Finding, content: bytes) -> dict[str, Any]:
    return {
        "start": finding.start,
        "end": finding.end,
        "entity": finding.entity,
        "score": finding.score,
        "surrogate": choose_surrogate(finding.entity, content[finding.start : finding.end]),
    }
