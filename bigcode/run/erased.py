"""What a purge changed in a release folder, as the folder itself says it."""

from __future__ import annotations

import json
from pathlib import Path

ERASED = ".erased.json"
"""Files that a purge changed or took, by name: was, now (a digest, empty when it is gone), asOf, reason."""


def erased_files(folder: Path) -> dict[str, str]:
    """The digests that files of a release folder have since a purge; empty for those that are gone."""
    try:
        said = json.loads((folder / ERASED).read_text("utf-8"))
    except OSError:
        return {}
    return {name: str(entry["now"]) for name, entry in said.items()}
