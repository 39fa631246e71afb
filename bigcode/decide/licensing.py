"""Licence verdicts. The notice inside a file beats the licence text nearest above it, which beats the repository.
What a person decided in a review stands in place of what was detected there.

Whole columns are decided at once. A file without a statement of its own takes what its repository says or, in a
repository with licence texts in its folders, what its folder says; only statements are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.decide.columns import as_bool
from bigcode.decide.expressions import operands, satisfied
from bigcode.decide.reviewing import DENIED, apply_decisions
from bigcode.decide.statements import (
    CATEGORIES,
    FILE,
    REVIEW,
    SOURCES,
    Expressions,
    Ints,
    Statements,
    encode,
    inherit,
    ints,
    read_statements,
    severity_of,
)

SCHEMA = pa.schema(
    [
        ("license", pa.string()),
        ("license_source", pa.string()),
        ("license_reason", pa.string()),
        ("license_category", pa.string()),
        ("license_unclear", pa.bool_()),
        ("license_attribution", pa.string()),
    ]
)
REQUIRED, NONE = "required", "none"
"""Whether whoever uses a file owes its authors attribution."""

STRICTER = CATEGORIES[1:-1]
"""Categories that ask for more than a permissive licence does."""

_HOME = ("host", "owner", "repository", "revision")


@dataclass(frozen=True, slots=True)
class Policy:
    """The part of a LicensePolicy that decides."""

    allow: frozenset[str]
    attribution: str = "allow"
    file_over_repository: bool = True
    min_confidence: float = 0.9
    decisions: Mapping[str, str] = field(default_factory=dict)
    """By `HOST/OWNER/REPO` or `HOST/OWNER/REPO:PATH`: an SPDX expression, or `deny`."""
    pinned: tuple[tuple[str, str, str], ...] = ()
    """The same for decisions about one text: case, the digest of what was looked at (the file's blob, or
    `reviewing.root_digest` of a repository), and the decision."""


def decide(observations: pa.Table, policy: Policy) -> pa.Table:
    """One row per observation row, in their order.

    Args:
        observations: needs host, owner, repository, revision, path, license_ids, license_scores, license_role and,
            where the policy excludes attribution, license_attribution. Read where they are there: license_categories
            (of `CATEGORIES`, parallel to license_ids) and license_unclear.

    Returns:
        license: the SPDX expression that was decided, empty when unknown or denied by a review; license_source:
        `file`, `directory`, `repository`, `metadata`, `review` or empty; license_reason: empty when admitted;
        license_category: of `CATEGORIES`, the worst among the statements that decided; license_unclear: what
        decided, or what lay nearer and said nothing sure, needs a person; license_attribution: `required` unless the
        expression, or an admitted choice that it gives, asks for none (`none`), and empty where nobody looked.
    """
    said = read_statements(observations, policy.min_confidence)
    homes, number = encode(observations, _HOME)
    denied: set[int] = set()
    if policy.decisions or policy.pinned:
        said, denied = apply_decisions(said, observations, homes, policy.decisions, policy.pinned)
    expressions = Expressions(said)
    own = said.is_reviewed.copy()
    if policy.file_over_repository:
        own[said.rows] |= ~said.is_metadata[said.rows] & said.is_stated[said.rows]
    licenses, sources, unclear = inherit(observations["path"], said, homes, number, expressions, ~own)
    mine = own[said.rows]
    licenses[said.rows[mine]] = expressions.of_rows(mine)
    sources[own] = np.where(said.is_reviewed[own], REVIEW, FILE)
    unclear = np.where(own, said.unclear, unclear | (said.unclear & ~said.is_metadata))
    if denied:
        rows = np.isin(homes, sorted(denied))
        licenses[rows], sources[rows] = expressions.of([said.ids.index(DENIED)]), REVIEW
        unclear &= ~rows
    reasons, attribution = _judged(observations, policy, said, homes, licenses, expressions)
    severity = np.array(expressions.severity, np.int64)[licenses]
    names = ["" if DENIED in operands(name) else name for name in expressions.names]
    return pa.table(
        [
            pa.array(names, pa.string()).take(pa.array(licenses)),
            pa.array(SOURCES, pa.string()).take(pa.array(sources)),
            reasons,
            pa.array(CATEGORIES, pa.string()).take(pa.array(severity)),
            pa.array(unclear),
            attribution,
        ],
        schema=SCHEMA,
    )


def find_conflicts(rows: pa.Table) -> pa.Table:
    """Admitted permissive files of which another repository holds a copy under copyleft or proprietary terms.

    Args:
        rows: file (unique, sortable), owner (`host/owner`), repository, group (of near-duplicates; null for a file
            without any), license, license_category, admitted (bool).

    Returns:
        group, file, license, category, other_file, other_license, other_category: one row for each such file, sorted
        by group and file. The other copy is the one of the gravest category, and of those the first by file.
    """
    names = ["group", "file", "license", "category", "other_file", "other_license", "other_category"]
    grouped = rows.filter(pc.is_valid(rows["group"])).combine_chunks()
    group, groups = encode(grouped, ("group",))
    home, _ = encode(grouped, ("owner", "repository"))
    severity = severity_of(grouped["license_category"])
    order = ints(pc.sort_indices(grouped, [("file", "ascending")]))
    order = order[np.lexsort((-severity[order], group[order]))]
    grave = order[(severity[order] > 0) & (severity[order] <= len(STRICTER))]
    first = _first_of(grave, group, groups)
    # A copy in the file's own repository is no copy elsewhere: the runner-up is the gravest of another one.
    second = _first_of(grave[home[grave] != home[first[group[grave]]]], group, groups)
    admitted = as_bool(grouped["admitted"])
    files = np.flatnonzero(admitted & (severity == 0) & (first[group] >= 0))
    others = np.where(home[first[group[files]]] == home[files], second[group[files]], first[group[files]])
    files, others = files[others >= 0], others[others >= 0]
    columns = ["group", "file", "license", "license_category"]
    left = grouped.select(columns).take(pa.array(files))
    right = grouped.select(columns[1:]).take(pa.array(others))
    found = pa.table([*left.columns, *right.columns], names=names)
    return found.sort_by([("group", "ascending"), ("file", "ascending")]).combine_chunks()


def _judged(
    table: pa.Table,
    policy: Policy,
    said: Statements,
    homes: Ints,
    licenses: Ints,
    expressions: Expressions,
) -> tuple[pa.Array, pa.Array]:
    """Reason and need of attribution, row by row; a project's own files say which of its licences ask for it."""
    looked = "license_attribution" in table.column_names
    asks = _attribution_by_home(table, said, homes)
    names = expressions.names
    # Most projects say the same of the same expression.
    known: dict[tuple[int, bytes], tuple[str, str]] = {}
    keys, index = np.unique(homes * len(names) + licenses, return_inverse=True)
    told = []
    for home, number in (divmod(key, len(names)) for key in keys.tolist()):
        mine = {o: asks[home][o] for o in operands(names[number]) if o in asks[home]} if home in asks else {}
        key = (number, repr(sorted(mine.items())).encode())
        if key not in known:
            need = _need(names[number], mine, policy) if looked else ""
            known[key] = _reason(names[number], mine, policy), need
        told.append(known[key])
    at = pa.array(index.astype(np.int64))
    reasons, needs = (pa.array([pair[i] for pair in told], pa.string()).take(at) for i in range(2))
    return reasons, needs


def _reason(expression: str, asks: Mapping[str, bool], policy: Policy) -> str:
    if not expression:
        return "license.unknown"
    if DENIED in operands(expression):
        return "license.review"
    if not satisfied(expression, policy.allow.__contains__):
        return "license.denied"
    if policy.attribution == "exclude" and not satisfied(
        expression, lambda i: i in policy.allow and not asks.get(i, True)
    ):
        return "license.attribution"
    return ""


def _need(expression: str, asks: Mapping[str, bool], policy: Policy) -> str:
    if not expression or DENIED in operands(expression):
        return ""
    admitted = satisfied(expression, policy.allow.__contains__)
    free = satisfied(expression, lambda i: (i in policy.allow or not admitted) and not asks.get(i, True))
    return NONE if free else REQUIRED


def _attribution_by_home(table: pa.Table, said: Statements, homes: Ints) -> dict[int, dict[str, bool]]:
    """What each project's own files say of its licences: who else shares the bucket must not matter."""
    flags = np.zeros(table.num_rows, bool)
    if "license_attribution" in table.column_names:
        flags = as_bool(table["license_attribution"])
    rows = np.repeat(said.rows, np.diff(said.starts))
    # What a person decided says nothing of attribution: an id that nothing else in the project states asks for it.
    rows, codes = rows[~said.is_reviewed[rows]], said.codes[~said.is_reviewed[rows]]
    named = [operands(name) for name in said.ids]
    facts = np.unique((homes[rows] * max(len(named), 1) + codes) * 2 + flags[rows])
    asks: dict[int, dict[str, bool]] = {}
    for fact in facts.tolist():
        home, code = divmod(fact // 2, len(named))
        known = asks.setdefault(home, {})
        for operand in named[code]:
            known[operand] = known.get(operand, False) or bool(fact % 2)
    return asks


def _first_of(order: Ints, group: Ints, groups: int) -> Ints:
    """The first of `order` for each group, or -1; `order` is sorted by group."""
    out = np.full(groups, -1, np.int64)
    heads = order[np.flatnonzero(np.diff(group[order], prepend=-1))]
    out[group[heads]] = heads
    return out
