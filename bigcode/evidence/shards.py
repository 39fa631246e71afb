"""A folder of released data files against the manifest of a bundle that lists them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from bigcode.api.diagnostics import Diagnostic
from bigcode.evidence.bundle import Bundle

_PREFIX, _SUFFIX = "manifests/", "/shards.json"


def check_shards(bundle: Bundle, folder: Path, findings: list[Diagnostic], checked: list[str]) -> None:
    """Add a finding (E614) for each data file that is altered, missing or foreign, or a line on what was checked.

    Of several datasets the one is meant whose manifest has most of the folder's files, by digest and then by
    name; the lines name it.

    Raises:
        ValueError, TypeError, AttributeError, LookupError: for manifests of another form.
    """
    manifests = {
        name.removeprefix(_PREFIX).removesuffix(_SUFFIX): {
            str(entry[0]): str(entry[1]) for entry in bundle.json(name)
        }
        for name in bundle
        if name.startswith(f"{_PREFIX}Dataset/") and name.endswith(_SUFFIX)
    }
    if not manifests:
        findings.append(Diagnostic("E614", f"no manifest lists the files of {folder}"))
        return
    digests = {file: _digest_of(folder / file) for files in manifests.values() for file in files}
    subject = max(sorted(manifests), key=lambda name: _likeness(manifests[name], digests))
    found, rows = _compare(subject, manifests[subject], digests, folder)
    findings += found
    if not found:
        files = len(manifests[subject])
        checked.append(f"{files} data files with {rows} rows are those of the manifest of {subject}")


def _likeness(listed: Mapping[str, str], digests: Mapping[str, str]) -> tuple[int, int, int]:
    """How many of the listed files the folder holds: with their digest, by name, and less those that it lacks."""
    same = sum(digests[file] == sha for file, sha in listed.items())
    named = sum(bool(digests[file]) for file in listed)
    return same, named, named - len(listed)


def _compare(
    subject: str, listed: Mapping[str, str], digests: Mapping[str, str], folder: Path
) -> tuple[list[Diagnostic], int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    found, rows = [], 0
    for file, sha in sorted(listed.items()):
        if not digests[file]:
            found.append(Diagnostic("E614", f"{subject}: {file} is not in {folder}"))
        elif digests[file] != sha:
            found.append(
                Diagnostic("E614", f"{subject}: {file} does not have the digest that the manifest lists")
            )
        else:
            try:
                rows += pq.read_metadata(folder / file).num_rows
            except pa.ArrowInvalid:
                found.append(Diagnostic("E614", f"{subject}: {file} holds no table"))
    for path in sorted((folder / "data").rglob("*.parquet")):
        name = path.relative_to(folder).as_posix()
        if name not in listed:
            found.append(Diagnostic("E614", f"{name} is not in the manifest of {subject}"))
    return found, rows


def _digest_of(path: Path) -> str:
    """SHA-256 in hex; empty when there is no such file."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
