"""The pages of training runs, beside the cards."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bigcode.run.cards import governance_folder
from bigcode.run.records import Recorded
from bigcode.store.store import Store


def run_pages(results: Recorded, store: Store) -> dict[str, str]:
    """File names and digests of a page for each model whose training left a journal."""
    from bigcode.cards.run_page import render_run

    style = (governance_folder() / "templates" / "page.css.j2").read_text("utf-8")
    pages = {}
    for node, actions in sorted(results.items()):
        address, _, step = node.partition("#")
        journals = [e for action in actions.values() for e in action.outputs.get("journal", ())]
        if step != "train" or not address.startswith("Model/") or not journals:
            continue
        lines: list[Mapping[str, object]] = []
        for entry in journals:
            lines += [json.loads(line) for line in store.objects.get(entry.digest).splitlines()]
        page = render_run(address, lines, style)
        pages[f"{address.removeprefix('Model/')}.run.html"] = store.objects.put(page.encode())
    return pages
