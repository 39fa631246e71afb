"""The review queues of a dataset: cases that no rule settles, on the evidence that the last apply recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.diagnostics import Problem
from bigcode.decide.columns import FILE, as_bool, file_ids
from bigcode.decide.reviewing import root_digest
from bigcode.run.applied import Applied, read_applied
from bigcode.run.cases import Case, Decided, decisions_of, make_case
from bigcode.run.reasons import folder_of, statement_of
from bigcode.run.session import Session

QUEUES = ("licence", "copies", "conflicts", "withdrawal")
_STATED = [
    *FILE, "blob", "license_ids", "license_scores", "license_role", "license_categories", "license_unclear",
    "license_evidence",
]  # fmt: skip
_HOME = ("host", "owner", "repository", "revision")


def find_cases(session: Session, address: str, queues: Iterable[str] = QUEUES) -> list[Case]:
    """The cases of a dataset by queue, open ones and those that Review resources decided.

    What an opt-out touches is in no case but those of copies, which have keyed ids.

    Raises:
        Problem: E507 when the dataset was never applied.
    """
    applied = read_applied(session, address)
    decided = decisions_of(session, address)
    readers = {"licence": _licences, "copies": _copies, "conflicts": _conflicts, "withdrawal": _withdrawals}
    found: list[Case] = []
    for queue in queues:
        found += readers[queue](session, applied, decided)
    return found


def _public(applied: Applied, bucket: str) -> pa.Array:
    """Ids of the rows of a bucket that no opt-out touches."""
    table = applied.table("verdicts", "verdicts", bucket, ["row", "path"])
    return table["row"].filter(pc.is_valid(table["path"])).combine_chunks()


def _licences(session: Session, applied: Applied, decided: Decided) -> list[Case]:
    """Unclear statements, one case a repository and text; most files hang on the first."""
    said = applied.identity("decide.license")
    if "minConfidence" not in said:
        return []
    least = float(said["minConfidence"])
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for bucket in applied.labels("gather"):
        for row in _unclear_rows(applied, bucket, least):
            home = "/".join((row["host"], row["owner"], row["repository"]))
            grouped.setdefault((home, row["blob"]), []).append(row)
    cases = [_licence_case(home, blob, rows, decided) for (home, blob), rows in grouped.items()]
    return sorted(cases, key=lambda case: (-case.evidence["files"], case.cases))


def _licence_case(home: str, blob: str, rows: list[dict[str, Any]], decided: Decided) -> Case:
    paths = sorted({row["path"] for row in rows})
    saw = {f"{home}:{path}": (blob,) for path in paths}
    # Of a repository a person can say what its root states; a text in a folder is nearer to the files there.
    at_root = any(not folder_of(row) for row in rows)
    if at_root:
        saw[home] = tuple(sorted({row["root"] for row in rows}))
    evidence = {
        "repository": home,
        "text": blob,
        "revisions": sorted({row["revision"] for row in rows}),
        "files": sum(row["files"] for row in rows),
        **{k: v for k, v in statement_of(rows[0]).items() if k not in ("path", "unclear")},
    }
    return make_case("licence", saw, evidence, decided, saw)


def _unclear_rows(applied: Applied, bucket: str, least: float) -> Iterator[dict[str, Any]]:
    """Files of a bucket whose statement needs a person, with `files`: how many files that are not sure hang on it."""
    table = applied.table("gather", "observations", bucket, _STATED)
    if "license_ids" not in table.column_names:
        return
    public = pc.is_in(file_ids(table), value_set=_public(applied, bucket))
    asks = as_bool(pc.equal(table["license_role"], "text")) & ~_is_sure(table, least)
    if "license_unclear" in table.column_names:
        asks |= as_bool(table["license_unclear"])
    asks &= public.to_numpy(zero_copy_only=False)
    if not asks.any():
        return
    judged = applied.table("decide.license", "license", bucket, ["license_source", "license_unclear"])
    waits = as_bool(judged["license_unclear"])
    waits |= as_bool(pc.is_in(judged["license_source"], value_set=pa.array(["", "review"])))
    homes = table.select(_HOME).to_pylist()
    paths = table["path"].to_pylist()
    waiting: dict[tuple[str, ...], list[int]] = {}
    for index in np.flatnonzero(waits).tolist():
        waiting.setdefault(tuple(homes[index].values()), []).append(index)
    asking = table.take(pa.array(np.flatnonzero(asks))).to_pylist()
    roots = _roots(table, {tuple(row[name] for name in _HOME) for row in asking})
    for row in asking:
        home = tuple(row[name] for name in _HOME)
        at = waiting.get(home, [])
        yield {**row, "root": roots[home], "files": sum(_hangs(paths[index], row) for index in at)}


def _roots(table: pa.Table, homes: set[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """`root_digest` of repositories at a revision.

    Args:
        table: host, owner, repository, revision, path, blob, license_role of a bucket.
    """
    stating = pc.is_in(table["license_role"], value_set=pa.array(["text", "metadata"]))
    grouped: dict[tuple[str, ...], list[dict[str, Any]]] = {home: [] for home in homes}
    for row in table.select([*_HOME, "path", "blob", "license_role"]).filter(stating).to_pylist():
        home = tuple(row[name] for name in _HOME)
        if home in grouped:
            grouped[home].append(row)
    return {home: root_digest(rows) for home, rows in grouped.items()}


def _is_sure(table: pa.Table, least: float) -> np.ndarray[Any, np.dtype[np.bool_]]:
    scores = table["license_scores"].to_pylist()
    return np.array([any(score >= least for score in row or ()) for row in scores], bool)


def _hangs(path: str, statement: Mapping[str, Any]) -> bool:
    """Whether a file is the one that states, or lies where the text is the nearest that it may take from."""
    around = folder_of(statement)
    if path == statement["path"]:
        return True
    return statement["license_role"] in ("text", "metadata") and (not around or path.startswith(f"{around}/"))


def _copies(session: Session, applied: Applied, decided: Decided) -> list[Case]:
    """Disputed copies of what an opt-out names, by keyed id; and those that were decided and are disputed no more."""
    readable = _can_read_lists(session)
    disputed: dict[str, list[dict[str, Any]]] = {}
    for row in applied.table("decide.copies", "disputed", "").to_pylist():
        disputed.setdefault(row["key"], []).append(row)
    found = []
    for key, matches in disputed.items():
        best = max(matches, key=lambda row: (row["containment"], row["strength"]))
        evidence = {name: best[name] for name in ("why", "strength", "containment")}
        name = best["file"] if readable else ""
        saw = {key: (best["saw"],) if "saw" in best else ()}
        found.append(make_case("copies", saw, {**evidence, "matches": len(matches)}, decided, saw, name))
    settled = [case for queue, case in decided if queue == "copies" and case not in disputed]
    found += [make_case("copies", (case,), {}, decided, {case: ()}) for case in settled]
    return sorted(found, key=lambda case: case.cases)


def _can_read_lists(session: Session) -> bool:
    try:
        session.open_lists()
    except Problem:
        return False
    return True


def _conflicts(session: Session, applied: Applied, decided: Decided) -> list[Case]:
    """Permissive files of which another repository holds a copy on stricter terms, one case a group of copies. They
    are decided as licences of these files."""
    parts = [applied.table("decide.elect", "conflicts", label) for label in applied.labels("decide.elect")]
    rows = [row for part in parts for row in part.to_pylist()]
    shown = _named_files(applied, {row[name] for row in rows for name in ("file", "other_file")})
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["file"] in shown:
            grouped.setdefault(row["group"], []).append(row)
    found = []
    for members in grouped.values():
        places = [shown[row["file"]] for row in members]
        cases = sorted({place.name for place in places})
        files = [
            {
                "file": row["file"],
                "license": row["license"],
                "other": row["other_file"] if row["other_file"] in shown else "",
                "otherLicense": row["other_license"],
                "otherCategory": row["other_category"],
            }
            for row in sorted(members, key=lambda row: row["file"])
        ]
        homes = sorted({place.home for place in places})
        saw = {case: tuple(sorted({p.blob for p in places if p.name == case})) for case in cases}
        saw |= {home: tuple(sorted({p.root for p in places if p.home == home})) for home in homes}
        found.append(make_case("conflicts", cases, {"files": files}, decided, saw))
    return sorted(found, key=lambda case: case.cases)


class _File(NamedTuple):
    """`HOST/OWNER/REPO:PATH`, its repository, its content, and what the root of its revision states."""

    name: str
    home: str
    blob: str
    root: str


def _named_files(applied: Applied, wanted: set[str]) -> dict[str, _File]:
    """By id, the files among these that no opt-out touches."""
    names = pa.array(sorted(wanted), pa.string())
    found: dict[str, _File] = {}
    for bucket in applied.labels("verdicts") if wanted else ():
        table = applied.table("verdicts", "verdicts", bucket, ["row", *_HOME, "path", "blob"])
        chosen = table.filter(pc.and_(pc.is_in(table["row"], value_set=names), pc.is_valid(table["path"])))
        if not chosen.num_rows:
            continue
        rows = chosen.to_pylist()
        stated = applied.table("gather", "observations", bucket, [*_HOME, "path", "blob", "license_role"])
        roots = _roots(stated, {tuple(row[name] for name in _HOME) for row in rows})
        for row in rows:
            home = f"{row['host']}/{row['owner']}/{row['repository']}"
            root = roots[tuple(row[name] for name in _HOME)]
            found[row["row"]] = _File(f"{home}:{row['path']}", home, row["blob"], root)
    return found


def _withdrawals(session: Session, applied: Applied, decided: Decided) -> list[Case]:
    """Contents that a review took out, and how many files of the last apply have and keep them."""
    cases = sorted(case for queue, case in decided if queue == "withdrawal")
    held, kept = count_files(applied, cases)
    return [
        make_case(
            "withdrawal",
            (case,),
            {"files": held.get(case, 0), "kept": kept.get(case, 0)},
            decided,
            {case: ()},
        )
        for case in cases
    ]


def count_files(applied: Applied, blobs: Iterable[str]) -> tuple[dict[str, int], dict[str, int]]:
    """How many files of a dataset have each content, and how many of these it keeps."""
    names = pa.array(sorted(blobs), pa.string())
    held: dict[str, int] = {}
    kept: dict[str, int] = {}
    for bucket in applied.labels("verdicts") if len(names) else ():
        table = applied.table("verdicts", "verdicts", bucket, ["blob", "reason"])
        for row in table.filter(pc.is_in(table["blob"], value_set=names)).to_pylist():
            held[row["blob"]] = held.get(row["blob"], 0) + 1
            kept[row["blob"]] = kept.get(row["blob"], 0) + (row["reason"] == "kept")
    return held, kept
