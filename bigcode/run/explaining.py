"""Why a file is in a dataset or not, from what the last apply recorded; only the bucket of its owner is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.diagnostics import Problem
from bigcode.decide.columns import FILE, file_id
from bigcode.decide.optout import row_key
from bigcode.run.applied import Applied, read_applied, read_columns
from bigcode.run.collecting import bucket_of
from bigcode.run.consent import read_list
from bigcode.run.reasons import Place, describe, give_reasons
from bigcode.run.session import Session
from bigcode.run.unfound import likely_units, unknown_file
from bigcode.store.tombstones import purge_of

_COMMIT = re.compile(r":[0-9a-f]{7,39}$")
_JUDGED = ("license", "quality", "privacy", "contamination")


def explain_file(session: Session, address: str, file: str) -> list[dict[str, Any]]:
    """All that is known of `HOST/OWNER/REPO:PATH` (all revisions), or of one revision with `REPO@REVISION`.

    Returns:
        by revision: `row` and `reason` (`kept`, or the first in the order of judgement); `reasons`, all of them in
        that order with what each rests on; the columns of the verdict; `licenses`, `languages`, `pii`, `quality`,
        `contamination`, `provenance`, `purged` (asOf and reason, where the content was erased) and `components`.
        Of personal data there are entities and counts, no values.
        Names in another case are found where no file has the given one, and commits by seven digits or more.
        A row that an opt-out touches is found only where the sealed list can be read.

    Raises:
        Problem: E004 when the snapshot has no such file, with the nearest names and what was left out near it; E507
            when nothing was applied.
    """
    applied = read_applied(session, address)
    host, _, rest = file.partition("/")
    bucket = str(bucket_of(host, rest.partition("/")[0], applied.buckets))
    places = [(bucket, _rows_of(applied, bucket, file))]
    if not places[0][1]:
        # An owner in another case may lie in another bucket, and hosts take both for one.
        places = [(label, _rows_of(applied, label, file, fold=True)) for label in applied.labels("gather")]
    told = [row for label, found in places if found for row in _explain(session, applied, label, found)]
    if not told:
        raise unknown_file(session, applied, bucket, file)
    return sorted(told, key=lambda r: str(r["row"]))


def _rows_of(applied: Applied, bucket: str, file: str, *, fold: bool = False) -> list[int]:
    """Numbers of the rows of a bucket that a file names, with its revision or without."""
    table = applied.table("gather", "observations", bucket, list(FILE))
    host, owner, repository, revision, path = (table[name].combine_chunks() for name in FILE)
    stem = pc.binary_join_element_wise(host, owner, repository, "/")
    given = pc.binary_join_element_wise(pc.binary_join_element_wise(stem, revision, "@"), path, ":")
    any_revision = pc.binary_join_element_wise(stem, path, ":")
    if fold:
        file, given, any_revision = file.lower(), pc.utf8_lower(given), pc.utf8_lower(any_revision)
    found = pc.or_(pc.equal(any_revision, file), pc.equal(given, file))
    if fold and _COMMIT.search(file):
        # A commit is a record whose path is its digest, which people shorten.
        found = pc.or_(found, pc.and_(pc.starts_with(any_revision, file), pc.equal(path, revision)))
    rows: list[int] = np.flatnonzero(found.to_numpy(zero_copy_only=False)).tolist()
    return rows


def _all(table: pa.Table, **values: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    out = np.ones(table.num_rows, bool)
    for name, value in values.items():
        out &= pc.equal(table[name], value).to_numpy()
    return out


def _explain(session: Session, applied: Applied, bucket: str, found: list[int]) -> Iterator[dict[str, Any]]:
    observations = applied.table("gather", "observations", bucket)
    judged = {
        name: applied.table(f"decide.{name}", name, bucket).take(pa.array(found)).to_pylist()
        for name in _JUDGED
        if applied.labels(f"decide.{name}")
    }
    verdicts = _Verdicts(session, applied, bucket)
    shared = {"components": components(applied)}
    for number, row in enumerate(observations.take(pa.array(found)).to_pylist()):
        verdict = verdicts.of(row)
        if verdict is None:
            continue
        place = Place(applied, bucket, found[number], row, {n: rows[number] for n, rows in judged.items()})
        near = observations.filter(
            pa.array(_all(observations, **{name: row[name] for name in FILE if name != "path"}))
        )
        yield {
            **verdict,
            "reasons": give_reasons(place, verdict),
            **describe(place, near),
            "provenance": {**_provenance(row), "unit": _unit_of(applied, bucket, row)},
            "purged": _purged(applied, str(row["blob"])),
            **shared,
        }


@dataclass
class _Verdicts:
    """The verdicts of a bucket: the public ones by row, and by keyed row where the sealed list can be read."""

    session: Session
    applied: Applied
    bucket: str
    _secret: bytes | None = None

    def __post_init__(self) -> None:
        self._table = self.applied.table("verdicts", "verdicts", self.bucket)

    def of(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        name = file_id(*(row[column] for column in FILE))
        found = self._row(name)
        if found is not None:
            return found
        secret = self._open()
        hidden = self._row(row_key(secret, name)) if secret else None
        return None if hidden is None else {"row": name, "reason": hidden["reason"], "also": None}

    def _row(self, name: str) -> dict[str, Any] | None:
        rows: list[dict[str, Any]] = self._table.filter(pc.equal(self._table["row"], name)).to_pylist()
        return rows[0] if rows else None

    def _open(self) -> bytes | None:
        if self._secret is None:
            workspace = self.session.workspace
            optout = workspace.address_of(workspace.resources[self.applied.address].spec.opt_out)
            try:
                lists = self.session.open_lists()
            except Problem:
                return None
            self._secret = next(read_list(sealed.data)[1] for sealed in lists if sealed.address == optout)
        return self._secret


def components(applied: Applied) -> list[dict[str, Any]]:
    """What collected, observed and clustered, with behaviour versions and settings."""
    found = []
    for step in sorted(applied.keys):
        if step.startswith(("observe.", "collect.fetch", "cluster.sketch", "measure.")):
            action = applied.action(step, applied.labels(step)[0])
            if not action.component.startswith("core."):
                found.append({"step": step, "component": action.component, "behaviour": action.behaviour})
    return found


def _provenance(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in FILE},
        "released": row["released"],
        "bytes": row["bytes"],
        "sha256": row["blob"],
        "git_sha1": row["git_sha1"],
        "swhid": f"swh:1:cnt:{row['git_sha1']}",
    }


def _purged(applied: Applied, blob: str) -> dict[str, str] | None:
    """When and why a content was erased; the row stays without its text."""
    order = purge_of(applied.store.files, blob)
    return None if order is None else {"asOf": str(order["asOf"]), "reason": str(order["reason"])}


def _unit_of(applied: Applied, bucket: str, row: Mapping[str, Any]) -> str:
    """The unit of the collector that a file came from; those whose name speaks of the repository are read first."""
    names = {name: row[name] for name in FILE}
    likely = likely_units(applied, row["owner"], row["repository"])
    for label in dict.fromkeys([*likely, *applied.labels("collect.fetch")]):
        for entry in applied.action("collect.fetch", label).outputs.get("files", ()):
            if (
                entry.name == bucket
                and _all(read_columns(applied.store, entry.digest, list(FILE)), **names).any()
            ):
                return label
    return ""
