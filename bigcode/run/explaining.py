"""Why a file is in a dataset or not, from what the last apply recorded; only the bucket of its owner is read."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.diagnostics import Problem, fail
from bigcode.decide.columns import FILE, file_id
from bigcode.decide.optout import row_key
from bigcode.run.applied import Applied, read_applied, read_columns
from bigcode.run.collecting import bucket_of
from bigcode.run.consent import read_list
from bigcode.run.reasons import Place, describe, give_reasons
from bigcode.run.session import Session

_JUDGED = ("license", "quality", "privacy", "contamination")


def explain_file(session: Session, address: str, file: str) -> list[dict[str, Any]]:
    """All that is known of `HOST/OWNER/REPO:PATH` (all revisions), or of one revision with `REPO@REVISION`.

    Returns:
        by revision: `row` and `reason` (`kept`, or the first in the order of judgement); `reasons`, all of them in
        that order with what each rests on; the columns of the verdict; `licenses`, `languages`, `pii`, `quality`,
        `contamination`, `provenance` and `components`. Of personal data there are entities and counts, no values.
        A row that an opt-out touches is found only where the sealed list can be read.

    Raises:
        Problem: E004 when the snapshot has no such file, with the nearest names and what was left out near it; E507
            when nothing was applied.
    """
    applied = read_applied(session, address)
    host, _, rest = file.partition("/")
    owner, _, rest = rest.partition("/")
    bucket = str(bucket_of(host, owner, applied.buckets))
    names = applied.table("gather", "observations", bucket, list(FILE))
    mine = np.flatnonzero(_all(names, host=host, owner=owner))
    rows = names.take(pa.array(mine)).to_pylist()
    found = [i for i, row in zip(mine.tolist(), rows, strict=True) if file in _spellings(row)]
    told = list(_explain(session, applied, bucket, found)) if found else []
    if not told:
        raise _unknown(applied, bucket, file, host, owner)
    return sorted(told, key=lambda r: str(r["row"]))


def _spellings(row: Mapping[str, Any]) -> tuple[str, str]:
    stem = f"{row['host']}/{row['owner']}/{row['repository']}"
    return f"{stem}:{row['path']}", f"{stem}@{row['revision']}:{row['path']}"


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


def _unit_of(applied: Applied, bucket: str, row: Mapping[str, Any]) -> str:
    """The unit of the collector that a file came from; those whose name speaks of the repository are read first."""
    names = {name: row[name] for name in FILE}
    likely = _likely_units(applied, row["owner"], row["repository"])
    for label in dict.fromkeys([*likely, *applied.labels("collect.fetch")]):
        for entry in applied.action("collect.fetch", label).outputs.get("files", ()):
            if (
                entry.name == bucket
                and _all(read_columns(applied.store, entry.digest, list(FILE)), **names).any()
            ):
                return label
    return ""


def _likely_units(applied: Applied, owner: str, repository: str) -> list[str]:
    """The units whose name has that of a repository among its words, or else that of its owner."""
    labels = applied.labels("collect.fetch")
    for name in filter(None, (repository, owner)):
        wanted = f"-{_words(name)}-"
        found = [unit for unit in labels if wanted in f"-{_words(unit)}-"]
        if found:
            return found
    return []


def _words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())


def _unknown(applied: Applied, bucket: str, file: str, host: str, owner: str) -> Problem:
    """That there is no such file, with the nearest names and with what was left out near it.

    Names come from public verdicts alone: what an opt-out touches is not told here.
    """
    columns = ["host", "owner", "repository", "path"]
    verdicts = applied.table("verdicts", "verdicts", bucket, columns)
    verdicts = verdicts.filter(pc.and_(pc.equal(verdicts["host"], host), pc.equal(verdicts["owner"], owner)))
    spelled = sorted({f"{host}/{owner}/{r['repository']}:{r['path']}" for r in verdicts.to_pylist()})
    stem, _, path = file.partition(":")
    repository = stem.removeprefix(f"{host}/{owner}/").partition("@")[0]
    hints = []
    plain = f"{host}/{owner}/{repository}:{path}"
    near = difflib.get_close_matches(plain, spelled, n=3, cutoff=0.8)
    last = path.rpartition("/")[2]
    same = [name for name in spelled if last and name.endswith((f"/{last}", f":{last}")) and name not in near]
    if near or same:
        hints.append("Near: " + ", ".join([*near, *same[: 5 - len(near)]]) + ".")
    hints += _left_out(applied, owner, repository)
    hints.append("Write HOST/OWNER/REPO:PATH, for example pypi/pip/pip:src/pip/__init__.py.")
    return fail("E004", f"{applied.address} has no file `{file}`", hint=" ".join(hints))


def _left_out(applied: Applied, owner: str, repository: str) -> list[str]:
    """What the collector left out of the units that a file may have been in, by reason."""
    units = _likely_units(applied, owner, repository)
    if not units and len(applied.labels("collect.fetch")) == 1:
        units = applied.labels("collect.fetch")
    told = []
    for unit in units[:20]:
        for entry in applied.action("collect.fetch", unit).outputs.get("record", ()):
            record = json.loads(applied.store.objects.get(entry.digest))
            if record["failed"]:
                told.append(f"Of `{unit}` nothing could be had: {record['failed']}.")
            elif record["omitted"]:
                counts = ", ".join(f"{reason} {count:,}" for reason, count in record["omitted"].items())
                told.append(f"Left out of `{unit}`, by reason: {counts}.")
    return told
