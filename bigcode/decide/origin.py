"""Whether a file lies where its package's own code lies, which tells an origin from a copy."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


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
