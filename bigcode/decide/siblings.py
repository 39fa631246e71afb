"""Datasets that stand beside another: their licences come from it, and their people get other names."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

REPOSITORIES = pa.schema(
    [
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("license", pa.string()),
        ("license_source", pa.string()),
        ("license_reason", pa.string()),
    ]
)
_HOME = ["host", "owner", "repository"]


def of_repositories(observations: pa.Table, license_: pa.Table) -> pa.Table:
    """The licence verdict of each repository: that of most files of its newest revision, the first by name of equals.

    Args:
        observations: host, owner, repository, revision, released, row by row with `license_`.
    """
    table = observations.select([*_HOME, "revision", "released"])
    for name in ("license", "license_source", "license_reason"):
        table = table.append_column(name, license_[name])
    newest = table.group_by(_HOME, use_threads=False).aggregate([("released", "max")])
    joined = table.join(newest, _HOME, join_type="inner")
    last = joined.filter(pc.equal(joined["released"], joined["released_max"]))
    counted = last.group_by(REPOSITORIES.names, use_threads=False).aggregate([([], "count_all")])
    ranked = counted.sort_by(
        [*((n, "ascending") for n in _HOME), ("count_all", "descending"), ("license", "ascending"),
         ("license_reason", "ascending"), ("license_source", "ascending")]
    ).combine_chunks()  # fmt: skip
    first = ranked.group_by(_HOME, use_threads=False).aggregate(
        [(n, "first") for n in REPOSITORIES.names if n not in _HOME]
    )
    return (
        first.rename_columns([c.removesuffix("_first") for c in first.column_names])
        .select(REPOSITORIES.names)
        .cast(REPOSITORIES)
    )
