"""Who is the likeliest origin of a text that several owners hold. Copies go downstream only."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc


class Holder(NamedTuple):
    """One owner's row of a text: what is known about whether it began here.

    `outside` says that the file lies in no folder of its package's name; `released` is in seconds, 0 if unknown.
    """

    owner: str
    vendored: bool
    outside: bool
    released: int


def rank(holder: Holder) -> tuple[bool, bool, int]:
    """Lower is likelier: not vendored, in a folder of the package's own name, released earlier (unknown last)."""
    return (holder.vendored, holder.outside, holder.released or 2**62)


def likeliest_origin(holders: list[Holder]) -> str | None:
    """The owner of the best row, or None when two owners are equally likely."""
    best: dict[str, tuple[bool, bool, int]] = {}
    for holder in holders:
        order = rank(holder)
        if holder.owner not in best or order < best[holder.owner]:
            best[holder.owner] = order
    first = sorted(best.items(), key=lambda item: (item[1], item[0]))
    if len(first) > 1 and first[0][1] == first[1][1]:
        return None
    return first[0][0]


def in_own_package(repository: pa.ChunkedArray, path: pa.ChunkedArray) -> pa.Array:
    """Whether each path starts in a folder or module named like its repository, below `src` or `lib` if any."""
    name = _plain(repository.combine_chunks())
    inner = pc.replace_substring_regex(
        path.combine_chunks(), r"^/*(?:(?:src|lib|source|python)/+)*", "", max_replacements=1
    )
    head = pc.replace_substring_regex(inner, r"(?s)/.*$", "")
    stem = _plain(pc.replace_substring_regex(head, r"^(.+)\.[^.]*$", r"\1"))
    own = pc.or_(pc.equal(stem, name), pc.equal(stem, pc.binary_join_element_wise("_", name, "")))
    return pc.and_(own, pc.not_equal(head, ""))


def _plain(names: pa.Array) -> pa.Array:
    return pc.replace_substring(pc.replace_substring(pc.utf8_lower(names), "-", "_"), ".", "_")
