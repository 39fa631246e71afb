"""Observers of a run, as plugins see it. Whatever one of them raises is a warning and stops nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bigcode.api.run import NodeView, ReleaseView, RunView
from bigcode.evidence.ledger import qualify
from bigcode.host.manager import Host
from bigcode.plan.graph import Graph, Node
from bigcode.plan.keys import inputs_of
from bigcode.store.actions import Action
from bigcode.store.store import Store

_SHOWN = ("config.json", "results.json", "LICENSE.md", "tokenizer_config.json")
"""Small files of process nodes that people look at."""
_log = logging.getLogger("bigcode.trackers")


class Trackers:
    """Calls the run hooks of the plugins that the Project names as trackers."""

    def __init__(self, host: Host, view: RunView, store: Store, names: Sequence[str]) -> None:
        self._store, self._view = store, view
        self._manager = host.hooks
        self._others = [
            plugin
            for name, plugin in self._manager.list_name_plugin()
            if plugin is not None and name not in names
        ]
        self._call("bigcode_run_started", run=view)

    def node(
        self,
        node: Node,
        graph: Graph,
        results: Mapping[str, Mapping[str, Action]],
        reused: bool,
        seconds: float,
    ) -> None:
        actions = results[node.id]
        merged: dict[str, list[Any]] = {}
        for label in actions:
            if not node.dynamic or label in actions:
                for name, entries in inputs_of(node, label, results).items():
                    merged[name] = list({e.digest: e for e in [*merged.get(name, []), *entries]}.values())
        outputs: dict[str, list[Any]] = {}
        for action in actions.values():
            for name, entries in action.outputs.items():
                outputs.setdefault(name, []).extend(entries)
        facts = [qualify(node.resource, fact) for action in actions.values() for fact in action.facts]
        journal = outputs.get("journal")
        view = NodeView(
            node.id,
            node.resource.partition("/")[0],
            node.resource,
            node.component,
            reused,
            seconds,
            _flat(node.identity),
            merged,
            outputs,
            facts,
            self._store.objects.local_path(journal[0].digest) if journal else None,
            {
                e.name: self._store.objects.local_path(e.digest)
                for entries in outputs.values()
                for e in entries
                if node.shape == "process" and e.name in _SHOWN
            },
        )
        self._call("bigcode_node_finished", run=self._view, node=view)
        if facts:
            self._call("bigcode_facts_recorded", run=self._view, facts=facts)

    def failed(self, node: Node, error: str) -> None:
        self._call("bigcode_node_failed", run=self._view, node=_bare(node), error=error)

    def progress(self, node: Node, journal: Path) -> None:
        if journal.exists():
            self._call("bigcode_node_progress", run=self._view, node=_bare(node, journal))

    def released(self, release: ReleaseView) -> None:
        self._call("bigcode_released", run=self._view, release=release)

    def cards(self, cards: Mapping[str, Any]) -> None:
        for address, card in cards.items():
            files = {name: self._store.objects.local_path(digest) for name, digest in card.files.items()}
            view = NodeView(
                f"{address}#render",
                "Card",
                address,
                "core.card",
                card.reused,
                0.0,
                {},
                {},
                {},
                [],
                None,
                {name: Path(path) for name, path in files.items()},
            )
            self._call("bigcode_node_finished", run=self._view, node=view)

    def finish(self, ok: bool) -> None:
        self._call("bigcode_run_finished", run=self._view, ok=ok)

    def _call(self, hook: str, **arguments: Any) -> None:
        try:
            self._manager.subset_hook_caller(hook, remove_plugins=self._others)(**arguments)
        except Exception as error:
            _log.warning("a tracker failed in %s: %s: %s", hook, type(error).__name__, error)


def _bare(node: Node, journal: Path | None = None) -> NodeView:
    """A node without a result."""
    kind = node.resource.partition("/")[0]
    identity = _flat(node.identity)
    return NodeView(node.id, kind, node.resource, node.component, False, 0.0, identity, {}, {}, [], journal)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping):
        out: dict[str, Any] = {}
        for key, item in value.items():
            out |= _flat(item, f"{prefix}.{key}" if prefix else str(key))
        return out
    if isinstance(value, list | tuple):
        return {prefix: ", ".join(str(v) for v in value)[:500]}
    return {prefix: value} if prefix else {}
