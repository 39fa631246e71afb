"""Settings of the two observers."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, Field

from bigcode.api import Config

Folder = Annotated[str, Field(pattern=r"^[^/]+$")]


def _known(language: str) -> str:
    # The table is read where a spec names languages, and not when the plugin is loaded.
    from bigcode_languages.table import load_table

    names = load_table().names
    if language and language not in names:
        near = get_close_matches(language, names, 3, 0.5)
        raise ValueError(
            f"`{language}` is no language of the table; near to it: {', '.join(near) or 'nothing'}"
        )
    return language


Language = Annotated[str, AfterValidator(_known)]
"""A language of the table; an empty text says that a file is in none."""
Extension = Annotated[str, Field(pattern=r"^\.[^/]+$"), AfterValidator(str.lower)]


class NameRules(Config):
    """What a name says, in place of the table."""

    extensions: dict[Extension, Language] = Field(default_factory=dict)
    """Languages by extension, with its dot, in any case. The longest extension of a name that is known decides."""
    filenames: dict[str, Language] = Field(default_factory=dict)
    """Languages by whole file name; these count before extensions."""


class LinguistConfig(Config):
    rules: NameRules = NameRules()
    only: tuple[Language, ...] = ()
    """Languages that are told; a file in another one is in none. All when empty."""


class PathsConfig(Config):
    vendored: tuple[Folder, ...] = (
        "_vendor", "_vendored", "3rdparty", "extern", "node_modules", "third-party", "third_party", "thirdparty",
        "vendor", "vendored",
    )  # fmt: skip
    """Names of folders that hold copies of other projects, beside those that the library knows."""
    test: tuple[Folder, ...] = ("__tests__", "spec", "test", "testing", "tests")
    """Names of folders whose whole content counts as tests."""
