"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Column, Component, hookimpl


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
        Component(
            name="notebooks.check",
            version=1,
            slot="observer",
            grain="name",
            factory="bigcode_notebooks.check:NotebookCheck",
            config="bigcode_notebooks.config:CheckConfig",
            summary="Whether a notebook can be rendered, and how many cells it holds",
            writes=(Column("notebook_ok", "bool"), Column("cells", "int64")),
            golden="424fd5da911f173f50d22c9eb019742de071e3b6a2cc755501b594115388a415",
        ),
    )
