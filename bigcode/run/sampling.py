"""`apply --sample`: a dataset on a few of its sources or files, judged in a scratch layer that is dropped.

References, drafts, cards and the newest observations of the real dataset stay as they are. What a sample fetches is
kept, since the real run asks for the same. What is drawn depends on the seed and on what each source or file is, so
that a larger sample holds a smaller one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.api.diagnostics import fail
from bigcode.plan.graph import Edge, Graph, order, sources
from bigcode.plan.resolver import core
from bigcode.plan.survey import survey
from bigcode.run.collecting import person_of
from bigcode.run.commit import Committer
from bigcode.run.engine import Engine
from bigcode.run.executors import make_executor
from bigcode.run.history import Chronicle
from bigcode.run.journal import Journal
from bigcode.run.preview import scratch_layer
from bigcode.run.session import Session
from bigcode.run.task import Inputs, Output, Task, TaskContext
from bigcode.run.work import Observer
from bigcode.store.leases import working
from bigcode.store.store import Store
from bigcode.store.tables import read_table

CARRIED = ("files", "texts", "blobs", "places")
ROWS = 5
"""Rows that are shown of each reason."""
SHOWN = ("row", "license", "language", "split", "seat", "similarity", "also")
_BESIDE = re.compile(
    r"(?i)^(licen[cs]e|copying|copyright|notice|unlicense|patents|mit-license)([-._].*)?$"
    r"|^(package\.json|pyproject\.toml|setup\.cfg|setup\.py|PKG-INFO|METADATA|Cargo\.toml|composer\.json|\.gitattributes)$"
)
"""Files that say what a repository allows; the verdicts of its other files need them."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """The outcome: files and bytes by reason, and the first rows of each reason; hidden rows are counted alone.

    `drawn` are the sources that were taken (none where files were drawn), `of` how many there are of them.
    """

    address: str
    seed: int
    drawn: tuple[str, ...]
    of: int
    files: int
    reasons: Mapping[str, tuple[int, int]]
    rows: Mapping[str, list[dict[str, Any]]]


def run_sample(session: Session, observer: Observer, address: str, count: int, seed: int = 0) -> Sampled:
    """Judge a dataset on `count` sources of its snapshot, or where it has one source on `count` files of that.

    Raises:
        Problem: E401 to E404 for the opt-out list, E507 when the dataset is a sibling of one that is not applied, and
            whatever stops a run.
    """
    lists = session.open_lists()
    graph = session.graph((address,))
    spec = session.workspace.resources[address].spec
    snapshot = session.workspace.address_of(spec.snapshot)
    session.store.prepare()
    with working(session.store):
        _check_parents(session, graph, {address, snapshot})
        drawn, sampled = draw(_up_to(graph, f"{address}#verdicts"), snapshot, count, seed)
        _fetch(session, sampled, observer)
        with scratch_layer(session.store) as scratch:
            layer = Store(f"layered:{scratch}|{session.store.files.root}")
            for sealed in lists:
                layer.objects.put(sealed.data)
            committer = Committer(layer, Journal(layer.base))
            results = Engine(
                sampled, layer, committer, observer, lambda: _executor(session, layer), {}
            ).walk()
            verdicts = pa.concat_tables(
                read_table(layer.objects, action.outputs["verdicts"][0].digest)
                for action in results.results[f"{address}#verdicts"].values()
            )
    of = len(graph.nodes[f"{snapshot}#collect.fetch"].partitions)
    return Sampled(address, seed, drawn, of, verdicts.num_rows, _counts(verdicts), _first_rows(verdicts))


def draw(graph: Graph, snapshot: str, count: int, seed: int) -> tuple[tuple[str, ...], Graph]:
    """The graph with the snapshot's sources cut to `count`, or with a node that draws files where it has one source."""
    fetch = graph.nodes[f"{snapshot}#collect.fetch"]
    nodes = dict(graph.nodes)
    if len(fetch.partitions) > 1:
        ranked = sorted(fetch.partitions, key=lambda name: _rank(seed, snapshot, name))
        taken = set(ranked[:count])
        drawn = tuple(name for name in fetch.partitions if name in taken)
        identity = {name: fetch.partition_identity[name] for name in drawn}
        nodes[fetch.id] = replace(fetch, partitions=drawn, partition_identity=identity)
        return drawn, Graph(nodes)
    sample = core(
        snapshot,
        "collect.sample",
        "draw_files",
        module=__name__,
        identity={"count": count, "seed": seed},
        partitions=fetch.partitions,
        inputs=tuple(Edge(name, fetch.id, name) for name in CARRIED),
    )
    for node in graph.nodes.values():
        moved = tuple(
            replace(edge, node=sample.id) if edge.node == fetch.id and edge.output in CARRIED else edge
            for edge in node.inputs
        )
        nodes[node.id] = replace(node, inputs=moved)
    return (), order([*nodes.values(), sample])


def draw_files(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """The files that rank first by seed, content and place, and those that say the licence of their repositories."""
    given = {
        name: [(e.name, read_table(inputs.store.objects, e.digest)) for e in inputs.entries(name)]
        for name in CARRIED
    }
    tables = [table for _, table in given["files"]]
    files = pa.concat_tables(tables)
    chosen = _chosen(files, task.identity["seed"], task.identity["count"])
    rows = files.filter(pa.array(chosen))
    blobs = pc.unique(rows["blob"])
    columns = [rows[name].to_pylist() for name in ("blob", "path", "host", "owner")]
    places = {(blob, path, person_of(host, owner)) for blob, path, host, owner in zip(*columns, strict=True)}
    bounds = np.cumsum([0, *(table.num_rows for table in tables)])
    return {
        "files": _with_rows(
            (name, table.filter(pa.array(chosen[low : low + table.num_rows])))
            for (name, table), low in zip(given["files"], bounds.tolist(), strict=False)
        ),
        "texts": _with_rows((n, t.filter(pc.is_in(t["blob"], value_set=blobs))) for n, t in given["texts"]),
        "blobs": _with_rows((n, t.filter(pc.is_in(t["blob"], value_set=blobs))) for n, t in given["blobs"]),
        "places": _with_rows((n, _at(t, places)) for n, t in given["places"]),
    }


def _chosen(files: pa.Table, seed: int, count: int) -> NDArray[np.bool_]:
    names = ("blob", "host", "owner", "repository", "revision", "path")
    columns = [files[name].to_pylist() for name in names]
    ranked = sorted((_rank(seed, *row), number) for number, row in enumerate(zip(*columns, strict=True)))
    chosen = np.zeros(files.num_rows, bool)
    chosen[[number for _, number in ranked[:count]]] = True
    homes = list(zip(*columns[1:5], strict=True))
    wanted = {home for home, take in zip(homes, chosen.tolist(), strict=True) if take}
    for number, (home, name) in enumerate(zip(homes, files["name"].to_pylist(), strict=True)):
        if home in wanted and _BESIDE.match(name):
            chosen[number] = True
    return chosen


def _at(table: pa.Table, places: set[tuple[str, str, int]]) -> pa.Table:
    rows = zip(*(table[name].to_pylist() for name in ("blob", "path", "person")), strict=True)
    return table.filter(pa.array([row in places for row in rows], pa.bool_()))


def _with_rows(items: Iterable[tuple[str, pa.Table]]) -> list[tuple[str, pa.Table]]:
    return [(name, table) for name, table in items if table.num_rows]


def _rank(seed: int, *names: str) -> str:
    return sha256("\0".join([str(seed), *names]).encode()).hexdigest()


def _up_to(graph: Graph, last: str) -> Graph:
    """A node and everything that it reads."""
    keep: set[str] = set()
    stack = [last]
    while stack:
        name = stack.pop()
        if name not in keep:
            keep.add(name)
            stack += sources(graph.nodes[name])
    return Graph({name: node for name, node in graph.nodes.items() if name in keep})


def _check_parents(session: Session, graph: Graph, own: set[str]) -> None:
    """What a sibling reads of its dataset is taken as it was applied."""
    others = Graph({name: node for name, node in graph.nodes.items() if node.resource not in own})
    if not others.nodes:
        return
    closed = Graph({n.id: n for a in others.resources() for n in graph.closure([a]).nodes.values()})
    if survey(closed, session.store, {}).pending:
        named = ", ".join(a for a in others.resources() if a.startswith("Dataset/"))
        raise fail("E507", f"{named} is read and not applied", hint="Apply it first, or take a sample of it.")


def _fetch(session: Session, graph: Graph, observer: Observer) -> None:
    """Fetch into the store itself, where the real run finds it."""
    nodes = {node.id: node for node in graph.nodes.values() if node.shape == "collect"}
    journal = Journal(session.store.base)
    told = Chronicle(journal, observer, session.workspace.name)
    ok = False
    try:
        make = lambda: _executor(session, session.store)  # noqa: E731
        Engine(Graph(nodes), session.store, Committer(session.store, journal), told, make, {}).walk()
        ok = True
    finally:
        told.end(ok)


def _executor(session: Session, store: Store) -> Any:
    """That of the Project; a cluster is not started for a sample."""
    name = session.settings["executor"]
    settings = {**session.settings, "executor": "local" if name == "auto" else name}
    return make_executor(settings, session.host.registry, str(store.base / "work"))


def _counts(verdicts: pa.Table) -> dict[str, tuple[int, int]]:
    """Files and bytes by reason, most first; the bytes of hidden rows are not told."""
    table = verdicts.group_by("reason").aggregate([("row", "count"), ("bytes", "sum")])
    rows = sorted(table.to_pylist(), key=lambda r: (-r["row_count"], r["reason"]))
    return {r["reason"]: (r["row_count"], r["bytes_sum"] or 0) for r in rows}


def _first_rows(verdicts: pa.Table) -> dict[str, list[dict[str, Any]]]:
    out: dict[str, list[dict[str, Any]]] = {}
    seen = verdicts.filter(pc.is_valid(verdicts["path"])).sort_by("row")
    shown = [name for name in SHOWN if name in seen.column_names]
    for reason in sorted(pc.unique(seen["reason"]).to_pylist()):
        rows = seen.filter(pc.equal(seen["reason"], reason)).slice(0, ROWS).select(shown).to_pylist()
        out[reason] = [{k: v for k, v in row.items() if v not in (None, "", 0.0, [])} for row in rows]
    return out
