"""Cards as nodes: rendered when what they may print has changed, and committed like any other result."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bigcode
from bigcode.api.canonical import canonical, digest, key_of
from bigcode.api.diagnostics import fail
from bigcode.api.resource import Resource, plain
from bigcode.api.shapes import Entry
from bigcode.evidence.ledger import Ledger
from bigcode.plan.graph import Graph, Node
from bigcode.run.commit import Committer
from bigcode.run.records import Recorded, ledger_of, recorded_results, series_of, stale_resources
from bigcode.run.session import Session
from bigcode.spec.workspace import Workspace
from bigcode.store.actions import Action
from bigcode.store.refs import RefValue

TITLES = {
    "dataset-card": "Dataset card",
    "model-card": "Model card",
    "governance-card": "Governance card",
    "license": "Licence",
    "emissions-report": "Emissions report",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A rendered card: `files` maps file names to digests of objects."""

    address: str
    template: str
    subject: str
    files: Mapping[str, str]
    reused: bool


def governance_folder() -> Path:
    """Templates and clauses: of the checkout, or as shipped in the wheel."""
    package = Path(bigcode.__file__).parent
    shipped = package / "_governance"
    return shipped if shipped.exists() else package.parent / "governance"


def card_nodes(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes.values() if node.shape == "card"]


def card_material(workspace: Workspace, graph: Graph, results: Recorded, store: Any) -> dict[str, Any]:
    """What is the same for all cards of a workspace: templates, resources, curves and verbatim texts."""
    from bigcode.cards.render import load_templates

    templates, glossary = load_templates(governance_folder() / "templates")
    return {
        "templates": templates,
        "glossary": glossary,
        "resources": {a: _as_plain(r) for a, r in workspace.resources.items()},
        "series": series_of(graph, results, store),
        "verbatim": _verbatim(graph, results, store),
    }


def template_of(workspace: Workspace, card: str, shipped: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The name of a card's template among all templates: a shipped one, or a file of the workspace.

    Raises:
        Problem: E609 when there is no such template, or its path leaves the workspace.
    """
    wanted = workspace.resources[card].spec.template
    if f"{wanted}.md.j2" in shipped:
        return f"{wanted}.md.j2", dict(shipped)
    root = workspace.root.resolve()
    path = (root / wanted).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise fail(
            "E609",
            f"there is no template `{wanted}`",
            workspace.place(card, "spec", "template"),
            "Templates: " + ", ".join(sorted(TITLES)) + ", or a path in the workspace.",
        )
    return path.name, {**shipped, path.name: path.read_text("utf-8")}


def card_key(node: Node, material: Mapping[str, Any], ledger: Ledger, workspace: Workspace) -> str:
    """The key of a card, from everything that it may print."""
    return key_of(
        {
            "component": [node.component, node.behaviour],
            "card": _as_plain(workspace.resources[node.resource]),
            "template": template_of(workspace, node.resource, material["templates"])[0],
            "templates": {
                name: digest(text.encode())
                for name, text in template_of(workspace, node.resource, material["templates"])[1].items()
            },
            "glossary": list(material["glossary"]),
            "resources": material["resources"],
            "facts": [f.as_json() for f in ledger.facts.values()],
            "declared": [f.as_json() for f in ledger.declared.values()],
            "series": [[s.id, s.digest] for s in material["series"]],
            "verbatim": {name: sha for name, (_, sha) in material["verbatim"].items()},
        }
    )


def render_cards(
    session: Session,
    graph: Graph,
    results: Recorded,
    ledger: Ledger,
    committer: Committer,
    observer: Any,
    generations: MutableMapping[str, RefValue],
) -> dict[str, Card]:
    """Render the cards of a graph and move their references.

    Args:
        generations: the references as they were read; those that move are entered.

    Raises:
        Problem: E609 when a card would print what no fact holds.
    """
    nodes = card_nodes(graph)
    if not nodes:
        return {}
    store = session.store
    material = card_material(session.workspace, graph, results, store)
    out: dict[str, Card] = {}
    for node in nodes:
        key = card_key(node, material, ledger, session.workspace)
        action = store.actions.get(key)
        reused = action is not None
        if action is None:
            files = render_one(session.workspace, node, material, ledger)
            outputs = {
                name: (Entry(name, store.objects.put(data), 0, len(data)),) for name, data in files.items()
            }
            action = committer.commit(
                node,
                Action(
                    key,
                    node.component,
                    node.behaviour,
                    "",
                    node.identity,
                    {},
                    outputs,
                ),
            )
        observer.node_finished(node, int(not reused), int(reused), 0.0, False)
        value = {
            "address": node.resource,
            "nodes": {node.id: {"": key}},
            "pins": {},
            "identity": "",
        }
        before = generations[node.resource]
        if before.value != value:
            generations[node.resource] = committer.move(node.resource, before.generation, value)
        spec = session.workspace.resources[node.resource].spec
        files_ = {name: entries[0].digest for name, entries in action.outputs.items()}
        out[node.resource] = Card(
            node.resource, spec.template, session.workspace.address_of(spec.subject), files_, reused
        )
    return out


def render_one(
    workspace: Workspace, node: Node, material: Mapping[str, Any], ledger: Ledger
) -> dict[str, bytes]:
    """A card's files: Markdown, page and trace."""
    from bigcode.cards.render import CardRequest, render_card

    resource = workspace.resources[node.resource]
    spec = resource.spec
    subject = workspace.get(spec.subject)
    name, templates = template_of(workspace, node.resource, material["templates"])
    verbatim = dict(material["verbatim"])
    own = verbatim.get(subject.address)
    if own:
        verbatim["license"] = own
    rendered = render_card(
        CardRequest(
            address=node.resource,
            title=f"{TITLES.get(spec.template, 'Card')}: {subject.metadata.name}",
            template=name,
            templates=templates,
            subject=material["resources"][subject.address],
            resources=material["resources"],
            facts=ledger.facts,
            declared=ledger.declared,
            series=material["series"],
            verbatim=verbatim,
            sections=spec.sections,
            glossary=material["glossary"],
        )
    )
    stem = f"{subject.metadata.name}.{spec.template}" if "/" not in spec.template else resource.metadata.name
    return {
        f"{stem}.md": rendered.markdown.encode(),
        f"{stem}.html": rendered.html.encode(),
        f"{stem}.trace.json": canonical(rendered.trace) + b"\n",
    }


def _as_plain(resource: Resource) -> dict[str, Any]:
    return {
        "address": resource.address,
        "kind": resource.kind,
        "metadata": plain(resource.metadata),
        "spec": _public(resource),
    }


def _public(resource: Resource) -> Any:
    """A spec without where things run, which no document needs."""
    from bigcode.api.resource import tag_of

    spec = plain(resource.spec)
    model = type(resource.spec)
    hidden = {info.alias or n for n, info in model.model_fields.items() if tag_of(model, n) == "Runtime"}
    return {k: v for k, v in spec.items() if k not in hidden}


def _verbatim(graph: Graph, results: Recorded, store: Any) -> dict[str, tuple[str, str]]:
    """Licence texts by the address of their License, with their digests."""
    found = {}
    for node, actions in results.items():
        for action in actions.values():
            for entry in action.outputs.get("text", ()):
                found[graph.nodes[node].resource] = (store.objects.get(entry.digest).decode(), entry.digest)
    return found


def current_cards(session: Session) -> dict[str, dict[str, bytes]]:
    """All cards of a workspace as the recorded facts give them now, by address; nothing is written.

    Raises:
        Problem: E507 when the workspace was not applied.
    """
    graph = session.graph()
    data = Graph({n.id: n for n in graph.nodes.values() if n.shape != "card"})
    results = recorded_results(data, session.store)
    stale = stale_resources(data, results)
    ledger = ledger_of(session.workspace, data, results, stale)
    material = card_material(session.workspace, data, results, session.store)
    return {
        node.resource: render_one(session.workspace, node, material, ledger) for node in card_nodes(graph)
    }
