"""The judgements that look across buckets: election, opt-outs and their copies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from bigcode.api.canonical import canonical
from bigcode.decide import election, optout
from bigcode.decide.verdicts import file_id
from bigcode.run.task import Inputs, Output, Task, TaskContext

HITS = pa.schema(
    [("index", pa.int64()), ("key", pa.string()), ("reason", pa.string()), ("emptied", pa.bool_())]
)
_FILE = ["host", "owner", "repository", "revision", "path"]


def decide_elect(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Outcomes of the election, an entry a bucket."""
    columns = [*_FILE, "released", "blob", "vendored"]
    tables = inputs.tables("observations", columns)
    admitted = [
        _admitted(*parts)
        for parts in zip(
            inputs.tables("license"), inputs.tables("quality"), inputs.tables("privacy"), strict=True
        )
    ]
    candidates = [
        election.Candidate(
            file_id(*(row[c] for c in _FILE)),
            row["host"],
            row["owner"],
            row["repository"],
            row["path"],
            row["released"],
            row["blob"],
            bool(row["vendored"]),
            eligible,
        )
        for table, flags in zip(tables, admitted, strict=True)
        for row, eligible in zip(table.to_pylist(), flags, strict=True)
    ]
    clusters: dict[str, tuple[str, np.ndarray]] = {}
    for table in inputs.tables("clusters"):
        for row in table.to_pylist():
            clusters[row["blob"]] = (row["cluster"], np.frombuffer(row["signature"], "<u4"))
    split = task.identity["split"]
    outcomes = election.elect(
        candidates,
        clusters,
        threshold=task.identity["threshold"],
        seed=split["seed"],
        validation=split["validation"],
    )
    out, position = [], 0
    for bucket, table in enumerate(tables):
        mine = outcomes[position : position + table.num_rows]
        position += table.num_rows
        columns_ = [
            [o.split for o in mine],
            [o.reason for o in mine],
            [o.seat for o in mine],
            [o.similarity for o in mine],
        ]
        out.append((str(bucket), pa.table(columns_, schema=election.SCHEMA)))
    return {"election": out}


def _admitted(license_: pa.Table, quality: pa.Table, privacy: pa.Table) -> list[bool]:
    return [
        not (reason or broken or found)
        for reason, broken, found in zip(
            license_["license_reason"].to_pylist(),
            quality["quality_reasons"].to_pylist(),
            privacy["privacy_reasons"].to_pylist(),
            strict=True,
        )
    ]


def decide_optout(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Rows that the list names, an entry a bucket, under keyed ids; and counts for the facts."""
    wishes, secret = read_wishes(inputs.bytes("list"))
    out = []
    for bucket, rows in enumerate(_rows(inputs)):
        reasons = optout.match(rows, wishes, task.identity["scopes"])
        out.append((str(bucket), _hits(rows, reasons, [False] * len(rows), secret)))
    scopes = sorted({w.scope for w in wishes})
    # The nonce keeps a small count from being guessed from the object's digest.
    counts = {
        "entries": len(wishes),
        "scopes": {s: sum(w.scope == s for w in wishes) for s in scopes},
        "nonce": optout.row_key(secret, "counts"),
    }
    return {"hits": out, "counts": [("", canonical(counts))]}


def decide_copies(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """All rows that go because of an opt-out, an entry a bucket, and the contested ones."""
    _, secret = read_wishes(inputs.bytes("list"))
    by_bucket = _rows(inputs)
    rows = [row for bucket in by_bucket for row in bucket]
    hits: list[str] = []
    for bucket, table in zip(by_bucket, inputs.tables("hits"), strict=True):
        named = dict(zip(table["index"].to_pylist(), table["reason"].to_pylist(), strict=True))
        hits += [named.get(index, "") for index in range(len(bucket))]
    seats = [seat for table in inputs.tables("election") for seat in table["seat"].to_pylist()]
    said = task.identity
    common = optout.CommonProperty(said["common"]["owners"], said["common"]["minBytes"])
    removal = optout.spread(
        rows, hits, seats, copies=said["copies"], contested=said["contested"], common=common
    )
    out, position = [], 0
    for number, bucket in enumerate(by_bucket):
        mine = slice(position, position + len(bucket))
        out.append((str(number), _hits(bucket, removal.reasons[mine], removal.emptied[mine], secret)))
        position += len(bucket)
    contested = sorted(optout.row_key(secret, rows[index].file) for index in removal.contested)
    return {"removals": out, "contested": [("", pa.table({"key": pa.array(contested, pa.string())}))]}


def read_wishes(data: bytes) -> tuple[list[optout.Wish], bytes]:
    """The entries of a sealed list, and the secret that keys row ids, derived from its salt."""
    loaded = json.loads(data)
    wishes = [
        optout.Wish(e["scope"], e["value"].lower(), e.get("host", "").lower()) for e in loaded["entries"]
    ]
    return wishes, hashlib.sha256(b"bigcode row ids\0" + bytes.fromhex(loaded["salt"])).digest()


def _rows(inputs: Inputs) -> list[list[optout.Row]]:
    columns = [*_FILE, "blob", "git_sha1", "bytes", "released", "vendored", "license_role"]
    return [
        [
            optout.Row(
                file_id(*(r[c] for c in _FILE)),
                r["host"],
                r["owner"],
                r["repository"],
                r["path"],
                r["blob"],
                r["git_sha1"],
                r["bytes"],
                r["released"],
                bool(r["vendored"]),
                r["license_role"] == "text",
            )
            for r in table.to_pylist()
        ]
        for table in inputs.tables("observations", columns)
    ]


def _hits(
    rows: Sequence[optout.Row], reasons: Sequence[str], emptied: Sequence[bool], secret: bytes
) -> pa.Table:
    found = [
        {"index": i, "key": optout.row_key(secret, rows[i].file), "reason": reason, "emptied": emptied[i]}
        for i, reason in enumerate(reasons)
        if reason
    ]
    return pa.Table.from_pylist(found, HITS)
