"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Column, Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="languages.linguist",
            version=1,
            slot="observer",
            grain="name",
            factory="bigcode_languages.linguist:Linguist",
            config="bigcode_languages.config:LinguistConfig",
            summary="Language by file name and extension, by content where those are ambiguous",
            writes=(Column("language", "string"), Column("generated", "bool"), Column("binary", "bool")),
        ),
        Component(
            name="languages.paths",
            version=1,
            slot="observer",
            grain="path",
            factory="bigcode_languages.paths:Paths",
            config="bigcode_languages.config:PathsConfig",
            summary="Vendored copies, tests and documentation, by path",
            writes=(Column("vendored", "bool"), Column("test", "bool"), Column("documentation", "bool")),
        ),
    )
