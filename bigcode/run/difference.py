"""Two states of a dataset compared, file by file: what changed its reason, how often, and examples with the values
that the rule read. No file that an opt-out touches on either side is ever an example."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.diagnostics import Problem, fail
from bigcode.decide.columns import FILE, file_ids
from bigcode.decide.optout import row_key
from bigcode.run.consent import read_list
from bigcode.run.planning import survey_session
from bigcode.run.preview import judge, scratch_layer
from bigcode.run.records import Recorded
from bigcode.run.session import Session
from bigcode.run.told import reads_of, told
from bigcode.store.actions import Action
from bigcode.store.generations import generations, value_at
from bigcode.store.store import Store
from bigcode.store.tables import decode_table, read_table

ABSENT = "absent"
"""Stands for the reason of a file that a state does not hold."""
_COSTLY = ("observe.", "cluster.", "scatter", "gather")


@dataclass(frozen=True)
class Side:
    """One state: its verdicts, its observations (by node, where they are in the store), its rules."""

    name: str
    verdicts: pa.Table
    observed: Sequence[str]
    rules: Mapping[str, Mapping[str, Any]]
    store: Store


@dataclass(frozen=True, slots=True)
class Example:
    """A file whose reason changed: reasons and what was read, before and after."""

    file: str
    before: str
    after: str
    read_before: Mapping[str, Any]
    read_after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """Files by (reason before, reason after), those that changed alone; `same` counts the others."""

    dataset: str
    before: str
    after: str
    moves: Mapping[tuple[str, str], int]
    same: int
    examples: Mapping[tuple[str, str], tuple[Example, ...]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "before": self.before,
            "after": self.after,
            "same": self.same,
            "moves": [
                {
                    "before": b,
                    "after": a,
                    "files": count,
                    "examples": [
                        {"file": e.file, "readBefore": dict(e.read_before), "readAfter": dict(e.read_after)}
                        for e in self.examples.get((b, a), ())
                    ],
                }
                for (b, a), count in self.moves.items()
            ],
        }


@contextmanager
def sides(session: Session, address: str, against: str = "") -> Iterator[tuple[Side, Side]]:
    """The states to compare: what was applied against what is pending, or an earlier one against what was applied.

    Args:
        against: a generation, `Release/NAME@VERSION`, `plan` for what is pending; empty for what is pending if
            anything is, else for the last state that differs.

    Raises:
        Problem: E516 when there is no such state, E507 when nothing was applied or what is pending needs more than
            judgement.
    """
    numbers = generations(session.store, address)
    if not numbers:
        raise fail("E507", f"{address} was never applied", hint="Run `bigcode apply` first.")
    current = _of_generation(session, address, numbers[-1])
    if against.isdigit():
        yield _of_generation(session, address, int(against)), current
        return
    if against.startswith("Release/"):
        yield _of_release(session, against, address), current
        return
    graph, found = survey_session(session, (address,))
    if f"{address}#verdicts" in found.pending:
        first = [n for n in graph.nodes if n in found.pending and n.partition("#")[2].startswith(_COSTLY)]
        first += [n for n in graph.nodes if n in found.pending and n.startswith("Snapshot/")]
        if first:
            told_ = f"{', '.join(sorted(first)[:3])} would have to run before {address} is judged"
            raise fail("E507", told_, hint="Run `bigcode apply`, and compare afterwards.")
        with scratch_layer(session.store) as scratch:
            results, store = judge(session, graph, found, [address], scratch)
            yield current, _side("the pending plan", address, results, store)
        return
    if against == "plan":
        raise fail("E516", f"nothing is pending for {address}")
    yield _last_that_differs(session, address, numbers), current


def _last_that_differs(session: Session, address: str, numbers: Sequence[int]) -> Side:
    node = f"{address}#verdicts"
    now = (value_at(session.store, address, numbers[-1]) or {}).get("nodes", {}).get(node)
    for number in reversed(numbers[:-1]):
        if (value_at(session.store, address, number) or {}).get("nodes", {}).get(node) != now:
            return _of_generation(session, address, number)
    raise fail("E516", f"no earlier state of {address} has other verdicts")


def _of_generation(session: Session, address: str, number: int) -> Side:
    value = value_at(session.store, address, number)
    if value is None:
        known = generations(session.store, address)
        hint = f"There are generations {known[0]} to {known[-1]}."
        raise fail("E516", f"{address} has no generation {number}", hint=hint)
    results = _results(session.store, value["nodes"])
    return _side(f"generation {number}", address, results, session.store)


def _results(store: Store, nodes: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Action]]:
    """Actions that are there still, by node and partition."""
    found = {
        node: {label: store.actions.get(key) for label, key in keys.items()} for node, keys in nodes.items()
    }
    return {n: {k: a for k, a in actions.items() if a is not None} for n, actions in found.items()}


def _side(name: str, address: str, results: Recorded, store: Store) -> Side:
    actions = results.get(f"{address}#verdicts", {})
    tables = [read_table(store.objects, e.digest) for a in actions.values() for e in a.outputs["verdicts"]]
    if not tables:
        raise fail("E516", f"the verdicts of {name} of {address} are not in the store")
    return Side(name, pa.concat_tables(tables), _observed(address, results), _rules(address, results), store)


def _observed(address: str, results: Recorded) -> list[str]:
    actions = results.get(f"{address}#gather", {})
    return [entry.digest for action in actions.values() for entry in action.outputs.get("observations", ())]


def _rules(address: str, results: Recorded) -> dict[str, Mapping[str, Any]]:
    """Quality rules as they were judged by, by id."""
    for action in results.get(f"{address}#decide.quality", {}).values():
        said = action.identity.get("spec", {}) if isinstance(action.identity, dict) else {}
        return {rule["id"]: rule for rule in said.get("rules", ())}
    return {}


def _of_release(session: Session, release: str, address: str) -> Side:
    """A published release, from the evidence in its folder."""
    resource = session.workspace.resources.get(release)
    if resource is None:
        raise fail(
            "E003", f"`{release}` is not in this workspace", hint="A release reads Release/NAME@VERSION."
        )
    folder = session.releases_folder / f"{resource.metadata.name}-{resource.metadata.version}" / "evidence"
    tables = sorted((folder / "verdicts" / address).glob("*.parquet"))
    if not tables:
        raise fail("E516", f"the folder of {release} holds no verdicts of {address}")
    nodes = json.loads((folder / "refs.json").read_text("utf-8")).get(address, {})
    results = _results(session.store, nodes)
    verdicts = pa.concat_tables([decode_table(path.read_bytes()) for path in tables])
    return Side(release, verdicts, _observed(address, results), _rules(address, results), session.store)


def compare(session: Session, address: str, before: Side, after: Side, *, rows: int = 3) -> Difference:
    """Count files by reason before and after, and take `rows` examples of each change, by name."""
    secret = _secret(session, address)
    old, new = _by_key(before.verdicts, secret), _by_key(after.verdicts, secret)
    names = {key: name for key, (_, name) in {**old, **new}.items()}
    # A keyed row that only one state has may be a file that the other one names: then none that is missing is shown.
    unclear = any(names[key] is None for key in {*old, *new} if (key in old) != (key in new))
    moves: Counter[tuple[str, str]] = Counter()
    chosen: dict[tuple[str, str], list[str]] = {}
    for key in sorted(names, key=lambda k: (names[k] or "", k)):
        was, is_ = old.get(key, (ABSENT, names[key])), new.get(key, (ABSENT, names[key]))
        move = (was[0], is_[0])
        moves[move] += 1
        public = was[1] is not None and is_[1] is not None and not (unclear and ABSENT in move)
        if move[0] != move[1] and public and len(chosen.get(move, ())) < rows:
            chosen.setdefault(move, []).append(str(names[key]))
    same = sum(count for (was, is_), count in moves.items() if was == is_)
    changed = {m: n for m, n in sorted(moves.items(), key=lambda i: (-i[1], i[0])) if m[0] != m[1]}
    wanted = {name for names_ in chosen.values() for name in names_}
    seen = {name for _, name in new.values() if name is not None}
    read = [_reads(side, wanted, seen) for side in (before, after)]
    examples = {
        move: tuple(Example(name, *move, read[0].get(name, {}), read[1].get(name, {})) for name in names_)
        for move, names_ in chosen.items()
    }
    return Difference(address, before.name, after.name, changed, same, examples)


def _secret(session: Session, address: str) -> bytes:
    """What row ids are keyed with; empty where the list cannot be read."""
    workspace = session.workspace
    wanted = workspace.address_of(workspace.resources[address].spec.opt_out)
    try:
        return next(read_list(sealed.data)[1] for sealed in session.open_lists() if sealed.address == wanted)
    except Problem:
        return b""


def _by_key(verdicts: pa.Table, secret: bytes) -> dict[str, tuple[str, str | None]]:
    """Reason and public name of each row; the name is None where an opt-out hides it."""
    columns = (verdicts[name].to_pylist() for name in ("row", "path", "reason"))
    return {
        (row_key(secret, row) if secret and path is not None else row): (
            reason,
            None if path is None else row,
        )
        for row, path, reason in zip(*columns, strict=True)
    }


def _reads(side: Side, wanted: set[str], seen: set[str]) -> dict[str, dict[str, Any]]:
    """For each file what its reason was decided on; other files are named only where `seen` holds them."""
    table = side.verdicts.filter(
        pc.is_in(side.verdicts["row"], value_set=pa.array(sorted(wanted), pa.string()))
    )
    rows = {row["row"]: row for row in table.to_pylist()}
    observed: dict[str, dict[str, Any]] = {}
    columns = reads_of({row["reason"] for row in rows.values()}, side.rules)
    for digest in side.observed if columns else ():
        part = read_table(side.store.objects, digest)
        part = part.select([*FILE, *(c for c in part.column_names if c in columns and c not in FILE)])
        ids = file_ids(part)
        part = part.append_column("row", ids).filter(pc.is_in(ids, value_set=table["row"].combine_chunks()))
        observed |= {row["row"]: row for row in part.to_pylist()}
    found = {}
    for name, row in rows.items():
        if row["seat"] and row["seat"] not in seen:
            row["seat"] = ""
        found[name] = told(row, observed.get(name, {}), side.rules)
    return found
