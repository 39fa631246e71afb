"""Opt-outs: the rows that a list names, copies of them, and the seats that stay empty.

Bundles name every object by its digest. A digest of public names could be guessed, so each table that follows from a
list carries a secret of the list, its `seal`. It comes with the hits, so that steps between need not read the list.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bigcode.api.canonical import canonical
from bigcode.api.components import load_object
from bigcode.api.diagnostics import fail
from bigcode.api.facts import Fact
from bigcode.decide import copies, optout, signals, wishes
from bigcode.decide.columns import FILE, file_ids, partition_of, split_by, whole
from bigcode.decide.optout import row_key, row_keys
from bigcode.decide.wish_index import fold_case, fold_separators
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.store.tables import decode_table, read_table

_ROWS = [*FILE, "blob", "git_sha1", "authors"]
_HELD = [*FILE, "blob", "bytes", "released", "vendored", "license_role", "generated"]
_TOUCH = pa.schema([("index", pa.int64()), ("key", pa.string()), ("reason", pa.string())])
SEAL = "seal"


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
    said, compiled = task.identity, _compile(content, task)
    data = inputs.bytes("observations")
    if said["signals"] != "honour" and not _may_name(compiled, decode_table(data, ["owner"])["owner"]):
        return {"hits": [("", sealed(optout.HITS.empty_table(), ""))]}
    table = decode_table(data, [*_ROWS, "signals"] if said["signals"] == "honour" else _ROWS)
    reasons = wishes.match(table, compiled, said["scopes"]).reasons
    if said["signals"] == "honour":
        reasons = pc.if_else(pc.equal(reasons, ""), signals.match(table), reasons)
    hits = optout.hits_of(table, reasons, secret)
    return {"hits": [("", sealed(hits, row_key(secret, SEAL)))]}


def _may_name(compiled: wishes.Wishes, owners: pa.ChunkedArray) -> bool:
    """Whether a list may name a row of these owners: in most buckets it names nobody."""
    named = compiled.denied
    if compiled.granted is not None or any(len(keys.values) for keys in named.others.values()):
        return True
    known = fold_case(pc.unique(owners.combine_chunks()).drop_null())
    here = pc.any(pc.is_in(known, value_set=named.owners[False])).as_py()
    return bool(here or pc.any(pc.is_in(fold_separators(known), value_set=named.owners[True])).as_py())


def _compile(content: dict[str, Any], task: Task) -> wishes.Wishes:
    said = task.identity
    return wishes.compile_wishes(
        content, min_levels=said["minLevels"], purposes=said["purposes"], consent=said["consent"]
    )


def check_shard(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """What was written, looked at once more: no row is one that the list names, nor one that was taken out.

    Writers of records are not in the shards, so that their scopes are checked by what was taken out.

    Raises:
        Problem: E407 with the number of such rows, and no name.
    """
    content, _ = read_list(inputs.bytes("list"))
    compiled = _compile(content, task)
    gone = inputs.table("gone")["file"].combine_chunks()
    checked = []
    for entry in inputs.entries("shards"):
        table = read_table(inputs.store.objects, entry.digest, _WRITTEN)
        named = wishes.match(table, compiled, task.identity["scopes"]).rows
        taken = pc.sum(pc.is_in(file_ids(table), value_set=gone)).as_py() or 0
        if len(named) or taken:
            raise fail(
                "E407",
                f"{task.node.partition('#')[0]}: {max(len(named), taken)} rows of {entry.name} are opted out",
                hint="This is a fault of bigcode; do not release the draft.",
            )
        checked.append([entry.name, entry.digest, table.num_rows])
    return {"checked": [("", canonical(checked))]}


_WRITTEN = ["host", "owner", "repository", "revision", "path", "blob", "git_sha1"]


def decide_seeds(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The contents of all files that the list names."""
    hits = inputs.tables("hits")
    blobs = pc.unique(pa.chunked_array([c for t in hits for c in t["blob"].chunks], pa.string()))
    return {"seeds": [("", sealed(pa.table({"blob": blobs}).sort_by("blob"), seal_of(hits)))]}


def unvendored(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Who holds each content of a bucket as their own, by digest prefix."""
    rows = inputs.table("observations", ["host", "owner", "repository", "blob", "vendored"])
    own = copies.own_holders(rows)
    prefix = partition_of(own["blob"].combine_chunks(), task.identity["prefixes"])
    return {"own": split_by(own, prefix)}


def seed_prints(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Fingerprints of the seeds that lie in a prefix."""
    seeds = inputs.table("seeds")
    prints = inputs.table("prints")
    own = prints.filter(pc.is_in(prints["blob"], value_set=seeds["blob"].combine_chunks()))
    return {"prints": [("", sealed(own, seal_of([seeds])))]}


def print_owners(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """For each fingerprint of a seed its owners in this prefix, up to the number that makes it common property."""
    seeds = pa.concat_tables(inputs.tables("seedprints"))
    owners = pa.concat_tables([copies.OWN.empty_table(), *inputs.tables("own")])
    found = copies.owners_of_prints(seeds, inputs.table("prints"), owners, task.identity["owners"])
    return {"owners": [("", sealed(found, seal_of([seeds])))]}


def find_candidates(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Contents of a prefix that hold the prints of a seed which are not common property."""
    said = task.identity
    seeds = pa.concat_tables(inputs.tables("seedprints"))
    common = copies.common_prints([_plain(t, copies.OWNERS) for t in inputs.tables("owners")], said["owners"])
    found = copies.find_candidates(seeds, inputs.table("prints"), common, said["review"], said["copies"])
    return {"candidates": [("", sealed(found, seal_of([seeds])))]}


def verify_matches(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Each candidate of a prefix compared with its seed on the texts themselves."""
    pairs = inputs.table("candidates")
    if not pairs.num_rows:
        return {"matches": [("", sealed(optout.MATCHES.empty_table(), ""))]}
    config = load_object(task.params["config_class"]).model_validate(dict(task.params["config"]))
    stage = load_object(task.params["factory"])(config)
    prefixes = task.params["prefixes"]
    seeds, candidates = (
        _texts(inputs, pc.unique(pairs[c].combine_chunks()), prefixes) for c in ("seed", "blob")
    )
    found = stage.verify(seeds, candidates, pairs.select(["seed", "blob"]))
    matches = copies.discount(pairs, _plain(found, optout.MATCHES), task.identity["review"])
    return {"matches": [("", sealed(matches, seal_of([pairs])))]}


def _texts(inputs: Inputs, wanted: pa.Array, prefixes: int) -> pa.Table:
    """The contents that are wanted, each once, by way of the groups of rows that may hold them."""
    named = {str(p) for p in partition_of(wanted, prefixes).tolist()}
    digests = dict.fromkeys(e.digest for e in inputs.entries("texts") if e.name in named)
    parts = []
    for digest in digests:
        source = pa.BufferReader(inputs.store.objects.get(digest))
        parts.append(pq.read_table(source, filters=pc.field("blob").isin(wanted)))
    found = pa.concat_tables(parts).combine_chunks()
    return found.take(pc.index_in(wanted, value_set=whole(found["blob"])))


def decide_holders(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Files of a bucket that hold the text of an opted-out one."""
    found = inputs.tables("matches")
    matches = pa.concat_tables([optout.MATCHES.empty_table(), *(_plain(t, optout.MATCHES) for t in found)])
    seeds = inputs.table("seeds")
    held = optout.HOLDERS.empty_table()
    if seeds.num_rows:
        # In most buckets nobody holds a copy, so the contents are looked at before all else.
        data = inputs.bytes("observations")
        blobs = seeds["blob"].combine_chunks()
        index = optout.holding(decode_table(data, ["blob"])["blob"], blobs, matches)
        if len(index):
            known = set(pq.read_schema(pa.BufferReader(data)).names)
            rows = decode_table(data, [c for c in _HELD if c in known]).take(pa.array(index))
            held = optout.holders(rows, index, int(task.label), inputs.table("hits"), blobs, matches)
    return {"holders": [("", sealed(held, seal_of([seeds])))]}


def decide_copies(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Copies that go because of an opt-out, an entry a bucket; what is disputed; and all files that are gone."""
    _, secret = read_list(inputs.bytes("list"))
    said, seal = task.identity, row_key(secret, SEAL)
    policy = copy_policy(said)
    parts = [_plain(t, optout.HOLDERS) for t in inputs.tables("holders")]
    held = pa.concat_tables([optout.HOLDERS.empty_table(), *parts])
    result = optout.spread(held, policy, *decided_copies(held, said, secret))
    named = [*inputs.tables("hits"), result.removals]
    gone = pc.unique(pa.chunked_array([c for t in named for c in t["file"].chunks], pa.string()))
    removed, disputed = (
        sealed(t.append_column("key", row_keys(secret, t["file"])), seal)
        for t in (result.removals, result.disputed.append_column("saw", pair_keys(secret, result.disputed)))
    )
    buckets = removed["bucket"].to_numpy().astype(np.int64)
    return {
        "removals": split_by(removed.select([*_TOUCH.names, SEAL]), buckets),
        "disputed": [("", disputed)],
        "gone": [("", sealed(pa.table({"file": gone}).sort_by("file"), seal))],
        "counts": [("", canonical({"common": result.common, "nonce": row_key(secret, "copies")}))],
    }


def copy_policy(said: Mapping[str, Any]) -> optout.CopyPolicy:
    """What the identity of `decide.copies` says of copies."""
    return optout.CopyPolicy(
        said["copies"],
        said["contested"],
        said["containment"]["remove"],
        said["containment"]["review"],
        optout.CommonProperty(said["common"]["owners"], said["common"]["minBytes"]),
    )


def decide_seats(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Rows of a bucket whose kept twin is gone: nobody takes the seat."""
    _, secret = read_list(inputs.bytes("list"))
    gone = inputs.table("gone")["file"].combine_chunks()
    parts = inputs.tables("election", ["index", "seat"]) if len(gone) else []
    index = optout.emptied_seats(pa.concat_tables(parts), gone) if parts else np.zeros(0, np.int64)
    if not len(index):
        return {"seats": [("", sealed(_TOUCH.empty_table(), ""))]}
    rows = inputs.table("observations", list(FILE)).take(pa.array(index))
    keys = row_keys(secret, file_ids(rows))
    reasons = pa.array(["optout.seat"] * len(index), pa.string())
    seats = pa.table([pa.array(index), keys, reasons], schema=_TOUCH)
    return {"seats": [("", sealed(seats, row_key(secret, SEAL)))]}


def read_signals(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """What the repositories of a bucket declare, with the revision and date at which they did."""
    data = inputs.bytes("observations")
    rows = np.flatnonzero(signals.declaring(decode_table(data, ["signals"])["signals"]))
    if not len(rows):
        return {"signals": [("", signals.DECLARED.empty_table())]}
    table = decode_table(data, [*FILE, "released", "signals"]).take(pa.array(rows))
    return {"signals": [("", signals.declared(table))]}


def signal_facts(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """How many repositories declare something, by the kind of declaration and what it says."""
    table = pa.concat_tables(inputs.tables("signals"))
    counts = signals.count_repositories(table)
    small = int(task.identity["smallCell"])
    listed = tuple(sorted({e.digest for e in inputs.entries("signals")}))
    for kind, count in counts.items():
        ctx.fact(
            Fact(
                f"optout.signals{{kind={kind}}}",
                None if count < small else count,
                "repository",
                label=f"Repositories that declare something about training: {kind}",
                withheld=count < small,
                inputs=listed,
                method="distinct repositories in the tables of declarations",
                component=task.node,
            )
        )
    return {"counts": [("", canonical({"kinds": sorted(counts)}))]}


def sealed(table: pa.Table, seal: str) -> pa.Table:
    """The table with the seal beside each row; one without rows tells nothing."""
    return table.append_column(SEAL, pa.array([seal] * table.num_rows, pa.string()))


def seal_of(tables: list[pa.Table]) -> str:
    """The seal that sealed tables carry."""
    return next((t[SEAL][0].as_py() for t in tables if t.num_rows), "")


def _plain(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return table.select(schema.names).cast(schema)


def pair_keys(secret: bytes, table: pa.Table) -> pa.Array:
    """Keyed digests of what a person looks at: the opted-out text and the one that may be a copy of it.

    Args:
        table: seed, blob.
    """
    pairs = pc.binary_join_element_wise(table["seed"], table["blob"], "\0")
    return row_keys(secret, pairs)


Decided = tuple[dict[str, str], dict[tuple[str, str], str]]


def decided_copies(held: pa.Table, said: Mapping[str, Any], secret: bytes) -> Decided:
    """Decisions of reviews by file, and by file and seed for those about one pair of texts; reviews name both by keyed
    ids."""
    if not said["decisions"] and not said["pinned"]:
        return {}, {}
    named = {row_key(secret, name): name for name in pc.unique(held["file"]).to_pylist()}
    free = {named[key]: what for key, what in said["decisions"].items() if key in named}
    asked = pa.array(sorted({named[key] for key, _, _ in said["pinned"] if key in named}), pa.string())
    pairs = held.filter(pc.is_in(held["file"], value_set=asked))
    seeds = zip(pairs["file"].to_pylist(), pair_keys(secret, pairs).to_pylist(), strict=True)
    seed_of = dict(zip(seeds, pairs["seed"].to_pylist(), strict=True))
    found = {(named.get(key, ""), saw): what for key, saw, what in said["pinned"]}
    return free, {(at[0], seed_of[at]): what for at, what in found.items() if at in seed_of}


@lru_cache(maxsize=2)
def read_list(data: bytes) -> tuple[dict[str, Any], bytes]:
    """A sealed list, and the secret that keys row ids, derived from its salt."""
    loaded: dict[str, Any] = json.loads(data)
    return loaded, hashlib.sha256(b"bigcode row ids\0" + bytes.fromhex(loaded["salt"])).digest()
