"""Sources that could not be had: their results are forgotten, so that the next walk asks for them again."""

from __future__ import annotations

import json

from bigcode.plan.graph import Graph
from bigcode.plan.keys import content_key
from bigcode.store.store import Store


def forget_failed(graph: Graph, store: Store) -> list[str]:
    """Forget each fetch whose record says that it failed; returns the sources as `NODE LABEL`.

    A run that ends between this and the fetch costs nothing: what has no result is asked for by any apply.
    """
    forgotten = []
    for node in graph.nodes.values():
        if node.shape != "collect":
            continue
        for label in node.partitions:
            key = content_key(node, label, {})
            action = store.actions.get(key)
            if action is None:
                continue
            (record,) = action.outputs["record"]
            if json.loads(store.objects.get(record.digest))["failed"]:
                store.actions.forget(key)
                forgotten.append(f"{node.id} {label}")
    return forgotten
