"""Licence verdicts. The notice inside a file beats the licence text nearest above it, which beats the repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from bigcode.decide.expressions import operands, satisfied


@dataclass(frozen=True, slots=True)
class Policy:
    """The part of a LicensePolicy that decides."""

    allow: frozenset[str]
    attribution: str = "allow"
    file_over_repository: bool = True
    min_confidence: float = 0.9


SCHEMA = pa.schema(
    [("license", pa.string()), ("license_source", pa.string()), ("license_reason", pa.string())]
)


def decide(observations: pa.Table, policy: Policy) -> pa.Table:
    """One row per observation row, in their order.

    Args:
        observations: needs host, owner, repository, revision, path, license_ids, license_scores, license_role and,
            where the policy excludes attribution, license_attribution.

    Returns:
        license: the SPDX expression that was decided, empty when unknown; license_source: `file`, `directory`,
        `repository`, `metadata` or empty; license_reason: empty when admitted.
    """
    rows = [_Row(*values) for values in zip(*(observations[c].to_pylist() for c in _COLUMNS), strict=True)]
    confident = [_confident(row, policy.min_confidence) for row in rows]
    texts, declared = _collect(rows, confident)
    attribution = (
        observations["license_attribution"].to_pylist()
        if "license_attribution" in observations.column_names
        else [False] * len(rows)
    )
    asks = _attribution_by_license(rows, confident, attribution)
    licenses, sources, reasons = [], [], []
    for row, ids in zip(rows, confident, strict=True):
        expression, source = _license_of(row, ids, texts, declared, policy)
        licenses.append(expression)
        sources.append(source)
        reasons.append(_reason(expression, asks.get(row.home, {}), policy))
    return pa.table([licenses, sources, reasons], schema=SCHEMA)


@dataclass(frozen=True, slots=True)
class _Row:
    host: str
    owner: str
    repository: str
    revision: str
    path: str
    ids: list[str]
    scores: list[float]
    role: str

    @property
    def home(self) -> tuple[str, str, str, str]:
        return (self.host, self.owner, self.repository, self.revision)

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


_COLUMNS = (
    "host",
    "owner",
    "repository",
    "revision",
    "path",
    "license_ids",
    "license_scores",
    "license_role",
)
_Home = tuple[str, str, str, str]


def _confident(row: _Row, minimum: float) -> list[str]:
    return [i for i, score in zip(row.ids or (), row.scores or (), strict=True) if score >= minimum]


def _collect(
    rows: list[_Row], confident: list[list[str]]
) -> tuple[dict[tuple[_Home, str], list[str]], dict[_Home, list[str]]]:
    """Licence texts by home and folder, and what package metadata at the root declares."""
    texts: dict[tuple[_Home, str], list[str]] = {}
    declared: dict[_Home, list[str]] = {}
    for row, ids in sorted(zip(rows, confident, strict=True), key=lambda pair: pair[0].path):
        if not ids:
            continue
        if row.role == "text":
            folder = row.folder
            if folder.rpartition("/")[2].upper() in ("LICENSES", "LICENCES"):
                folder = folder.rpartition("/")[0]
            known = texts.setdefault((row.home, folder), [])
            known += [i for i in ids if i not in known]
        elif row.role == "metadata" and not row.folder:
            known = declared.setdefault(row.home, [])
            known += [i for i in ids if i not in known]
    return texts, declared


def _license_of(
    row: _Row,
    ids: list[str],
    texts: dict[tuple[_Home, str], list[str]],
    declared: dict[_Home, list[str]],
    policy: Policy,
) -> tuple[str, str]:
    if ids and row.role in ("header", "text") and policy.file_over_repository:
        return _join(ids), "file"
    folder = row.folder
    while folder:
        found = texts.get((row.home, folder))
        if found:
            return _join(found), "directory"
        folder = folder.rpartition("/")[0]
    root, stated = texts.get((row.home, "")), declared.get(row.home)
    if root and stated and _covers(stated, root):
        return _join(stated), "metadata"
    if root:
        return _join(root), "repository"
    if stated:
        return _join(stated), "metadata"
    return "", ""


def _covers(stated: list[str], found: list[str]) -> bool:
    """Whether the declared expression names every licence whose text is there: then its AND and OR are better."""
    names = {_stem(o) for expression in stated for o in operands(expression)}
    return {_stem(o) for expression in found for o in operands(expression)} <= names


def _stem(identifier: str) -> str:
    """A text cannot tell `-only` from `-or-later`."""
    return identifier.removesuffix("-only").removesuffix("-or-later").removesuffix("+")


def _join(ids: list[str]) -> str:
    if len(ids) == 1:
        return ids[0]
    return " AND ".join(f"({i})" if " OR " in i else i for i in sorted(ids))


def _attribution_by_license(
    rows: list[_Row], confident: list[list[str]], attribution: list[bool | None]
) -> dict[_Home, dict[str, bool]]:
    """What each project's own files say of its licences: who else shares the bucket must not matter."""
    asks: dict[_Home, dict[str, bool]] = {}
    for row, ids, flag in zip(rows, confident, attribution, strict=True):
        known = asks.setdefault(row.home, {})
        for expression in ids:
            for operand in operands(expression):
                known[operand] = known.get(operand, False) or bool(flag)
    return asks


def _reason(expression: str, asks: Mapping[str, bool], policy: Policy) -> str:
    if not expression:
        return "license.unknown"
    if not satisfied(expression, policy.allow.__contains__):
        return "license.denied"
    if policy.attribution == "exclude" and not satisfied(
        expression, lambda i: i in policy.allow and not asks.get(i, True)
    ):
        return "license.attribution"
    return ""
