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
            golden="fab0ad64d1d0c4de49dce457b056ad12b66423aadc26eab42fe33877c0e2eaa1",
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
            golden="72ae8bcefef337d68ad3ef4255504117e259c55434094c8fd0843b0b4405034c",
        ),
    )
