"""Opt-outs: the rows that a list names, copies of them, and the seats that stay empty."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.canonical import canonical
from bigcode.api.components import load_object
from bigcode.decide import copies, optout, signals, wishes
from bigcode.decide.columns import split_by
from bigcode.decide.optout import row_key
from bigcode.run.collecting import PLACES
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.store.tables import read_table

_ROWS = ["host", "owner", "repository", "revision", "path", "blob", "git_sha1", "authors"]
_HELD = [
    "host",
    "owner",
    "repository",
    "revision",
    "path",
    "blob",
    "bytes",
    "released",
    "vendored",
    "license_role",
]
_TOUCH = pa.schema([("index", pa.int64()), ("key", pa.string()), ("reason", pa.string())])


def decide_wishes(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Counts of the list for the facts."""
    content, secret = read_list(inputs.bytes("list"))
    compiled = _compile(content, task)
    # The nonce keeps a small count from being guessed from the object's digest.
    counts = {
        "entries": sum(compiled.honoured.values()),
        "scopes": dict(sorted(compiled.honoured.items())),
        "pending": sum(compiled.pending.values()),
        "nonce": row_key(secret, "counts"),
    }
    return {"counts": [("", canonical(counts))]}


def decide_optout(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Rows of a bucket that the list names, or that their own repository asks to leave out."""
    content, secret = read_list(inputs.bytes("list"))
    said = task.identity
    columns = [*_ROWS, "signals"] if said["signals"] == "honour" else _ROWS
    table = inputs.table("observations", columns)
    reasons = wishes.match(table, _compile(content, task), said["scopes"]).reasons
    if said["signals"] == "honour":
        reasons = pc.if_else(pc.equal(reasons, ""), signals.match(table), reasons)
    return {"hits": [("", optout.hits_of(table, reasons, secret))]}


def _compile(content: dict[str, Any], task: Task) -> wishes.Wishes:
    said = task.identity
    return wishes.compile_wishes(
        content, min_levels=said["minLevels"], purposes=said["purposes"], consent=said["consent"]
    )


def decide_seeds(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The contents of all files that the list names."""
    blobs = pa.concat_arrays([t["blob"].combine_chunks() for t in inputs.tables("hits")])
    return {"seeds": [("", pa.table({"blob": pc.unique(blobs)}).sort_by("blob"))]}


def seed_prints(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Fingerprints of the seeds that lie in a prefix."""
    prints = inputs.table("prints")
    seeds = inputs.table("seeds")["blob"]
    return {"prints": [("", prints.filter(pc.is_in(prints["blob"], value_set=seeds.combine_chunks())))]}


def print_owners(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """For each fingerprint of a seed its owners in this prefix, up to the number that makes it common property."""
    seeds = pa.concat_tables(inputs.tables("seedprints"))
    places = pa.concat_tables([PLACES.empty_table(), *inputs.tables("places")])
    found = copies.owners_of_prints(seeds, inputs.table("prints"), places, task.identity["owners"])
    return {"owners": [("", found)]}


def find_candidates(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Contents of a prefix that hold the prints of a seed which are not common property."""
    seeds = pa.concat_tables(inputs.tables("seedprints"))
    common = copies.common_prints(inputs.tables("owners"), task.identity["owners"])
    found = copies.find_candidates(
        seeds, inputs.table("prints"), common, task.identity["review"], task.identity["copies"]
    )
    return {"candidates": [("", found)]}


def verify_matches(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Each candidate compared with its seed on the texts themselves."""
    pairs = pa.concat_tables(inputs.tables("candidates"))
    if not pairs.num_rows:
        return {"matches": [("", optout.MATCHES.empty_table())]}
    config = load_object(task.params["config_class"]).model_validate(dict(task.params["config"]))
    stage = load_object(task.params["factory"])(config)
    wanted = pc.unique(pa.concat_arrays([pairs[c].combine_chunks() for c in ("seed", "blob")]))
    parts = []
    for entry in inputs.entries("blobs"):
        table = read_table(inputs.store.objects, entry.digest)
        parts.append(table.filter(pc.is_in(table["blob"], value_set=wanted)))
    texts = pa.concat_tables(parts).combine_chunks()
    found = stage.verify(texts, texts, pairs.select(["seed", "blob"]))
    kept = found.filter(
        pc.or_(found["normalised"], pc.greater_equal(found["containment"], task.identity["review"]))
    )
    order = [("seed", "ascending"), ("blob", "ascending")]
    return {"matches": [("", kept.select(optout.MATCHES.names).cast(optout.MATCHES).sort_by(order))]}


def decide_holders(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Files of a bucket that hold the text of an opted-out one."""
    matches = pa.concat_tables([optout.MATCHES.empty_table(), *inputs.tables("matches")])
    seeds = inputs.table("seeds")["blob"].combine_chunks()
    held = optout.holders(
        inputs.table("observations", _HELD), int(task.label), inputs.table("hits"), seeds, matches
    )
    return {"holders": [("", held)]}


def decide_copies(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Copies that go because of an opt-out, an entry a bucket; what is disputed; and all files that are gone."""
    _, secret = read_list(inputs.bytes("list"))
    said = task.identity
    policy = optout.CopyPolicy(
        said["copies"],
        said["contested"],
        said["containment"]["remove"],
        said["containment"]["review"],
        optout.CommonProperty(said["common"]["owners"], said["common"]["minBytes"]),
    )
    held = pa.concat_tables([optout.HOLDERS.empty_table(), *inputs.tables("holders")])
    decided = _decided(held, said["decisions"], secret)
    result = optout.spread(held, policy, decided)
    gone = pa.concat_arrays([t["file"].combine_chunks() for t in (*inputs.tables("hits"), result.removals)])
    removed = result.removals.append_column("key", _keys(result.removals, secret))
    disputed = result.disputed.append_column("key", _keys(result.disputed, secret))
    return {
        "removals": split_by(removed.select(_TOUCH.names), removed["bucket"].to_numpy().astype(np.int64)),
        "disputed": [("", disputed)],
        "gone": [("", pa.table({"file": pc.unique(gone)}).sort_by("file"))],
        "counts": [("", canonical({"common": result.common, "nonce": row_key(secret, "copies")}))],
    }


def decide_seats(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Rows of a bucket whose kept twin is gone: nobody takes the seat."""
    _, secret = read_list(inputs.bytes("list"))
    parts = inputs.tables("election")
    if not parts:
        return {"seats": [("", _TOUCH.empty_table())]}
    gone = inputs.table("gone")["file"].combine_chunks()
    index = optout.emptied_seats(pa.concat_tables(parts), gone)
    rows = inputs.table("observations", _ROWS[:5]).take(pa.array(np.sort(index)))
    keys = _keys(pa.table({"file": optout.file_ids(rows)}), secret)
    reasons = pa.array(["optout.seat"] * len(index), pa.string())
    return {"seats": [("", pa.table([pa.array(np.sort(index)), keys, reasons], schema=_TOUCH))]}


def _keys(table: pa.Table, secret: bytes) -> pa.Array:
    return pa.array([row_key(secret, name) for name in table["file"].to_pylist()], pa.string())


def _decided(held: pa.Table, decisions: dict[str, str], secret: bytes) -> dict[str, str]:
    """Decisions of reviews by file; reviews name files by their keyed ids."""
    if not decisions:
        return {}
    named = {row_key(secret, name): name for name in pc.unique(held["file"]).to_pylist()}
    return {named[key]: said for key, said in decisions.items() if key in named}


@lru_cache(maxsize=2)
def read_list(data: bytes) -> tuple[dict[str, Any], bytes]:
    """A sealed list, and the secret that keys row ids, derived from its salt."""
    loaded: dict[str, Any] = json.loads(data)
    return loaded, hashlib.sha256(b"bigcode row ids\0" + bytes.fromhex(loaded["salt"])).digest()
