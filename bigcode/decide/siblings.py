"""Datasets that stand beside another: their licences come from it, and their people get other names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.decide.wish_index import FOLDED, Renames, fold_case, fold_separators

REPOSITORIES = pa.schema(
    [
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("license", pa.string()),
        ("license_source", pa.string()),
        ("license_reason", pa.string()),
        ("license_category", pa.string()),
        ("license_attribution", pa.string()),
    ]
)
_JUDGED = REPOSITORIES.names[3:]
RECORDS = ("commits", "issues", "metadata")
"""Kinds of siblings whose rows are records and not files."""
_HOME = ["host", "owner", "repository"]
_BETWEEN = "\0"
"""Stands in no name."""
METADATA = pa.schema(
    [
        ("name", pa.string()),
        ("stars", pa.int64()),
        ("forks", pa.int64()),
        ("fork_of", pa.string()),
        ("renamed_from", pa.list_(pa.string())),
        ("deleted", pa.bool_()),
        ("created", pa.int64()),
        ("pushed", pa.int64()),
        ("languages", pa.list_(pa.string())),
        ("license_told", pa.string()),
    ]
)
"""What a record of a repository says, as columns. `stars` and `forks` are the larger of what was told last and what
was seen; `created` and `pushed` are seconds since the epoch; `license_told` is what its host says. All but lists and
`name` are null where the record does not say."""


def of_repositories(observations: pa.Table, license_: pa.Table) -> pa.Table:
    """The licence verdict of each repository: that of most files of its newest revision, the first by name of equals.

    Args:
        observations: host, owner, repository, revision, released, row by row with `license_`.
    """
    table = observations.select([*_HOME, "revision", "released"])
    for name in _JUDGED:
        table = table.append_column(name, license_[name])
    newest = table.group_by(_HOME, use_threads=False).aggregate([("released", "max")])
    joined = table.join(newest, _HOME, join_type="inner")
    last = joined.filter(pc.equal(joined["released"], joined["released_max"]))
    counted = last.group_by(REPOSITORIES.names, use_threads=False).aggregate([([], "count_all")])
    order = [*_HOME, "count_all", "license", "license_reason", "license_source", "license_category",
             "license_attribution"]  # fmt: skip
    ranked = counted.sort_by(
        [(name, "descending" if name == "count_all" else "ascending") for name in order]
    ).combine_chunks()
    first = ranked.group_by(_HOME, use_threads=False).aggregate(
        [(n, "first") for n in REPOSITORIES.names if n not in _HOME]
    )
    return (
        first.rename_columns([c.removesuffix("_first") for c in first.column_names])
        .select(REPOSITORIES.names)
        .cast(REPOSITORIES)
    )


def read_repositories(texts: Sequence[str]) -> pa.Table:
    """Records of repositories (JSON, masked already) as columns of schema `METADATA`, row by row."""
    return pa.Table.from_pylist([_read_repository(text) for text in texts], METADATA)


def _read_repository(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = None
    said: Mapping[str, Any] = record if isinstance(record, dict) else {}
    return {
        "name": _as(str, said.get("name")) or "",
        "stars": _most(said.get("stars")),
        "forks": _most(said.get("forks")),
        "fork_of": _as(str, said.get("parent")),
        "renamed_from": _words(said.get("renamed_from")),
        "deleted": _as(bool, said.get("deleted")),
        "created": _count(said.get("created")),
        "pushed": _count(said.get("pushed")),
        "languages": _words(said.get("languages")),
        "license_told": _as(str, said.get("license")),
    }


def _as(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else None


def _count(value: Any) -> int | None:
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value if plain and 0 <= value < 2**63 else None


def _most(value: Any) -> int | None:
    numbers = [_count(n) for n in value.values()] if isinstance(value, dict) else []
    return max((n for n in numbers if n is not None), default=None)


def _words(value: Any) -> list[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def inherit(
    rows: pa.Table, given: pa.Table, renames: Sequence[Mapping[str, str]] = ()
) -> tuple[pa.Table, bool]:
    """The licence of each record: that of its repository, by the very name, or else by one that opt-outs would take
    for the same: in another case, with other separators where a host folds them, or under another name of `renames`.

    Args:
        rows: host, owner, repository of records.
        given: of schema `REPOSITORIES`. Of several repositories that a name may stand for, one that is not admitted
            comes first, then the first by name.
        renames: of an opt-out list: host (empty for all), from and to.

    Returns:
        license, license_source, license_reason (`license.unknown` where no repository is found), license_category and
        license_attribution, row by row; and whether a rename decided about any of them.
    """
    ordered = given.append_column("free", pc.equal(given["license_reason"], ""))
    ordered = ordered.sort_by([(name, "ascending") for name in ("free", *_HOME)]).combine_chunks()
    wanted, codes = _names_of(rows)
    known, _ = _names_of(ordered)
    place = pc.index_in(wanted, value_set=known)
    spellings = [_spelt(wanted), _spelt(known)]
    place = pc.coalesce(place, pc.index_in(spellings[0], value_set=spellings[1]))
    told = pc.is_null(place).to_numpy(zero_copy_only=False)
    if renames and told.any():
        called = {folded: Renames(renames, folded) for folded in (False, True)}
        stems = [_stems(names, called) for names in spellings]
        place = pc.coalesce(place, pc.index_in(stems[0], value_set=stems[1]))
        told &= pc.is_valid(place).to_numpy(zero_copy_only=False)
    else:
        told[:] = False
    at = place.take(codes)
    missing = {"license_reason": "license.unknown", "license_category": "unknown"}
    columns = {n: pc.fill_null(ordered[n].combine_chunks().take(at), missing.get(n, "")) for n in _JUDGED}
    return pa.table(columns), bool(told.any())


def _names_of(table: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Distinct names of repositories in the order of their first rows, and their numbers by row; a table of distinct
    repositories has a name a row."""
    whole = pc.binary_join_element_wise(*(table[name].combine_chunks() for name in _HOME), _BETWEEN)
    coded = whole.dictionary_encode()
    return coded.dictionary, coded.indices


def _spelt(names: pa.Array) -> pa.Array:
    """Names as opt-outs compare them."""
    host, owner, repository = (pc.list_element(pc.split_pattern(names, _BETWEEN), i) for i in range(3))
    host, owner, repository = fold_case(host), fold_case(owner), fold_case(repository)
    folds = pc.is_in(host, value_set=pa.array(sorted(FOLDED), pa.string()))
    owner, repository = (pc.if_else(folds, fold_separators(n), n) for n in (owner, repository))
    return pc.binary_join_element_wise(host, owner, repository, _BETWEEN)


def _stems(spelt: pa.Array, called: Mapping[bool, Renames]) -> pa.Array:
    """For each name the first of all that it goes by."""
    out = []
    for name in spelt.to_pylist():
        host, owner, repository = name.split(_BETWEEN)
        entry = {"value": f"{owner}/{repository}", "host": host}
        out.append(f"{host}{_BETWEEN}{called[host in FOLDED].spellings(entry)[0][0]}")
    return pa.array(out, pa.string())


_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{0,4}|.)?", re.DOTALL)


def spans_in_json(content: bytes, spans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The spans of a JSON text so that what replaces them leaves it JSON: none begins or ends within an escape (the
    `n` of `\\n` may look like the first letter of an address), and replacements are escaped.

    Args:
        spans: in order; struct of start and end (bytes) and replacement.
    """
    out: list[dict[str, Any]] = []
    done = 0
    for span in spans:
        start = max(done, _outside(content, int(span["start"]), begins=True))
        end = _outside(content, int(span["end"]), begins=False)
        if start < end:
            said = json.dumps(str(span["replacement"]), ensure_ascii=False)[1:-1]
            out.append({**span, "start": start, "end": end, "replacement": said})
            done = end
    return out


_LONGEST_ESCAPE = 6


def _outside(content: bytes, at: int, *, begins: bool) -> int:
    """Where a span may begin or end: letters that are written as numbers go with it, line breaks and quotes do not."""
    slash = content.rfind(b"\\", max(0, at - _LONGEST_ESCAPE), at)
    if slash < 0:
        return at
    while slash > 0 and content[slash - 1 : slash] == b"\\":
        slash -= 1
    for found in _ESCAPE.finditer(content, slash, at + _LONGEST_ESCAPE):
        if found.start() < at < found.end():
            letter = found[0][1:2] == b"u"
            return found.start() if begins == letter else found.end()
    return at
