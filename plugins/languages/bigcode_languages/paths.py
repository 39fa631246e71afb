"""`languages.paths`: what a path says about the role of a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import enry
import pyarrow as pa

from bigcode_languages import library

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
        column = table.column("path")
        paths = column.to_pylist()
        vendored = [
            self.vendored.search(path) is not None or (may and enry.is_vendor(path))
            for path, may in zip(paths, library.may_be_vendored(column), strict=True)
        ]
        test = [
            self.is_named_test(path) or (may and enry.is_test(path))
            for path, may in zip(paths, library.may_be_test(column), strict=True)
        ]
        documentation = [
            may and enry.is_documentation(path)
            for path, may in zip(paths, library.may_be_documentation(column), strict=True)
        ]
        return pa.table(
            {
                "path": column,
                "vendored": pa.array(vendored, pa.bool_()),
                "test": pa.array(test, pa.bool_()),
                "documentation": pa.array(documentation, pa.bool_()),
            }
        )

    def is_named_test(self, path: str) -> bool:
        return self.test.search(path) is not None or _TEST_NAME.search(path) is not None


def _below(folders: tuple[str, ...]) -> re.Pattern[str]:
    """Matches a path below a folder with one of these names, in any case; nothing if there is no name."""
    names = "|".join(re.escape(folder) for folder in sorted(folders))
    return re.compile(rf"(?:^|/)(?:{names})/" if names else r"(?!)", re.IGNORECASE)
