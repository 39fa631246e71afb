"""Publishing a release: gates, freeze, evidence, a folder as a hub lays it out.

What was published once stays: a later release of the same version checks the folder against the lock and, at most,
restores the very same bytes.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bigcode.api.canonical import canonical, digest, key_of
from bigcode.api.diagnostics import Problem, raise_errors
from bigcode.api.run import ReleaseView, RunView
from bigcode.api.shapes import Entry
from bigcode.evidence.bundle import ROOT, SIGNATURE, root_of, signature_bytes
from bigcode.evidence.signing import public_key, sign
from bigcode.plan.gates import Gate, closure, gates, refuse
from bigcode.plan.graph import Graph
from bigcode.run import faults
from bigcode.run.bundling import bundle_files
from bigcode.run.cards import Card, card_nodes
from bigcode.run.drafts import MANIFEST, release_files, sync_folder
from bigcode.run.planning import gate_facts, survey_applied
from bigcode.run.published import RECORD, damage_of, recorded_gates
from bigcode.run.records import Recorded, recorded_results
from bigcode.run.retire import refuse_release
from bigcode.run.session import Session
from bigcode.run.trackers import Trackers
from bigcode.spec.lock import identity_digest, read_lock, write_lock
from bigcode.store.leases import working


@dataclass(frozen=True, slots=True)
class Released:
    """What a release did. `frozen` are the addresses that entered the lock, `written` the files that changed, `as_of`
    the date at which the gates were judged."""

    address: str
    folder: Path
    root: str
    as_of: str
    frozen: tuple[str, ...]
    written: tuple[str, ...]
    gates: tuple[Gate, ...]
    again: bool = False
    """Whether it was published before."""


@dataclass(frozen=True, slots=True)
class _Made:
    """What a release consists of: digests of its files, and what the lock keeps of it."""

    files: Mapping[str, str]
    entry: Mapping[str, str]


def publish(session: Session, address: str, as_of: date) -> Released:
    """Publish one release at a date; one that is published already is checked and nothing else.

    Raises:
        Problem: E401 to E404 for the lists, E507 when changes are pending, E510 or E406 for a gate; E604 to E606 when
            a published folder is not what was published and cannot be made so.
    """
    workspace = session.workspace
    lock = read_lock(workspace.root)
    published = address in lock.get("releases", {})
    raise_errors(refuse_release(workspace, address, again=published))
    with working(session.store):
        return _publish(session, address, as_of, lock, published)


def _publish(session: Session, address: str, as_of: date, lock: dict[str, Any], published: bool) -> Released:
    workspace = session.workspace
    if published:
        return _keep(session, address, lock)
    session.open_lists()
    graph, found = survey_applied(session)
    states = [g for g in gates(workspace, as_of, gate_facts(found.results)) if g.release == address]
    raise_errors(refuse(states))
    frozen = freeze(session, address, graph, lock)
    made = _make(session, address, as_of, states, lock, graph, found.results)
    lock["releases"] = {**lock.get("releases", {}), address: dict(made.entry)}
    # The lock comes first: after a crash the folder is restored to what the lock says, never the other way round.
    write_lock(workspace.root, lock)
    faults.point("drafts.staged")
    folder = _folder(session, address)
    written = sync_folder(folder, made.files, session)
    _tell(
        session,
        ReleaseView(
            address, str(as_of), made.entry["root"], _states(states), _models(session, address, found.results)
        ),
    )
    return Released(
        address, folder, made.entry["root"], str(as_of), tuple(frozen), tuple(written), tuple(states)
    )


def _tell(session: Session, release: ReleaseView) -> None:
    """Let the trackers of the project know."""
    workspace = session.workspace
    view = RunView(
        release.address,
        workspace.name,
        workspace.project.metadata.name,
        workspace.digest,
        session.store.base / "runs",
        session.store.base,
        session.settings,
    )
    trackers = Trackers(session.host, view, session.store, session.settings["trackers"])
    trackers.released(release)
    trackers.finish(True)


def _states(gates: Sequence[Gate]) -> dict[str, str]:
    return {gate.id: "ok" if gate.ok else "waived" for gate in gates}


def _models(session: Session, address: str, results: Recorded) -> dict[str, tuple[Entry, ...]]:
    """Files of the model of a release, as its training made them."""
    reference = session.workspace.resources[address].spec.artifacts.model
    if reference is None:
        return {}
    model = session.workspace.address_of(reference)
    return {model: results[f"{model}#train"][""].outputs["model"]}


def _keep(session: Session, address: str, lock: Mapping[str, Any]) -> Released:
    """A published release, as it is. A damaged folder is restored where the store gives the very same bytes."""
    entry = lock["releases"][address]
    folder = _folder(session, address)
    found = damage_of(folder, entry)
    written = _restore(session, address, lock) if found else []
    if found:
        raise_errors(damage_of(folder, entry))
    states = recorded_gates(folder, address)
    return Released(address, folder, entry["root"], entry["asOf"], (), tuple(written), tuple(states), True)


def _restore(session: Session, address: str, lock: Mapping[str, Any]) -> list[str]:
    entry = lock["releases"][address]
    as_of = date.fromisoformat(entry["asOf"])
    try:
        session.open_lists()
        graph, found = survey_applied(session)
        known = gate_facts(found.results)
        states = [g for g in gates(session.workspace, as_of, known) if g.release == address]
        made = _make(session, address, as_of, states, lock, graph, found.results)
    except Problem:
        return []
    if made.entry != entry:
        return []
    folder = _folder(session, address)
    # Without its manifest every file is written again, also one that has its name and not its bytes.
    (folder / MANIFEST).unlink(missing_ok=True)
    return sync_folder(folder, made.files, session)


def _folder(session: Session, address: str) -> Path:
    resource = session.workspace.resources[address].metadata
    return session.releases_folder / f"{resource.name}-{resource.version}"


def _make(
    session: Session,
    address: str,
    as_of: date,
    states: Sequence[Gate],
    lock: Mapping[str, Any],
    graph: Graph,
    found: Recorded,
) -> _Made:
    workspace = session.workspace
    results = {**recorded_results(graph, session.store), **found}
    cards = {}
    for node in card_nodes(graph):
        action = results[node.id][""]
        spec = workspace.resources[node.resource].spec
        files = {name: entries[0].digest for name, entries in action.outputs.items()}
        cards[node.resource] = Card(
            node.resource, spec.template, workspace.address_of(spec.subject), files, True
        )
    evidence = bundle_files(session, lock)
    key = public_key(session.key_path)
    evidence[SIGNATURE] = signature_bytes(key, sign(session.key_path, evidence[ROOT]))
    root = root_of(evidence)
    record = {
        "format": "bigcode-release/1",
        "release": address,
        "asOf": str(as_of),
        "gates": [
            {"id": g.id, "state": "ok" if g.ok else "waived", "text": g.text, "waiver": g.waiver}
            for g in states
        ],
        "root": f"sha256:{root}",
        "key": key,
    }
    put = session.store.objects.put
    listed = dict(release_files(workspace, address, results, cards))
    listed |= {f"evidence/{name}": put(data) for name, data in evidence.items()}
    listed[RECORD] = put(canonical(record) + b"\n")
    return _Made(listed, {"root": root, "asOf": str(as_of), "manifest": key_of(listed)})


def freeze(session: Session, address: str, graph: Graph, lock: dict[str, Any]) -> list[str]:
    """Enter the identities of a release and of all that it refers to into a lock, each with the plugins that made it;
    returns what was new."""
    workspace = session.workspace
    frozen = {address} | closure(workspace, workspace.resources[address].spec)
    fresh = sorted(frozen - set(lock["released"]))
    for name in fresh:
        nodes = graph.of(name)
        lock["released"][name] = {
            "identity": identity_digest(workspace.resources[name]),
            "nodes": {n.step: [n.component, n.behaviour] for n in nodes},
            "plugins": _plugins(session, {n.component.split(".")[0] for n in nodes}),
        }
    return fresh


def _plugins(session: Session, used: set[str]) -> Mapping[str, Any]:
    return {
        name: {"distribution": distribution, "version": version, "sha256": _code_digest(f"bigcode_{name}")}
        for name, distribution, version in session.host.plugins
        if name in used
    }


def _code_digest(package: str) -> str:
    """Of a plugin's Python files, by name and content; a record for auditors, never part of a key."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return ""
    base = Path(next(iter(spec.submodule_search_locations)))
    files = {str(p.relative_to(base)): digest(p.read_bytes()) for p in sorted(base.rglob("*.py"))}
    return digest(json.dumps(files, sort_keys=True).encode())
