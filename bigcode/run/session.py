"""What every command that touches the store needs: the workspace, its store, lists, graph and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bigcode.api.diagnostics import Problem
from bigcode.api.resource import plain
from bigcode.evidence.consent import SealedList, open_lists
from bigcode.evidence.signing import public_key
from bigcode.host.manager import Host
from bigcode.plan.graph import Graph
from bigcode.plan.resolve import resolve
from bigcode.spec.locate import repository_root
from bigcode.spec.workspace import Workspace
from bigcode.store.store import Store


@dataclass(frozen=True)
class Session:
    """A workspace at its store. Opening one writes nothing."""

    workspace: Workspace
    host: Host
    store: Store

    @property
    def settings(self) -> Mapping[str, Any]:
        """The Project's `execution`, as plain values."""
        values: dict[str, Any] = plain(self.workspace.project.spec.execution)
        return values

    @property
    def root(self) -> Path:
        """Where outputs go: the Git root, else the workspace."""
        return repository_root(self.workspace.root) or self.workspace.root

    @property
    def cards_folder(self) -> Path:
        return self.root / (self.settings["cards"] or f"governance/cards/{self.workspace.name}")

    @property
    def releases_folder(self) -> Path:
        return self.root / (self.settings["releases"] or f"releases/{self.workspace.name}")

    @property
    def key_path(self) -> Path:
        return self.store.base / "keys" / "steward.ed25519"

    def trusted_keys(self) -> list[str]:
        """The store's own public key, if it has one."""
        try:
            return [public_key(self.key_path)]
        except Problem:
            return []

    def open_lists(self) -> list[SealedList]:
        """Verified opt-out lists.

        Raises:
            Problem: E401 to E404; nothing has been written then.
        """
        return open_lists(self.workspace, self.trusted_keys())

    def pins(self) -> dict[str, str]:
        """Digests of the lists as the specs pin them, without reading a list."""
        return {
            address: resource.spec.pin.removeprefix("sha256:")
            for address, resource in self.workspace.resources.items()
            if resource.kind == "OptOutSnapshot"
        }

    def graph(self, targets: tuple[str, ...] = ()) -> Graph:
        """The graph of the workspace, or of what some addresses need."""
        graph = resolve(self.workspace, self.host.registry, self.pins())
        return graph.closure(targets) if targets else graph

    def refs(self, graph: Graph) -> dict[str, Any]:
        """Values of the references of all resources of a graph; None where there is none."""
        return {address: self.store.refs.read(address).value for address in graph.resources()}


def open_session(workspace: Workspace, host: Host) -> Session:
    """The store is the Project's `execution.store`, else `.bigcode` at the Git root or in the workspace.

    Raises:
        Problem: E511 when another version wrote the store.
    """
    configured = workspace.project.spec.execution.store
    base = repository_root(workspace.root) or workspace.root.resolve()
    url = configured or str(base / ".bigcode")
    if "://" not in url and not Path(url).is_absolute():
        url = str(workspace.root.resolve() / url)
    store = Store(url)
    store.check()
    return Session(workspace, host, store)
