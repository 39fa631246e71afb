"""What each reason of a verdict rests on, and what was observed of a file: the evidence that `explain` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.decide.reviewing import find_decided
from bigcode.run.applied import Applied

Row = Mapping[str, Any]
_KEPT = "kept"
_TOLD = {
    "seat": "the file that this one repeats was taken away, and nobody takes its seat",
    "signal": "its repository asks to be left out",
    "not-opted-in": "no grant names it, and only what a grant names stays",
}
FLAGS = ("vendored", "generated", "test", "binary")


@dataclass(frozen=True, slots=True)
class Place:
    """One file: its bucket and number there, what was observed of it, and what was judged of it by step."""

    applied: Applied
    bucket: str
    index: int
    row: Row
    judged: Mapping[str, Row]


def give_reasons(place: Place, verdict: Row) -> list[dict[str, Any]]:
    """All reasons in the order of judgement, each with what it rests on; none for a file that is kept."""
    if verdict["reason"] == _KEPT:
        return []
    names = [verdict["reason"], *(verdict["also"] or ())]
    if verdict["also"] is None:
        names = list(dict.fromkeys([*_judged_reasons(place), verdict["reason"]]))
        names += [asked for asked in [_asked(place)] if asked and asked not in names]
    return [{"reason": name, **_evidence(place, name, verdict)} for name in names]


def _judged_reasons(place: Place) -> Iterable[str]:
    judged = place.judged
    yield from filter(None, [judged["license"]["license_reason"]])
    for name in ("quality", "privacy", "contamination"):
        yield from judged[name][f"{name}_reasons"] if name in judged else ()


def _evidence(place: Place, reason: str, verdict: Row) -> dict[str, Any]:
    kind, _, rest = reason.partition(".")
    if kind == "license":
        return _of_license(place)
    if kind == "quality":
        include = place.applied.identity("decide.quality")["include"]
        if rest == "language":
            return {"column": "language", "value": place.row["language"], "include": include}
        return next((rule for rule in rules_of(place) if rule["rule"] == rest), {})
    if reason == "privacy.withdrawn":
        return {"decided": "a review took the content out", "case": place.row["blob"]}
    if kind == "privacy":
        found = [e for e in entities_of(place) if e["entity"].lower().replace("_", "-") == rest]
        return {"entities": found}
    if kind == "contamination":
        return {"tasks": _tasks(place.row, rest)}
    if kind in ("duplicate", "split"):
        return {"kept": verdict.get("seat") or "", "similarity": verdict.get("similarity")}
    return _of_optout(place, rest) if kind == "optout" else {}


def _of_license(place: Place) -> dict[str, Any]:
    said = place.judged["license"]
    return {
        "expression": said["license"],
        "source": said["license_source"],
        "category": said.get("license_category"),
        "unclear": said.get("license_unclear"),
    }


def rules_of(place: Place) -> list[dict[str, Any]]:
    """The rules that hold for the file's language: column, value, bound, and whether the file breaks it."""
    broken = set(place.judged["quality"]["quality_reasons"])
    out = []
    for rule in place.applied.identity("decide.quality")["rules"]:
        if rule["languages"] and place.row["language"] not in rule["languages"]:
            continue
        if place.row["language"] in rule.get("exceptLanguages", ()):
            continue
        bounds = {n: rule[n] for n in ("above", "below", "equals") if rule[n] is not None}
        value = place.row[rule["column"]]
        out.append(
            {
                "rule": rule["id"],
                "column": rule["column"],
                "value": value,
                "drops": bounds,
                "broken": f"quality.{rule['id']}" in broken,
            }
        )
    return out


def entities_of(place: Place) -> list[dict[str, Any]]:
    """Personal data by entity and action: how often, and the best score. A value is never read here."""
    policy = place.applied.identity("decide.privacy")["entities"]
    counts: Counter[tuple[str, str]] = Counter()
    best: dict[tuple[str, str], float] = {}
    for found in place.row["pii"] or ():
        rule = policy.get(found["entity"], {"action": "keep", "minScore": 0.0})
        action = rule["action"] if found["score"] >= rule["minScore"] else "below the threshold"
        key = (found["entity"], action)
        counts[key] += 1
        best[key] = max(best.get(key, 0.0), found["score"])
    return [
        {
            "entity": entity,
            "action": action,
            "count": counts[entity, action],
            "score": best[entity, action],
            "threshold": policy.get(entity, {}).get("minScore"),
        }
        for entity, action in sorted(counts)
    ]


def _tasks(row: Row, suite: str) -> list[str]:
    return [task for task in row.get("contaminated_tasks") or () if task.startswith(f"{suite}/")]


def _of_optout(place: Place, rest: str) -> dict[str, Any]:
    """The scope of the wish, or how the text of a listed file was found here; which file that is stays untold."""
    if rest in _TOLD:
        return {"told": _TOLD[rest]}
    if rest != "copy":
        return {"scope": rest}
    held = place.applied.table("decide.holders", "holders", place.bucket)
    mine = held.filter(pc.and_(pc.equal(held["index"], place.index), pc.invert(held["hit"])))
    best = mine.sort_by([("containment", "descending")]).slice(0, 1).to_pylist()
    return {"strength": best[0]["strength"], "containment": best[0]["containment"]} if best else {}


def _asked(place: Place) -> str:
    """What the list says of a row whose verdict names an earlier reason."""
    hits = place.applied.table("decide.optout", "hits", place.bucket, ["index", "reason"])
    parts = [hits, *place.applied.named("decide.copies", "removals", place.bucket)]
    for table in parts:
        found = table.filter(pc.equal(table["index"], place.index))["reason"].to_pylist()
        if found:
            return str(found[0])
    return ""


def describe(place: Place, home: pa.Table) -> dict[str, Any]:
    """What was observed: licences by place, language and flags, personal data, rules, suites.

    Args:
        home: observations of the same revision of the same repository.
    """
    row = place.row
    return {
        "licenses": {
            **_of_license(place),
            "detected": _detected(row, home),
            "decisions": _decisions(place, home),
        },
        "languages": {"language": row["language"], **{f: row[f] for f in FLAGS if row.get(f) is not None}},
        "pii": entities_of(place),
        "quality": rules_of(place),
        "contamination": list(row.get("contaminated_tasks") or row.get("contaminated") or ()),
        "signals": [
            {"kind": s["kind"], "says": s["says"]} for s in row.get("signals") or () if s is not None
        ],
    }


def _decisions(place: Place, home: pa.Table) -> dict[str, str]:
    """What reviews say of the file's repository and of files in it, as far as it is about the texts of today."""
    said = place.applied.identity("decide.license")
    free, pinned = said.get("decisions", {}), said.get("pinned", ())
    if not free and not pinned:
        return {}
    of_files, of_homes = find_decided(home, np.zeros(home.num_rows, np.int64), free, pinned)
    name = "/".join(place.row[part] for part in ("host", "owner", "repository"))
    paths = home["path"]
    told = {f"{name}:{paths[row].as_py()}": decision for row, decision in of_files.items()}
    # All rows are of one revision of one repository.
    for _, decision in of_homes.values():
        told[name] = decision
    return dict(sorted(told.items()))


def _detected(row: Row, home: pa.Table) -> list[dict[str, Any]]:
    """Statements about licences in the file, in the folders above it and at the root, nearest first."""
    if "license_ids" not in home.column_names:
        return []
    columns = [name for name in home.column_names if name in ("path", "blob") or name.startswith("license_")]
    role = pc.fill_null(home["license_role"], "")
    at = pc.or_(pc.is_in(role, value_set=pa.array(["text", "metadata"])), pc.equal(home["path"], row["path"]))
    found = []
    folder = row["path"].rpartition("/")[0]
    for other in home.filter(at).select(columns).to_pylist():
        own = other["path"] == row["path"]
        around = folder_of(other)
        above = around == "" or folder == around or folder.startswith(f"{around}/")
        if not own and (not above or (other["license_role"] == "metadata" and around)):
            continue
        if own and not other["license_role"] and not other["license_ids"]:
            continue
        where = "file" if own else "directory" if around else "repository"
        found.append((0 if own else 1, -len(around), {"where": where, **statement_of(other)}))
    return [said for _, _, said in sorted(found, key=lambda f: (f[0], f[1], f[2]["path"]))]


def statement_of(row: Row) -> dict[str, Any]:
    """What a file states: ids with scores, the role of the file, and the matches of each detector."""
    return {
        "path": row["path"],
        "role": row["license_role"] or "",
        "ids": dict(zip(row["license_ids"] or (), row["license_scores"] or (), strict=True)),
        "categories": list(row.get("license_categories") or ()),
        "unclear": bool(row.get("license_unclear")),
        "evidence": [
            {"detector": e["detector"], "id": e["id"], "score": e["score"], "text": e["text"]}
            for e in row.get("license_evidence") or ()
        ],
    }


def folder_of(row: Row) -> str:
    """The folder that a statement holds for."""
    folder: str = row["path"].rpartition("/")[0]
    above, _, last = folder.rpartition("/")
    return above if last.upper() in ("LICENSES", "LICENCES") and row["license_role"] == "text" else folder
