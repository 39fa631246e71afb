"""Where a text went on from its tables: what was made of it, what it was read from, which models were trained on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bigcode.run.drafts import MANIFEST
from bigcode.run.session import Session
from bigcode.run.sweep import published_folders, read_json
from bigcode.store.actions import Action
from bigcode.store.gc import list_files, named_objects
from bigcode.store.store import Store
from bigcode.store.tombstones import Tombstone

_MADE_OF_TEXT = ("tokens", "labels")
"""Slots whose outputs hold the text itself in another form."""


def stones_of(store: Store) -> Iterator[Tombstone]:
    """All tombstones of a store, by digest."""
    for name in sorted(list_files(store, "tombstones")):
        stone = store.objects.tombstones.read(name.rpartition("/")[2].removesuffix(".json"))
        if stone is not None:
            yield stone


def read_actions(store: Store) -> dict[str, Action]:
    """All actions of a store, by key.

    Raises:
        Problem: E511 when one cannot be read.
    """
    names = (name.rpartition("/")[2] for name in sorted(list_files(store, "actions")))
    read = (
        (n.removesuffix(".json"), store.actions.read(n.removesuffix(".json"))) for n in names if n[0] != "."
    )
    return {key: action for key, action in read if action is not None}


def made_of_text(session: Session, actions: Mapping[str, Action], touched: set[str]) -> set[str]:
    """Outputs that hold the text of touched shards in another form: token shards, indexes, labelled sets."""
    offers = session.host.registry.offers

    def holds_text(component: str) -> bool:
        if component.startswith("core."):
            return False
        name = component if component in offers else component.rpartition(".")[0]
        return name not in offers or offers[name].component.slot in _MADE_OF_TEXT

    reached: set[str] = set(touched)
    found: set[str] = set()
    before = -1
    while before != len(found):
        before = len(found)
        for action in actions.values():
            if action.recorded or not holds_text(action.component):
                continue
            if any(digest in reached for pairs in action.inputs.values() for _, digest in pairs):
                found |= {entry.digest for entry in action.entries()} - touched
        reached |= found
    return found


def archives_of(actions: Mapping[str, Action], fetched: set[str]) -> set[str]:
    """Downloads that the units whose contents are touched were read from."""
    outputs = {entry.digest for action in actions.values() for entry in action.entries()}
    found: set[str] = set()
    for action in actions.values():
        if fetched & {entry.digest for entry in action.entries()} and isinstance(action.identity, dict):
            found |= named_objects(action) - outputs - {d for f in action.facts for d in f.inputs}
            found -= set((action.identity.get("literals") or {}).values())
    return found


def unnamed(session: Session, actions: Mapping[str, Action]) -> list[str]:
    """Objects that nothing names: kept downloads, mostly."""
    store = session.store
    named: set[str] = set().union(
        *(named_objects(action) for action in actions.values()), session.pins().values()
    )
    for folder in published_folders(session):
        named |= set(read_json(folder / MANIFEST).values())
    named |= {stone.replaced_by for stone in stones_of(store)}
    keys = (name.rpartition("/")[2] for name in sorted(list_files(store, "objects")))
    return [key for key in keys if key not in named and not key.startswith(".")]


def models_trained_on(session: Session, actions: Mapping[str, Action], touched: set[str]) -> list[str]:
    """Models whose recorded training read what is gone; they stand, and nothing takes it out of them."""
    found = []
    for address in session.store.refs.addresses():
        if not address.startswith("Model/"):
            continue
        value = session.store.refs.read(address).value or {}
        keys = [key for labels in value.get("nodes", {}).values() for key in labels.values()]
        read = {d for key in keys if key in actions for p in actions[key].inputs.values() for _, d in p}
        if read & touched:
            found.append(address)
    return found
