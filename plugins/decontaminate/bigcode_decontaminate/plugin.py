"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Column, Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="decontaminate.suites",
            version=1,
            slot="observer",
            grain="blob",
            factory="bigcode_decontaminate.observer:Contamination",
            config="bigcode_decontaminate.config:SuitesConfig",
            summary="Tasks of evaluation suites that a file holds, copied, reformatted or renamed",
            writes=(
                Column("contaminated", "list<string>"),
                Column("contaminated_tasks", "list<string>"),
            ),
            golden="d95f3225fe23091aa0ff9f054aed109990c406a931d2af45db1992cd8c3e2950",
        ),
    )
