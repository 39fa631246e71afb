"""A folder of released files against the bundle that names them: data files by a manifest, notices and provenance by
what their actions wrote, and after a purge what of them still can be told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bigcode.api.diagnostics import Diagnostic
from bigcode.evidence.bundle import Bundle
from bigcode.evidence.erased import Erasure, read_erasures
from bigcode.evidence.purged_rows import check_rows

_PREFIX, _SUFFIX = "manifests/", "/shards.json"
_BESIDE = {"export.notices": "notices", "export.provenance": "provenance"}
"""Steps that write files beside the shards, and their outputs."""

EraseLookup = Callable[[str], Erasure | None]
"""What a store says of a digest: what became of it, or nothing."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A file that the bundle names: its digest, and its rows where it is a data file."""

    sha: str
    rows: int | None


def check_shards(
    bundle: Bundle,
    folder: Path,
    findings: list[Diagnostic],
    checked: list[str],
    unchecked: list[str],
    erasure_of: EraseLookup | None = None,
) -> None:
    """Add a finding (E614) for each file that is altered, missing or foreign, and lines on what was checked and what
    could not be.

    Of several datasets the one is meant whose manifest has most of the folder's files, by digest and then by
    name; the lines name it. A file that a purge left is no finding as long as it is what the purge made of it and
    holds no row that the bundle does not know.

    Args:
        erasure_of: what the store says that was erased; without it the folder's own record is taken.

    Raises:
        ValueError, TypeError, AttributeError, LookupError: for manifests of another form.
    """
    datasets = {
        name.removeprefix(_PREFIX).removesuffix(_SUFFIX): {
            str(entry[0]): _Listed(str(entry[1]), int(entry[2])) for entry in bundle.json(name)
        }
        for name in bundle
        if name.startswith(f"{_PREFIX}Dataset/") and name.endswith(_SUFFIX)
    }
    if not datasets:
        findings.append(Diagnostic("E614", f"no manifest lists the files of {folder}"))
        return
    names = {file for files in datasets.values() for file in files}
    digests = {file: _digest_of(folder / file) for file in names}
    told = read_erasures(folder)
    subject = max(sorted(datasets), key=lambda name: _likeness(datasets[name], digests, told))
    beside, missing = _beside(bundle, subject)
    for step in missing:
        unchecked.append(
            f"what {step} writes beside the data files of {subject}: the bundle has no record of it"
        )
    listed = {**datasets[subject], **{file: _Listed(sha, None) for file, sha in beside.items()}}
    digests |= {file: _digest_of(folder / file) for file in beside}
    erased = {
        file: erasure
        for file, entry in listed.items()
        if (erasure := _erasure(file, entry, digests[file], told, erasure_of)) is not None
    }
    found = [*_altered(subject, listed, digests, erased, folder), *_foreign(subject, listed, missing, folder)]
    rows, misread = _count_rows(subject, {f: e for f, e in listed.items() if digests[f] == e.sha}, folder)
    wrong, sure, unsure = _check_erased(bundle, subject, listed, erased, folder, trusted=bool(erasure_of))
    findings += [*found, *misread, *wrong]
    if not (found or misread or wrong):
        whole = len(datasets[subject]) - sum(listed[file].rows is not None for file in erased)
        checked.append(f"{whole} data files with {rows} rows are those of the manifest of {subject}")
        also = sorted(set(beside) - set(erased))
        if also:
            checked.append(f"{', '.join(also)} of {subject}: as written")
    if wrong:
        return
    checked += sure
    unchecked += unsure
    if erased:
        who = "the store" if erasure_of else "an unsigned record in the folder"
        unchecked.append(
            f"that of {_count(len(erased))} a purge took nothing else: the bundle names them as they were before, "
            f"and {who} says what stands for them now"
        )


def _beside(bundle: Bundle, subject: str) -> tuple[dict[str, str], list[str]]:
    """Digests of the files that stand beside the shards, and the steps that the bundle has no record of."""
    nodes = bundle.json("refs.json").get(subject, {}) if bundle.plain("refs.json") else {}
    files: dict[str, str] = {}
    missing = []
    for step, output in _BESIDE.items():
        keys = nodes.get(f"{subject}#{step}")
        if keys is None:
            missing.append(step)
            continue
        for key in keys.values():
            for entry in bundle.json(f"actions/{key}.json")["outputs"].get(output, ()):
                files[str(entry[0])] = str(entry[1])
    return files, missing


def _likeness(
    listed: Mapping[str, _Listed], digests: Mapping[str, str], told: Mapping[str, Erasure]
) -> tuple[int, int, int]:
    """How many of the listed files the folder holds: with their digest, by name, and less those that it lacks."""
    same = sum(entry.sha in (digests[file], _was(told, file)) for file, entry in listed.items())
    named = sum(bool(digests[file]) for file in listed)
    return same, named, named - len(listed)


def _was(told: Mapping[str, Erasure], file: str) -> str:
    return told[file].was if file in told else ""


def _erasure(
    file: str, entry: _Listed, found: str, told: Mapping[str, Erasure], erasure_of: EraseLookup | None
) -> Erasure | None:
    """The purge that a file went through, where it is what that made of it."""
    if found == entry.sha:
        return None
    erasure = erasure_of(entry.sha) if erasure_of else told.get(file)
    return erasure if erasure is not None and (erasure.was, erasure.now) == (entry.sha, found) else None


def _altered(
    subject: str,
    listed: Mapping[str, _Listed],
    digests: Mapping[str, str],
    erased: Mapping[str, Erasure],
    folder: Path,
) -> Iterator[Diagnostic]:
    for file, entry in sorted(listed.items()):
        if file in erased or digests[file] == entry.sha:
            continue
        if not digests[file]:
            yield Diagnostic("E614", f"{subject}: {file} is not in {folder}")
        else:
            where = "the manifest lists" if entry.rows is not None else "its action wrote"
            yield Diagnostic("E614", f"{subject}: {file} does not have the digest that {where}")


def _foreign(
    subject: str, listed: Mapping[str, _Listed], missing: list[str], folder: Path
) -> Iterator[Diagnostic]:
    """Files that look like the dataset's and are not. Hidden ones are nobody's: loaders leave them out."""
    beside = (
        [] if missing else [*folder.glob("NOTICES*"), *folder.glob("PROVENANCE*"), *folder.rglob("notices/*")]
    )
    for path in sorted({*(folder / "data").rglob("*"), *beside}):
        name = path.relative_to(folder).as_posix()
        if name not in listed and not path.is_dir() and not path.name.startswith("."):
            yield Diagnostic("E614", f"{name} is not in the manifest of {subject}")


def _count_rows(subject: str, files: Mapping[str, _Listed], folder: Path) -> tuple[int, list[Diagnostic]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, found = 0, []
    for file, entry in sorted(files.items()):
        if entry.rows is None:
            continue
        try:
            rows += pq.read_metadata(folder / file).num_rows
        except pa.ArrowInvalid:
            found.append(Diagnostic("E614", f"{subject}: {file} holds no table"))
    return rows, found


def _check_erased(
    bundle: Bundle,
    subject: str,
    listed: Mapping[str, _Listed],
    erased: Mapping[str, Erasure],
    folder: Path,
    *,
    trusted: bool,
) -> tuple[list[Diagnostic], list[str], list[str]]:
    """Findings on rows that a purge cannot have left, and a line on each file that one changed: those that tell what
    was checked, and those that tell what only the folder says."""
    found: list[Diagnostic] = []
    sure: list[str] = []
    unsure: list[str] = []
    tables = [file for file, erasure in erased.items() if erasure.now and listed[file].rows is not None]
    counts, wrong = check_rows(bundle, subject, [folder / file for file in tables])
    found += [Diagnostic("E614", f"{subject}: {said}") for said in wrong]
    for file, erasure in sorted(erased.items()):
        rows = listed[file].rows
        left = "it is gone" if not erasure.now else "rewritten"
        if file in tables:
            left = f"{counts.get(folder / file, 0):,} of its {rows:,} rows stand"
        told_so = sure if file in tables or trusted else unsure
        told_so.append(f"{file} of {subject}: purged as of {erasure.as_of} ({erasure.reason}); {left}")
    return found, sure, unsure


def _count(files: int) -> str:
    return "one file" if files == 1 else f"{files} files"


def _digest_of(path: Path) -> str:
    """SHA-256 in hex; empty when there is no such file."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
