"""What the last apply did for one request of an opt-out list, read from what it recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.canonical import canonical, digest
from bigcode.api.diagnostics import Problem, fail
from bigcode.decide import optout, wishes
from bigcode.decide.columns import FILE
from bigcode.decide.optout import row_key, row_keys
from bigcode.decide.receipts import explain_copies
from bigcode.decide.wish_index import canonical_name
from bigcode.evidence.optout_list import upgrade_list
from bigcode.run.applied import Applied, read_applied
from bigcode.run.consent import copy_policy, decided_copies, read_list
from bigcode.run.records import recorded_results, stale_resources
from bigcode.run.session import Session
from bigcode.spec.lock import read_lock

_ROWS = [*FILE, "blob", "git_sha1", "authors"]


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for: a scope, its value and, unless for all, a host."""

    scope: str
    value: str
    host: str = ""

    def names(self, entry: Mapping[str, Any]) -> bool:
        """Whether an entry of a list is this request."""
        same = canonical_name(entry["value"]) == canonical_name(self.value)
        here = not self.host or canonical_name(entry.get("host", "")) == canonical_name(self.host)
        return entry["scope"] == self.scope and entry.get("kind") != "opt-in" and same and here


def write_receipt(session: Session, address: str, request: Request, *, names: bool) -> dict[str, Any]:
    """What was done for a request, as plain JSON; names of files and of the request itself where they are asked for.

    Args:
        address: of the OptOutSnapshot whose list holds the request.

    Raises:
        Problem: E401 to E404 when the list cannot be read, E003 when it holds no such request.
    """
    sealed = next(s for s in session.open_lists() if s.address == address)
    content, secret = read_list(sealed.data)
    entries = [e for e in upgrade_list(content)["entries"] if request.names(e)]
    if not entries:
        hint = "`bigcode optout status` counts what it holds; scope and host must be those of the entry."
        raise fail("E003", f"the list of {address} holds no such request", hint=hint)
    spec = session.workspace.resources[address].spec
    asked = {"scope": request.scope, "value": request.value, "host": request.host}
    hidden = {"scope": request.scope, "key": row_key(secret, "\0".join(asked.values()))}
    datasets = [
        _of_dataset(session, name, request, secret, names=names)
        for name, resource in session.workspace.resources.items()
        if resource.kind == "Dataset" and session.workspace.address_of(resource.spec.opt_out) == address
    ]
    touched = {d["dataset"] for d in datasets if d["own"]["removed"] or sum(d["copies"]["removed"].values())}
    return {
        "project": session.workspace.project.spec.title,
        "request": {
            **(asked if names else hidden),
            "received": sorted({e["since"] for e in entries if e.get("since")}),
            "level": max(int(e.get("level", wishes.DEFAULT_LEVEL)) for e in entries),
            "state": _state_of(entries, spec, datasets),
        },
        "list": {"address": address, "sha256": sealed.digest, "asOf": str(spec.as_of), "copies": spec.copies},
        "datasets": datasets,
        "made": _made_from(session, touched),
        "releases": [
            {"release": name, "asOf": entry["asOf"], "root": entry["root"], "manifest": entry["manifest"]}
            for name, entry in sorted(read_lock(session.workspace.root).get("releases", {}).items())
        ],
    }


def _state_of(entries: Sequence[Mapping[str, Any]], spec: Any, datasets: Sequence[Mapping[str, Any]]) -> str:
    counts = wishes.compile_wishes({"entries": entries}, min_levels=spec.min_levels, purposes=spec.purposes)
    if counts.honoured:
        told = {d["honoured"] for d in datasets}
        return "honoured" if told == {True} else "honoured in part" if True in told else "not yet built"
    return "waits for a proof of identity" if counts.pending else "taken back, or for other purposes"


def _of_dataset(
    session: Session, address: str, request: Request, secret: bytes, *, names: bool
) -> dict[str, Any]:
    nothing = {"files": 0, "removed": 0, "outAnyway": {}}
    empty: dict[str, Any] = {"removed": {}, "outAnyway": {}, "stays": {}}
    released = address in read_lock(session.workspace.root)["released"]
    out: dict[str, Any] = {
        "dataset": address, "released": released, "honoured": False, "own": nothing, "copies": empty, "seats": 0,
    }  # fmt: skip
    try:
        applied = read_applied(session, address)
    except Problem:
        return out
    listed = applied.action("decide.optout", applied.labels("decide.optout")[0]).identity["literals"]["list"]
    try:
        content, _ = read_list(session.store.objects.get(listed))
    except Problem:
        # A purge may have taken the list of then.
        return out
    mine = {**content, "entries": [e for e in upgrade_list(content)["entries"] if request.names(e)]}
    said = applied.identity("decide.optout")
    compiled = wishes.compile_wishes(mine, min_levels=said["minLevels"], purposes=said["purposes"])
    if not compiled.honoured:
        return out
    own = _own_rows(applied, compiled, said["scopes"])
    found, removals = _copies(applied, secret, own["blob"])
    reasons, others = _reasons(applied, own), _reasons(applied, removals)
    gone = [*own["file"].to_pylist(), *removals["file"].to_pylist()]
    stays = Counter(
        f"{o}: {w}" if w else o
        for o, w in zip(found["outcome"].to_pylist(), found["why"].to_pylist(), strict=True)
        if o != "removed"
    )
    # A copy that an earlier judgement left out is gone for that, and counts there.
    asked = pa.array([name for name, reason in others.items() if _is_optout(reason)], pa.string())
    strengths = found.filter(pc.is_in(found["file"], value_set=asked))["strength"].to_pylist()
    out |= {
        "honoured": True,
        "own": {
            "files": own.num_rows,
            "removed": sum(map(_is_optout, reasons.values())),
            "outAnyway": _other_reasons(reasons),
        },
        "copies": {
            "removed": {s: strengths.count(s) for s in optout.STRENGTHS if s in strengths},
            "outAnyway": _other_reasons(others),
            "stays": dict(sorted(stays.items())),
        },
        "seats": _seats(applied, gone),
        "digests": {
            "list": listed,
            # Keyed ids, so that nobody who does not hold the salt can tell the rows.
            "rows": digest(canonical(sorted(row_keys(secret, pa.array(gone, pa.string())).to_pylist()))),
            **_manifests(applied),
        },
    }
    if names:
        out["own"]["names"] = sorted(own["file"].to_pylist())
        out["copies"]["names"] = [
            {name: row[name] for name in ("file", "outcome", "strength", "why") if row[name]}
            for row in found.to_pylist()
        ]
    return out


def _own_rows(applied: Applied, compiled: wishes.Wishes, scopes: Sequence[str]) -> pa.Table:
    """bucket, key, file, blob of the files that the request itself names."""
    names = ("key", "file", "blob")
    schema = pa.schema([("bucket", pa.string()), *((name, pa.string()) for name in names)])
    parts = [schema.empty_table()]
    for bucket in applied.labels("decide.optout"):
        hits = applied.table("decide.optout", "hits", bucket)
        if not hits.num_rows:
            continue
        rows = applied.table("gather", "observations", bucket, _ROWS).take(hits["index"])
        at = pa.array(wishes.match(rows, compiled, scopes).rows)
        mine = hits.select(list(names)).take(at)
        label = pa.array([bucket] * mine.num_rows, pa.string())
        parts.append(mine.add_column(0, "bucket", label).cast(schema))
    return pa.concat_tables(parts).combine_chunks()


def _reasons(applied: Applied, rows: pa.Table) -> dict[str, str]:
    """Reasons of the verdicts about files, by file: an earlier judgement may have left one out anyway.

    Args:
        rows: bucket, key, file.
    """
    found: dict[str, str] = {}
    for bucket in sorted(pc.unique(rows["bucket"]).to_pylist()):
        mine = rows.filter(pc.equal(rows["bucket"], bucket))
        name_of = dict(zip(mine["key"].to_pylist(), mine["file"].to_pylist(), strict=True))
        table = applied.table("verdicts", "verdicts", bucket, ["row", "reason"])
        chosen = table.filter(pc.is_in(table["row"], value_set=mine["key"].combine_chunks()))
        for row in chosen.to_pylist():
            found[name_of[row["row"]]] = row["reason"]
    return found


def _is_optout(reason: str) -> bool:
    return reason.startswith("optout.")


def _other_reasons(reasons: Mapping[str, str]) -> dict[str, int]:
    counts = Counter(reason for reason in reasons.values() if not _is_optout(reason))
    return dict(sorted(counts.items()))


def _copies(applied: Applied, secret: bytes, blobs: pa.ChunkedArray) -> tuple[pa.Table, pa.Table]:
    """What became of files elsewhere that hold these texts; and bucket, key, file of those that were removed."""
    seeds = pc.unique(blobs.combine_chunks())
    parts = [optout.HOLDERS.empty_table()]
    for bucket in applied.labels("decide.holders"):
        held = applied.table("decide.holders", "holders", bucket)
        if "blob" not in held.column_names:
            told = f"{applied.address} was applied by an earlier version of bigcode"
            raise fail("E507", told, hint="Run `bigcode apply` first.")
        held = held.select(optout.HOLDERS.names)
        parts.append(held.filter(pc.is_in(held["seed"], value_set=seeds)).cast(optout.HOLDERS))
    held = pa.concat_tables(parts).combine_chunks()
    said = applied.identity("decide.copies")
    found = explain_copies(held, copy_policy(said), *decided_copies(held, said, secret))
    removed = found.filter(pc.equal(found["outcome"], "removed"))["file"].combine_chunks()
    at = pc.index_in(removed, value_set=held["file"].combine_chunks())
    buckets = held["bucket"].combine_chunks().take(at).cast(pa.string())
    return found, pa.table({"bucket": buckets, "key": row_keys(secret, removed), "file": removed})


def _seats(applied: Applied, gone: Sequence[str]) -> int:
    """Files that one of these had stood for, and that nobody stands for now."""
    names = pa.array(sorted(set(gone)), pa.string())
    count = 0
    for bucket in applied.labels("decide.seats") if len(names) else ():
        seats = applied.table("decide.seats", "seats", bucket, ["index"])["index"].combine_chunks()
        if not len(seats):
            continue
        for lost in applied.named("decide.elect", "election", bucket):
            mine = pc.and_(pc.is_in(lost["index"], value_set=seats), pc.is_in(lost["seat"], value_set=names))
            count += int(np.count_nonzero(mine.to_numpy()))
    return count


def _manifests(applied: Applied) -> dict[str, str]:
    """Digests of the lists of verdict tables and of shards that the build recorded."""
    outputs = applied.action("facts").outputs["manifest"]
    return {entry.name: entry.digest for entry in outputs if entry.name in ("verdicts", "shards")}


def _made_from(session: Session, datasets: set[str]) -> list[dict[str, str]]:
    """Tokenizers and models made from datasets of which files went, and whether their data has moved on."""
    workspace = session.workspace
    out = []
    for name, resource in workspace.resources.items():
        spec = resource.spec
        if resource.kind == "Model":
            read = {workspace.address_of(part.dataset) for part in spec.data}
        elif resource.kind == "Tokenizer":
            read = {workspace.address_of(spec.dataset)}
        else:
            continue
        if read & datasets:
            out.append({"resource": name, "state": _freshness(session, name)})
    return out


def _freshness(session: Session, address: str) -> str:
    graph = session.graph((address,))
    try:
        stale = stale_resources(graph, recorded_results(graph, session.store))
    except Problem:
        return "not made yet"
    return "stale: made before its data changed" if address in stale else "made from the data of today"
