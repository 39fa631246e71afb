"""Running the query of a measured fact again, over a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigcode.api.facts import Query, Value

if TYPE_CHECKING:
    import pyarrow as pa


def run_query(query: Query, table: pa.Table) -> Value:
    """The aggregate over the rows in which every condition holds; sums of nothing are zero.

    A condition on a list column holds when the list contains the value; `count` then counts its occurrences.

    Raises:
        KeyError: when the table has no such column.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    read = [c for c in (*(c for c, _ in query.where), *query.column.split(",")) if c]
    if read:
        table = table.select(list(dict.fromkeys(read)))
    occurrences = 0
    for column, wanted in query.where:
        values = table[column].combine_chunks()
        if pa.types.is_list(values.type):
            flat = pc.equal(pc.list_flatten(values), wanted)
            occurrences += pc.sum(flat.cast(pa.int64())).as_py() or 0
            parents = pc.list_parent_indices(values).filter(flat)
            table = table.take(pc.unique(parents))
        elif wanted is None:
            table = table.filter(pc.is_null(values))
        else:
            table = table.filter(pc.fill_null(pc.equal(values, wanted), False))
    if query.aggregate == "count":
        lists = [c for c, _ in query.where if pa.types.is_list(table.schema.field(c).type)]
        return occurrences if lists else table.num_rows
    if query.aggregate == "distinct" and "," in query.column:
        columns = query.column.split(",")
        present = table.filter(pc.is_valid(table[columns[-1]]))
        return int(present.group_by(columns).aggregate([]).num_rows)
    column_values = table[query.column]
    if query.aggregate == "distinct":
        return len(pc.unique(pc.drop_null(column_values)))
    if query.aggregate == "sum":
        return pc.sum(column_values).as_py() or 0
    value: Value = (pc.min if query.aggregate == "min" else pc.max)(column_values).as_py()
    return value
