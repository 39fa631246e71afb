"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="notebooks.cells",
            version=1,
            slot="renderer",
            factory="bigcode_notebooks.cells:CellSequence",
            config="bigcode_notebooks.config:CellsConfig",
            summary="A notebook as text, code and output, with marks between them",
        ),
        Component(
            name="notebooks.script",
            version=1,
            slot="renderer",
            factory="bigcode_notebooks.script:Script",
            config="bigcode_notebooks.config:ScriptConfig",
            summary="The code of a notebook, with its text as comments",
        ),
    )
