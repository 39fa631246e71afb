"""What whoever passes a dataset on owes its projects: their licences and copyright lines."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.decide.people import without_mail

NOTICES = pa.schema(
    [
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("revisions", pa.list_(pa.string())),
        ("licenses", pa.list_(pa.string())),
        ("copyright", pa.list_(pa.string())),
        ("files", pa.int64()),
    ]
)
"""A row for each project with a kept file; lists are sorted and hold each value once."""
_HOME = ["host", "owner", "repository"]
_VERSION = [*_HOME, "revision"]


def of_projects(kept: pa.Table, texts: pa.Table) -> pa.Table:
    """The notices of the projects of a bucket, of schema `NOTICES`, sorted.

    Args:
        kept: host, owner, repository, revision, license, copyright (list<string>) of kept files.
        texts: host, owner, repository, revision, copyright of the licence texts, which need not be kept themselves.
    """
    chosen = texts.filter(pc.is_in(_key(texts, _VERSION), value_set=_key(kept, _VERSION)))
    lines = pa.concat_tables([_lines(kept), _lines(chosen)])
    counted = kept.group_by(_HOME, use_threads=False).aggregate([([], "count_all")])
    out = counted.rename_columns([*_HOME, "files"]).sort_by([(name, "ascending") for name in _HOME])
    lists = {
        "revisions": _listed(kept, "revision", out),
        "licenses": _listed(kept, "license", out),
        "copyright": _listed(lines, "line", out),
    }
    return pa.table(
        [lists[name] if name in lists else _column(out, name) for name in NOTICES.names], schema=NOTICES
    )


def with_lines_of(notices: pa.Table, parent: pa.Table) -> pa.Table:
    """Notices of records, which hold no copyright line themselves, with the lines of their projects in another dataset,
    and the revisions that those were read in."""
    at = pc.index_in(_key(notices, _HOME), value_set=_key(parent, _HOME))
    for name in ("revisions", "copyright"):
        found = _or_empty(_column(parent, name).take(at))
        notices = notices.set_column(notices.column_names.index(name), NOTICES.field(name), found)
    return notices


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks()


def _key(table: pa.Table, names: list[str]) -> pa.Array:
    return pc.binary_join_element_wise(*(_column(table, name) for name in names), "\0")


def _lines(table: pa.Table) -> pa.Table:
    lists = _column(table, "copyright")
    homes = table.select(_HOME).take(pc.list_parent_indices(lists))
    found = homes.append_column("line", without_mail(pc.list_flatten(lists)))
    return found.filter(pc.not_equal(found["line"], ""))


def _listed(rows: pa.Table, column: str, projects: pa.Table) -> pa.Array:
    """For each project the distinct values of a column, sorted."""
    distinct = rows.group_by([*_HOME, column], use_threads=False).aggregate([])
    ordered = distinct.sort_by([(name, "ascending") for name in (*_HOME, column)]).combine_chunks()
    lists = ordered.group_by(_HOME, use_threads=False).aggregate([(column, "list")]).combine_chunks()
    at = pc.index_in(_key(projects, _HOME), value_set=_key(lists, _HOME))
    return _or_empty(_column(lists, f"{column}_list").cast(pa.list_(pa.string())).take(at))


def _or_empty(lists: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_valid(lists), lists, pa.scalar([], pa.list_(pa.string())))
