"""What repositories themselves ask for: declarations that their code is not to be used for training.

A denial stands unless the same repository, in the same kind of file, allows a narrower part of what it denies. In
`.gitattributes` that has to stand later, as Git has it; in files where order says nothing it may stand anywhere.
Where that is not clear, or a pattern cannot be read, the denial stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

REASON = "optout.signal"
DECLARED = pa.schema(
    [
        *((name, pa.string()) for name in ("host", "owner", "repository", "revision", "path")),
        ("released", pa.int64()),
        *((name, pa.string()) for name in ("kind", "says", "text", "digest", "pattern")),
    ]
)
"""One declaration a row: where and when it was found, and what it says."""
MOST = 200
"""Patterns of one kind in one repository that are told apart; a longer list is taken as a denial of all."""
_HOME = ("host", "owner", "repository", "revision")
_ORDERED = frozenset({"gitattributes"})
"""Kinds of which a later line overrules earlier ones."""

Flags = NDArray[np.bool_]


class _Line(NamedTuple):
    says: str
    pattern: str


def declaring(signals: pa.ChunkedArray) -> Flags:
    """Which rows declare something; `signals` is a list of structs."""
    lengths = pc.fill_null(pc.list_value_length(signals), 0)
    found: Flags = pc.greater(lengths, 0).to_numpy()
    return found


def match(table: pa.Table) -> pa.Array:
    """`optout.signal` for each row that a declaration of its own repository covers, else an empty string.

    Args:
        table: host, owner, repository, revision, path, and signals: list of struct with kind, says (`deny`, `allow`
            or `unclear`) and pattern (a glob of paths, empty for the whole repository).
    """
    out = np.zeros(table.num_rows, bool)
    said = np.flatnonzero(declaring(table["signals"]))
    if len(said):
        mine = pc.is_in(table["owner"], value_set=table["owner"].take(pa.array(said)).combine_chunks())
        near = np.flatnonzero(mine.to_numpy())
        rows = table.take(pa.array(near))
        homes = pc.dictionary_encode(
            pc.binary_join_element_wise(*(rows[n].combine_chunks() for n in _HOME), "\0")
        )
        codes = homes.indices.to_numpy()
        order = np.argsort(codes, kind="stable")
        speaking = np.searchsorted(near, said)
        for home in np.unique(codes[speaking]).tolist():
            low, high = np.searchsorted(codes[order], (home, home + 1))
            place = order[low:high]
            paths = rows["path"].take(pa.array(place)).combine_chunks()
            lists = rows["signals"].take(pa.array(speaking[codes[speaking] == home])).to_pylist()
            speakers = rows["path"].take(pa.array(speaking[codes[speaking] == home])).to_pylist()
            out[near[place]] = _denied(paths, _by_kind(speakers, lists))
    return pc.if_else(pa.array(out), REASON, "")


def declared(table: pa.Table) -> pa.Table:
    """All declarations of the rows, of schema `DECLARED`, which also has the columns that the rows need."""
    lists = table["signals"].combine_chunks()
    found = pc.list_flatten(lists)
    parents = pc.list_parent_indices(lists)
    columns = [
        pc.struct_field(found, field.name)
        if field.name in {found.type.field(i).name for i in range(found.type.num_fields)}
        else table[field.name].combine_chunks().take(parents)
        for field in DECLARED
    ]
    return pa.table(columns, schema=DECLARED)


def count_repositories(table: pa.Table) -> dict[str, int]:
    """How many repositories declare something, by kind; schema `DECLARED`."""
    kinds = table.select(["kind", "host", "owner", "repository"])
    distinct = kinds.group_by(kinds.column_names, use_threads=False).aggregate([])
    counts = {row["values"]: row["counts"] for row in pc.value_counts(distinct["kind"]).to_pylist()}
    return dict(sorted(counts.items()))


def _by_kind(paths: Sequence[str], lists: Sequence[Sequence[dict[str, str]]]) -> dict[str, list[_Line]]:
    """Lines by kind, in the order in which they count: those of deeper folders later."""
    lines: dict[str, list[_Line]] = {}
    order = sorted(range(len(paths)), key=lambda n: (paths[n].count("/"), paths[n]))
    for number in order:
        for signal in lists[number]:
            lines.setdefault(signal["kind"], []).append(_Line(signal["says"], signal["pattern"]))
    return lines


def _denied(paths: pa.Array, kinds: dict[str, list[_Line]]) -> Flags:
    out = np.zeros(len(paths), bool)
    for kind, lines in kinds.items():
        if len(set(lines)) > MOST:
            out[:] |= any(line.says == "deny" for line in lines)
            continue
        covered: dict[_Line, Flags] = {line: _covered(paths, line) for line in dict.fromkeys(lines)}
        for number, line in enumerate(lines):
            if line.says != "deny":
                continue
            left = covered[line].copy()
            others = lines[number + 1 :] if kind in _ORDERED else lines
            for other in others:
                part = covered[other]
                if other.says == "allow" and _narrower(part, covered[line], equal=kind in _ORDERED):
                    left &= ~part
            out |= left
    return out


def _narrower(part: Flags, whole: Flags, *, equal: bool) -> bool:
    inside = not bool(np.any(part & ~whole))
    return inside and (equal or bool(np.any(whole & ~part)))


def _covered(paths: pa.Array, line: _Line) -> Flags:
    """The paths that a line is about. A denial of a folder is about all below it; an allowance only as Git has it."""
    if line.says not in ("deny", "allow"):
        return np.zeros(len(paths), bool)
    if not line.pattern:
        return np.ones(len(paths), bool)
    try:
        found: Flags = pc.match_substring_regex(
            paths, _regex(line.pattern, folders=line.says == "deny")
        ).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return np.full(len(paths), line.says == "deny")
    return found


_TOKEN = re.compile(
    r"(?P<folders>(?:^|(?<=/))\*\*/)|(?P<deep>\*\*+)|(?P<star>\*)|(?P<one>\?)|\\(?P<plain>.)"
    r"|\[(?P<negated>[!^]?)(?P<members>\]?(?:\[:\w+:\]|\\.|[^\]\\])*)\]|(?P<other>.)",
    re.DOTALL,
)


def _regex(pattern: str, *, folders: bool) -> str:
    """A pattern as `.gitattributes` has it, for RE2: without a slash it is about names at any depth."""
    anchored = "/" in pattern.rstrip("/")
    body = "".join(_piece(found) for found in _TOKEN.finditer(pattern.strip("/")))
    end = "(?:$|/)" if folders else "$"
    return f"(?s){'^' if anchored else '(?:^|/)'}{body}{end}"


def _piece(found: re.Match[str]) -> str:
    if found["folders"]:
        return "(?:.*/)?"
    if found["deep"]:
        return ".*"
    if found["star"]:
        return "[^/]*"
    if found["one"]:
        return "[^/]"
    if found["members"] is not None:
        members = re.sub(
            r"\\(.)|([\[\]^&~|])(?!:)", _member, found["members"].replace("[:", "\0").replace(":]", "\1")
        )
        members = members.replace("\0", "[:").replace("\1", ":]")
        return f"[^/{members}]" if found["negated"] else f"[{members}]"
    return re.escape(found["plain"] or found["other"])


def _member(found: re.Match[str]) -> str:
    return "\\" + (found[1] or found[2])
