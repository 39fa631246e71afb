"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Column, Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="quality.text",
            version=1,
            slot="observer",
            grain="blob",
            factory="bigcode_quality.observer:TextStatistics",
            config="bigcode_quality.config:QualityConfig",
            summary="Lines, line lengths, shares of letters and digits, and marks of generated files",
            writes=(
                Column("lines", "int64"),
                Column("max_line", "int64"),
                Column("mean_line", "double"),
                Column("alnum", "double"),
                Column("alpha", "double"),
                Column("digits", "double"),
                Column("generated_marker", "bool"),
            ),
            golden="04cec2b986da4311f38a510424d6be4c8859366558eeca33979721cd092b4df0",
        ),
    )
