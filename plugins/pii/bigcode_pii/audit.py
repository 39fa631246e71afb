"""A second look at released shards: what a detector finds in them, by row, without saying what it is.

After a release this answers whether a newer detector would have found more. What to do then is for people: a case, a
withdrawal, a notice to who holds the data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from bigcode_pii.config import ENTITIES, GatedConfig
from bigcode_pii.detector import Detector
from bigcode_pii.gated import views

ROWS = pa.schema(
    [
        ("shard", pa.string()),
        ("row", pa.int64()),
        ("id", pa.string()),
        ("entity", pa.string()),
        ("count", pa.int64()),
    ]
)
_IDS = ("row_id", "blob_id", "blob", "swhid", "id")
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Audit:
    """`counts` holds findings by entity; `rows` (schema `ROWS`) which rows hold them, in the order of the shards.

    `id` is the shard's own id of the row, empty where it has none. No value and no place within a row is kept.
    """

    files: int
    counts: dict[str, int]
    rows: pa.Table


def scan(
    paths: Iterable[str | Path],
    config: GatedConfig | None = None,
    column: str = "content",
) -> Audit:
    """Run the rules over Parquet shards, a batch of rows at a time.

    Surrogates that a release put in are not found: the rules know their forms.

    Raises:
        KeyError: if a shard has no such column of text or binary.
    """
    settings = config or GatedConfig()
    detector = Detector(settings.entities, settings.copyright_names)
    counts = dict.fromkeys(ENTITIES, 0)
    found: list[tuple[str, int, str, str, int]] = []
    files = 0
    for path in sorted(map(Path, paths)):
        with parquet.ParquetFile(path) as shard:
            names = shard.schema_arrow.names
            if column not in names:
                raise KeyError(f"{path.name} has no column {column}")
            key = next((name for name in _IDS if name in names), None)
            row = 0
            for batch in shard.iter_batches(_BATCH, columns=[column, *([key] if key else [])]):
                table = pa.table(batch)
                texts = pc.fill_null(table[column].cast(pa.large_binary()), b"")
                ids = table[key].to_pylist() if key else None
                for offset, view in enumerate(views(texts)):
                    hits = detector.hits(view)
                    if hits:
                        entities = [finding.entity for finding in detector.confirm(bytes(view), hits)]
                        for entity in sorted(set(entities)):
                            name = str(ids[offset]) if ids else ""
                            counts[entity] += entities.count(entity)
                            found.append((path.name, row + offset, name, entity, entities.count(entity)))
                row += table.num_rows
            files += row
    columns = zip(*found, strict=True) if found else ([],) * len(ROWS)
    arrays = [pa.array(list(values), field.type) for values, field in zip(columns, ROWS, strict=True)]
    return Audit(files, counts, pa.Table.from_arrays(arrays, schema=ROWS))
