"""Which rows an opt-out names, and which copies go with them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bigcode.decide.origin import Holder, likeliest_origin

FOLDED = frozenset({"pypi"})
"""Hosts whose names are normalised as PEP 503 says."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One entry of an opt-out list; `value` is in the canonical lower-case form of its scope."""

    scope: str
    value: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What a judgement on opt-outs needs to know of a file."""

    file: str
    host: str
    owner: str
    repository: str
    path: str
    blob: str
    git_sha1: str
    bytes: int
    released: int
    vendored: bool
    license_text: bool


@dataclass(frozen=True, slots=True)
class CommonProperty:
    """Text that nobody's opt-out takes from others: held by `owners` unrelated owners, tiny, or a licence text."""

    owners: int = 5
    min_bytes: int = 64


def row_key(secret: bytes, file: str) -> str:
    """A keyed id of a row: without the list's salt it cannot be guessed from the file's name (HMAC-SHA256)."""
    return hmac.new(secret, file.encode(), hashlib.sha256).hexdigest()[:32]


def match(rows: Sequence[Row], wishes: Sequence[Wish], scopes: Sequence[str]) -> list[str]:
    """For each row the reason `optout.<scope>` of the first scope that names it, or an empty string.

    Letters' case never matters. On hosts of `FOLDED`, which spell a name in several ways, runs of `-`, `_` and `.`
    in owners and repositories are one.
    """
    index = _index([wish for wish in wishes if wish.scope in scopes])
    return [next((f"optout.{scope}" for scope, _ in _naming(row, index)), "") for row in rows]


def reach(rows: Iterable[Row], wishes: Sequence[Wish]) -> list[int]:
    """For each wish how many rows it names, copies and empty seats apart."""
    index = _index(wishes)
    counts = [0] * len(wishes)
    for row in rows:
        for number in {number for _, number in _naming(row, index)}:
            counts[number] += 1
    return counts


_Index = Mapping[tuple[str, bool, str], Sequence[tuple[str, int]]]
"""Host and position of the wishes by scope, whether names are folded, and value."""


def _index(wishes: Sequence[Wish]) -> _Index:
    index: dict[tuple[str, bool, str], list[tuple[str, int]]] = {}
    for number, wish in enumerate(wishes):
        value = wish.value.lower()
        for folded, spelling in ((False, value), (True, value if wish.scope == "blob" else _fold(value))):
            index.setdefault((wish.scope, folded, spelling), []).append((wish.host.lower(), number))
    return index


def _naming(row: Row, index: _Index) -> Iterator[tuple[str, int]]:
    """Scope and position of every wish that names a row, by scope: owner, repository, path, blob."""
    host, owner, repository = row.host.lower(), row.owner.lower(), f"{row.owner}/{row.repository}".lower()
    folded = host in FOLDED
    if folded:
        owner, repository = _fold(owner), _fold(repository)
    for scope, values in (
        ("owner", (owner,)),
        ("repository", (repository,)),
        ("path", _prefixes(repository, row.path)),
        ("blob", (row.blob, row.git_sha1)),
    ):
        for value in values:
            for wanted, number in index.get((scope, folded, value), ()):
                if wanted in ("", host):
                    yield scope, number


def _fold(value: str) -> str:
    """A name, or the name before the `:` of a path, as PEP 503 normalises it."""
    name, colon, path = value.partition(":")
    return f"{re.sub(r'[-_.]+', '-', name)}{colon}{path}"


def _prefixes(repository: str, path: str) -> tuple[str, ...]:
    """The path and the folders that it lies in, as a list names them: in lower case."""
    parts = path.lower().split("/")
    return tuple(f"{repository}:{'/'.join(parts[: i + 1])}" for i in range(len(parts)))


@dataclass(frozen=True, slots=True)
class Removal:
    """Reasons by row, empty where the row stays; rows whose kept twin is gone; rows that hold a contested copy."""

    reasons: list[str]
    emptied: list[bool]
    contested: list[int]


def spread(
    rows: Sequence[Row],
    hits: Sequence[str],
    seats: Sequence[str],
    *,
    copies: str,
    contested: str,
    common: CommonProperty,
) -> Removal:
    """Take the copies of opted-out files away, downstream only, and leave emptied seats empty.

    A hit seeds removals when its owner is the likeliest origin of the text. Otherwise the owner's own rows go
    and the other copies are contested: kept and recorded, or removed where the policy says so.

    Args:
        hits: reason by row from `match`.
        seats: by row, the file id of the kept file that it is a duplicate of; empty for other rows.
    """
    reasons = list(hits)
    disputed: list[int] = []
    if copies != "keep":
        by_blob: dict[str, list[int]] = {}
        for index, row in enumerate(rows):
            by_blob.setdefault(row.blob, []).append(index)
        for blob in sorted({row.blob for row, hit in zip(rows, hits, strict=True) if hit}):
            members = by_blob[blob]
            owners = {_person(rows[m]) for m in members}
            others = [m for m in members if not hits[m]]
            if len(owners) == 1 or not others or _common([rows[m] for m in members], common):
                continue
            origin = likeliest_origin([_holder(rows[m]) for m in members])
            seeds = {_person(rows[m]) for m in members if hits[m]}
            for m in others:
                if origin in seeds or contested == "remove":
                    reasons[m] = "optout.copy"
                else:
                    disputed.append(m)
    gone = {row.file for row, reason in zip(rows, reasons, strict=True) if reason}
    emptied = [bool(seat) and seat in gone for seat in seats]
    reasons = [
        reason or ("optout.seat" if empty else "") for reason, empty in zip(reasons, emptied, strict=True)
    ]
    return Removal(reasons, emptied, sorted(disputed))


def _holder(row: Row) -> Holder:
    return Holder(_person(row), row.repository, row.path, row.vendored, row.released)


def _person(row: Row) -> str:
    """One name on two hosts may be two people."""
    return f"{row.host}/{row.owner}"


def _common(rows: Sequence[Row], common: CommonProperty) -> bool:
    if rows[0].bytes < common.min_bytes or any(row.license_text for row in rows):
        return True
    return len({_person(row) for row in rows if not row.vendored}) >= common.owners
