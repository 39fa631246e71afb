"""`languages.paths`: what a path says about the role of a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import enry
import pyarrow as pa

if TYPE_CHECKING:
    from bigcode.api import Context
    from bigcode_languages.config import PathsConfig

_TEST_NAME = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.[A-Za-z]+$")


class Paths:
    def __init__(self, config: PathsConfig) -> None:
        self.vendored = _below(config.vendored)
        self.test = _below(config.test)

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Column path (string, with `/`, from the root of the repository) in; path, vendored, test and
        documentation (bool) out, a row for each row."""
        paths = table.column("path").to_pylist()
        return pa.table(
            {
                "path": table.column("path"),
                "vendored": pa.array([self.is_vendored(path) for path in paths], pa.bool_()),
                "test": pa.array([self.is_test(path) for path in paths], pa.bool_()),
                "documentation": pa.array([enry.is_documentation(path) for path in paths], pa.bool_()),
            }
        )

    def is_vendored(self, path: str) -> bool:
        return bool(self.vendored.search(path)) or enry.is_vendor(path)

    def is_test(self, path: str) -> bool:
        return bool(self.test.search(path) or _TEST_NAME.search(path)) or enry.is_test(path)


def _below(folders: tuple[str, ...]) -> re.Pattern[str]:
    """Matches a path below a folder with one of these names, in any case; nothing if there is no name."""
    names = "|".join(re.escape(folder) for folder in sorted(folders))
    return re.compile(rf"(?:^|/)(?:{names})/" if names else r"(?!)", re.IGNORECASE)
