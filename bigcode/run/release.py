"""Publishing a release: gates, freeze, evidence, a folder as a hub lays it out. Running it again changes nothing."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bigcode.api.canonical import digest
from bigcode.api.diagnostics import raise_errors
from bigcode.api.resource import references
from bigcode.evidence.bundle import ROOT, SIGNATURE, root_of, signature_bytes
from bigcode.evidence.signing import public_key, sign
from bigcode.plan.gates import Gate, gates, refuse
from bigcode.run import faults
from bigcode.run.bundling import bundle_files
from bigcode.run.cards import Card, card_nodes
from bigcode.run.drafts import release_files, sync_folder
from bigcode.run.planning import survey_applied
from bigcode.run.records import recorded_results
from bigcode.run.session import Session
from bigcode.spec.lock import identity_digest, read_lock, write_lock
from bigcode.spec.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Released:
    """What a release did. `frozen` are the addresses that entered the lock, `written` the files that changed."""

    address: str
    folder: Path
    root: str
    frozen: tuple[str, ...]
    written: tuple[str, ...]
    gates: tuple[Gate, ...]


def publish(session: Session, address: str, as_of: date) -> Released:
    """Publish one release at a date.

    Raises:
        Problem: E401 to E404 for the lists, E507 when changes are pending, E510 or E406 for a gate.
    """
    workspace = session.workspace
    session.open_lists()
    graph, found = survey_applied(session)
    states = [g for g in gates(workspace, as_of) if g.release == address]
    raise_errors(refuse(states))
    frozen = freeze(session, address, graph)
    results = {**recorded_results(graph, session.store), **found.results}
    cards = {}
    for node in card_nodes(graph):
        action = results[node.id][""]
        spec = workspace.resources[node.resource].spec
        files = {name: entries[0].digest for name, entries in action.outputs.items()}
        cards[node.resource] = Card(
            node.resource, spec.template, workspace.address_of(spec.subject), files, True
        )
    evidence = bundle_files(session)
    evidence[SIGNATURE] = signature_bytes(
        public_key(session.key_path), sign(session.key_path, evidence[ROOT])
    )
    files = release_files(workspace, address, results, cards)
    files |= {f"evidence/{name}": session.store.objects.put(data) for name, data in evidence.items()}
    resource = workspace.resources[address].metadata
    folder = session.releases_folder / f"{resource.name}-{resource.version}"
    faults.point("drafts.staged")
    written = sync_folder(folder, files, session)
    return Released(address, folder, root_of(evidence), tuple(frozen), tuple(written), tuple(states))


def freeze(session: Session, address: str, graph: Any) -> list[str]:
    """Enter the identities of a release and of all that it refers to into the lock; returns what was new."""
    workspace = session.workspace
    lock = read_lock(workspace.root)
    closure = _closure(workspace, address)
    fresh = [a for a in sorted(closure) if a not in lock["released"]]
    if not fresh:
        return []
    used = {n.component.split(".")[0] for n in graph.nodes.values() if n.resource in closure}
    for name in fresh:
        nodes = {n.step: [n.component, n.behaviour] for n in graph.of(name)}
        lock["released"][name] = {"identity": identity_digest(workspace.resources[name]), "nodes": nodes}
    lock["plugins"] = {**lock.get("plugins", {}), **_plugins(session, used)}
    write_lock(workspace.root, lock)
    return fresh


def _closure(workspace: Workspace, address: str) -> set[str]:
    found, stack = set(), [address]
    while stack:
        current = stack.pop()
        if current not in found:
            found.add(current)
            stack += [
                workspace.address_of(text) for _, text, _ in references(workspace.resources[current].spec)
            ]
    return found


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
