"""The judgements of a bucket, and the election across buckets: inputs in, pure functions of `decide`, outputs named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.decide import contamination, election, licensing, privacy, quality, siblings, verdicts
from bigcode.decide.columns import partition_of, split_by
from bigcode.run.conflicts import find_conflicts
from bigcode.run.task import Inputs, Output, Task, TaskContext


def decide_license(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    said = task.identity
    policy = licensing.Policy(
        frozenset(said["allow"]),
        said["attribution"],
        said["fileOverRepository"],
        said["minConfidence"],
        said["decisions"],
        tuple((case, saw, decide) for case, saw, decide in said["pinned"]),
    )
    observations = inputs.table("observations")
    return {"license": [("", licensing.decide(observations, policy))]}


def repositories(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """For siblings: the licence verdict of each repository, as its newest revision's root has it."""
    observations = inputs.table("observations", ["host", "owner", "repository", "revision", "released"])
    return {"repositories": [("", siblings.of_repositories(observations, inputs.table("license")))]}


def decide_quality(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    rules = [_rule_of(rule) for rule in task.identity["rules"]]
    observations = inputs.table("observations")
    return {"quality": [("", quality.decide(observations, rules, task.identity["include"]))]}


def _rule_of(said: Mapping[str, Any]) -> quality.Rule:
    bounds = {name: said[name] for name in ("id", "column", "above", "below", "equals")}
    return quality.Rule(
        **bounds, languages=tuple(said["languages"]), except_languages=tuple(said["exceptLanguages"])
    )


def decide_privacy(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    actions = {
        entity: privacy.Action(rule["action"], rule["minScore"])
        for entity, rule in task.identity["entities"].items()
    }
    observations = inputs.table("observations")
    return {"privacy": [("", privacy.decide(observations, actions, task.identity.get("withdrawn", ())))]}


def decide_contamination(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    observations = inputs.table("observations")
    return {"contamination": [("", contamination.decide(observations, task.identity["suites"]))]}


def decide_ballots(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Who stands for election in a bucket, by the partition of the election that its group belongs to."""
    observations = inputs.table("observations")
    license_ = inputs.table("license")
    held = _held(observations, task)
    out = election.ballots(observations, int(task.label), held, _admitted(inputs, license_), license_)
    cluster, blob = out["cluster"].combine_chunks(), out["blob"].combine_chunks()
    group = pc.if_else(pc.equal(cluster, ""), blob, cluster)
    return {"ballots": split_by(out, partition_of(group, task.identity["elections"]))}


def _held(observations: pa.Table, task: Task) -> NDArray[np.bool_]:
    split = task.identity["split"]
    return election.held_rows(observations, split["seed"], split["validation"])


def _admitted(inputs: Inputs, license_: pa.Table) -> NDArray[np.bool_]:
    free = pc.equal(license_["license_reason"], "")
    for name in ("quality", "privacy", "contamination"):
        if inputs.entries(name):
            lengths = pc.list_value_length(inputs.table(name)[f"{name}_reasons"])
            free = pc.and_(free, pc.equal(lengths, 0))
    admitted: NDArray[np.bool_] = free.combine_chunks().to_numpy(zero_copy_only=False).astype(bool)
    return admitted


def decide_elect(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Outcomes of the elections of a partition, an entry a bucket; and licence conflicts among copies."""
    table = pa.concat_tables([election.BALLOT.empty_table(), *inputs.tables("ballots")])
    members = pa.concat_tables([election.MEMBERS.empty_table(), *inputs.tables("members")])
    said = task.identity
    outcomes = election.elect(table, members, said["threshold"], said["representative"])
    return {
        "election": split_by(outcomes.drop_columns("bucket"), outcomes["bucket"].to_numpy().astype(np.int64)),
        "conflicts": [("", find_conflicts(table, outcomes, members, said["threshold"]))],
    }


def decide_verdicts(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The verdict table of a bucket, and its kept rows by language."""
    observations = inputs.table("observations")
    held = _held(observations, task)
    split = pc.if_else(pa.array(held), "validation", "train")
    lost = [election.OUTCOME.empty_table().drop_columns("bucket"), *inputs.tables("election")]
    judged = verdicts.Judgements(
        inputs.table("license"),
        inputs.table("quality"),
        inputs.table("privacy"),
        inputs.table("contamination") if inputs.entries("contamination") else None,
        split,
        pa.concat_tables(lost),
        _touched(inputs),
        inputs.table("seats")["index"].to_numpy(),
    )
    public, kept = verdicts.merge(observations, judged)
    return {
        "verdicts": [("", public)],
        "kept": [
            (name, kept.filter(pc.equal(kept["language"], name)).combine_chunks())
            for name in sorted(pc.unique(kept["language"]).to_pylist())
        ],
    }


def _touched(inputs: Inputs) -> pa.Table:
    """Rows that the list names, their copies, and seats so emptied: the first of these that holds for a row."""
    empty = verdicts.TOUCHED.empty_table()
    parts: list[pa.Table] = [empty]
    for name in ("hits", "removals", "seats"):
        parts += [t.select(verdicts.TOUCHED.names) for t in inputs.tables(name)]
    table = pa.concat_tables(parts)
    first = pc.index_in(pc.unique(table["index"]), value_set=table["index"].combine_chunks())
    return table.take(first).combine_chunks()
