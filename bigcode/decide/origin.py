"""Who is the likeliest origin of a text that several owners hold. Copies go downstream only."""

from __future__ import annotations

from typing import NamedTuple


class Holder(NamedTuple):
    """One owner's row of a blob: what is known about whether the text began here."""

    owner: str
    repository: str
    path: str
    vendored: bool
    released: int


def rank(holder: Holder) -> tuple[bool, bool, int]:
    """Lower is likelier: not vendored, in a folder of the package's own name, released earlier (unknown last)."""
    return (holder.vendored, not in_own_package(holder), holder.released or 2**62)


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


def in_own_package(holder: Holder) -> bool:
    """Whether the path starts in a folder or module named like the repository, below `src` or `lib` if any."""
    name = _plain(holder.repository)
    parts = [p for p in holder.path.split("/") if p]
    while parts and parts[0] in ("src", "lib", "source", "python"):
        parts = parts[1:]
    return bool(parts) and _plain(parts[0].rpartition(".")[0] or parts[0]) in (name, f"_{name}")


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")
