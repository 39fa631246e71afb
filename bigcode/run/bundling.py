"""The files of a workspace's bundle, from what the store records: the same store gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bigcode.api.canonical import canonical
from bigcode.evidence.bundle import carried_name, seal
from bigcode.plan.gates import decision_files
from bigcode.run.cards import card_material
from bigcode.run.records import ledger_of, recorded_results, stale_resources
from bigcode.run.session import Session
from bigcode.spec.locate import yaml_files
from bigcode.spec.lock import NAME, carried_lock, read_lock


def bundle_files(session: Session, lock: Mapping[str, Any] | None = None) -> dict[str, bytes]:
    """A sealed bundle of the whole workspace. Lists of names and their signatures are never part of it.

    Args:
        lock: the lock that it carries, where that is not yet written.

    Raises:
        Problem: E507 when the workspace was not applied, E503 and E504 for a damaged store.
    """
    graph = session.graph()
    results = recorded_results(graph, session.store)
    stale = stale_resources(graph, results)
    ledger = ledger_of(session.workspace, graph, results, stale)
    files = {f"specs/{name}": data for name, data in _spec_files(session, lock).items()}
    files |= {f"decisions/{n}": p.read_bytes() for n, p in decision_files(session.workspace).items()}
    files["facts.jsonl"] = b"".join(canonical(fact.as_json()) + b"\n" for fact in ledger.facts.values())
    files["declared.jsonl"] = b"".join(canonical(fact.as_json()) + b"\n" for fact in ledger.declared.values())
    material = card_material(session.workspace, graph, results, session.store)
    labels = sorted({label for s in material["series"] for label in (s.x_label, s.y_label)})
    names = {"resources": material["resources"], "glossary": list(material["glossary"]), "labels": labels}
    files["names.json"] = canonical(names) + b"\n"
    refs: dict[str, dict[str, dict[str, str]]] = {}
    listed: dict[str, str] = {}
    for node_id, actions in results.items():
        node = graph.nodes.get(node_id)
        if node is None:
            continue
        refs.setdefault(node.resource, {})[node_id] = {label: action.key for label, action in actions.items()}
        for label, action in actions.items():
            files[f"actions/{action.key}.json"] = canonical(action.as_json()) + b"\n"
            for output, entries in action.outputs.items():
                for entry in entries:
                    listed[entry.digest] = f"{node_id} {label} {output} {entry.name}".strip()
                    name = carried_name(node.resource, node_id, label, output, entry.name)
                    if name:
                        files[name] = session.store.objects.get(entry.digest)
    # What a pinned node read is no longer an output of any current node, and its facts name it all the same.
    for node_id, actions in results.items():
        for action in actions.values():
            for name, pairs in action.inputs.items():
                for entry, sha in pairs:
                    listed.setdefault(sha, f"{node_id} read as {name} {entry}".strip())
    files["refs.json"] = canonical(refs) + b"\n"
    files["objects.json"] = canonical(listed) + b"\n"
    return seal(files, session.workspace.name)


def _spec_files(session: Session, lock: Mapping[str, Any] | None) -> dict[str, bytes]:
    root = session.workspace.root
    files = {str(p.relative_to(root)): p.read_bytes() for p in yaml_files(root)}
    if lock is None and (root / NAME).exists():
        lock = read_lock(root)
    return files if lock is None else {**files, NAME: carried_lock(lock)}
