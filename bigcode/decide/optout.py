"""Which rows an opt-out names, and which copies go with them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bigcode.decide.origin import Holder, likeliest_origin


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
    """For each row the reason `optout.<scope>` of the first scope that names it, or an empty string."""
    by_scope: dict[str, dict[str, set[str]]] = {}
    for wish in wishes:
        if wish.scope in scopes:
            by_scope.setdefault(wish.scope, {}).setdefault(wish.value, set()).add(wish.host)
    return [_scope_of(row, by_scope) for row in rows]


def _scope_of(row: Row, by_scope: Mapping[str, Mapping[str, set[str]]]) -> str:
    owner, repository = row.owner.lower(), f"{row.owner}/{row.repository}".lower()
    for scope, values in (
        ("owner", (owner,)),
        ("repository", (repository,)),
        ("path", _prefixes(repository, row.path.lower())),
        ("blob", (row.blob, row.git_sha1)),
    ):
        named = by_scope.get(scope)
        if named and any(h in ("", row.host) for v in values for h in named.get(v, ())):
            return f"optout.{scope}"
    return ""


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
