"""What the resolvers of all kinds share: components checked for their slot, and nodes of the core."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from bigcode.api.components import Component
from bigcode.api.diagnostics import Problem, fail
from bigcode.api.resource import Uses
from bigcode.api.shapes import Unit
from bigcode.host.registry import Registry
from bigcode.plan.graph import Node
from bigcode.spec.reviews import decisions_about, withdrawals
from bigcode.spec.workspace import Workspace

JUDGE, MEASURE = "bigcode.run.judge", "bigcode.run.measure"


@dataclass
class Reviews:
    """Decisions about licences (an SPDX expression or `deny`) and copies (`keep` or `remove`): by case where they hold
    whatever is found there, else `[case, digest of what was looked at, decision]`; and contents that are withdrawn."""

    licenses: dict[str, str] = field(default_factory=dict)
    pinned_licenses: list[list[str]] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    pinned_copies: list[list[str]] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)


def read_reviews(workspace: Workspace, address: str) -> Reviews:
    """What people decided about a dataset, and what was withdrawn from it or from an earlier version of it."""
    out = Reviews(withdrawn=sorted(withdrawals(workspace, address)))
    free = {"licence": out.licenses, "copies": out.copies}
    pinned = {"licence": out.pinned_licenses, "copies": out.pinned_copies}
    for said in decisions_about(workspace, address):
        if said.queue in free and not said.saw:
            free[said.queue][said.case] = said.decide
        elif said.queue in pinned:
            pinned[said.queue] += [[said.case, digest, said.decide] for digest in said.saw]
    for listed in pinned.values():
        listed[:] = sorted({tuple(entry): entry for entry in listed}.values())
    return out


class Resolver:
    """What resolvers need: the workspace, the registry and the sealed opt-out lists by address."""

    def __init__(self, workspace: Workspace, registry: Registry, lists: dict[str, str]) -> None:
        self.workspace = workspace
        self.registry = registry
        self.lists = lists
        self._reviews: dict[str, Reviews] = {}

    def reviews(self, address: str) -> Reviews:
        """What people decided about a dataset, from the Review resources that concern it."""
        if address not in self._reviews:
            self._reviews[address] = read_reviews(self.workspace, address)
        return self._reviews[address]

    def component(self, uses: Uses, slot: str, address: str) -> tuple[Component, Any]:
        """The component and its checked config.

        Raises:
            Problem: E305 when the component is not made for the slot.
        """
        component = self.registry.find(uses.uses, uses.version)
        if component.slot != slot:
            raise fail(
                "E305",
                f"{address}: `{uses.uses}` is a {component.slot}, a {slot} is needed here",
                self.workspace.place(address, "spec"),
            )
        model = self.registry.config_of(component)
        values = dict(uses.with_)
        if "root" in model.model_fields and "root" not in values:
            values["root"] = str(self.workspace.root.resolve())
        return component, model.model_validate(values)

    def units(self, component: Component, config: Any, address: str) -> list[Unit]:
        """What a collector lists to fetch.

        Raises:
            Problem: of the collector, or E303 when it fails in another way; E707 when it lists nothing.
        """
        place = self.workspace.place(address, "spec", "collector")
        try:
            found = list(self.registry.factory_of(component)(config).units())
        except Problem as problem:
            raise Problem(
                *(d if d.place else replace(d, place=place) for d in problem.diagnostics)
            ) from problem
        except Exception as error:
            message = (
                f"`{component.name}` failed while it listed what to collect: {type(error).__name__}: {error}"
            )
            raise fail("E303", message, place, "This is a fault of the plugin.") from error
        if not found:
            raise fail("E707", f"{address} names nothing to collect", place, "Name something to collect.")
        return found


def core(
    resource: str, step: str, function: str, *, module: str = JUDGE, behaviour: int = 3, **more: Any
) -> Node:
    """A node whose work is a function of the core."""
    return Node(
        f"{resource}#{step}", resource, "core", f"core.{step}", behaviour, f"{module}:{function}", **more
    )
