"""What can be said of a file that a snapshot does not hold: names near it, other names, and what was left out."""

from __future__ import annotations

import difflib
import json
import re

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.diagnostics import Problem, fail
from bigcode.run.applied import Applied, read_applied, read_columns
from bigcode.run.session import Session

_HOW = "Write HOST/OWNER/REPO:PATH, for example pypi/pip/pip:src/pip/__init__.py."
_MOST = 20
"""Units that are told of."""


def unknown_file(session: Session, applied: Applied, bucket: str, file: str) -> Problem:
    """That there is no such file, with the nearest names and with what was left out near it.

    Names come from public verdicts and written rows alone: what an opt-out touches is not told here.
    """
    stem, colon, path = file.partition(":")
    host, _, rest = stem.partition("@")[0].partition("/")
    owner, _, repository = rest.partition("/")
    message = f"{applied.address} has no file `{file}`"
    if not (colon and path and host and owner and repository):
        return fail("E004", message, hint=_HOW)
    hints = [
        *_near(applied, bucket, f"{host}/{owner}/{repository}", path),
        *_renamed(session, host, f"{owner}/{repository}", path),
        *_left_out(applied, owner, repository),
    ]
    if applied.store.files.names("purges"):
        hints.append("What was purged from the store is not taken in again, and no record says what it was.")
    return fail("E004", message, hint=" ".join(hints or [f"No source of its snapshot speaks of it. {_HOW}"]))


def _near(applied: Applied, bucket: str, home: str, path: str) -> list[str]:
    verdicts = applied.table("verdicts", "verdicts", bucket, ["host", "owner", "repository", "path"])
    stems = pc.binary_join_element_wise(
        *(verdicts[n].combine_chunks() for n in ("host", "owner", "repository")), "/"
    )
    owner = home.rpartition("/")[0]
    mine = pc.starts_with(stems, f"{owner}/")
    names = pc.binary_join_element_wise(stems, verdicts["path"].combine_chunks(), ":").filter(mine)
    spelled = sorted(set(names.drop_null().to_pylist()))
    near = difflib.get_close_matches(f"{home}:{path}", spelled, n=3, cutoff=0.8)
    last = path.rpartition("/")[2]
    same = [n for n in spelled if last and n.endswith((f"/{last}", f":{last}")) and n not in near]
    return [f"Near: {', '.join([*near, *same[: 5 - len(near)]])}."] if near or same else []


def _renamed(session: Session, host: str, name: str, path: str) -> list[str]:
    """Repositories that had this name once, by the records of a sibling of metadata, as they are written."""
    found = set()
    for address, resource in sorted(session.workspace.resources.items()):
        if resource.kind != "Dataset" or resource.spec.sibling != "metadata":
            continue
        try:
            written = read_applied(session, address)
        except Problem:
            continue
        for label in written.labels("export.rows"):
            for entry in written.action("export.rows", label).outputs.get("rows", ()):
                found |= _now_called(read_columns(written.store, entry.digest, _NAMED), host, name)
    return [f"{host}/{name} is called {now} now: ask for {now}:{path}." for now in sorted(found)]


_NAMED = ["host", "owner", "repository", "renamed_from"]


def _now_called(table: pa.Table, host: str, name: str) -> set[str]:
    if "renamed_from" not in table.column_names:
        return set()
    rows = table.filter(pc.equal(table["host"], host)).to_pylist()
    return {
        f"{row['host']}/{row['owner']}/{row['repository']}"
        for row in rows
        if any(name.casefold() == old.casefold() for old in row["renamed_from"] or ())
    }


def likely_units(applied: Applied, owner: str, repository: str) -> list[str]:
    """The units whose name has that of a repository among its words, or else that of its owner."""
    labels = applied.labels("collect.fetch")
    for name in filter(None, (repository, owner)):
        wanted = f"-{_words(name)}-"
        found = [unit for unit in labels if wanted in f"-{_words(unit)}-"]
        if found:
            return found
    return []


def _words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())


def _left_out(applied: Applied, owner: str, repository: str) -> list[str]:
    """What the collector left out of the units that a file may have been in, by reason."""
    units = likely_units(applied, owner, repository)
    if not units and len(applied.labels("collect.fetch")) == 1:
        units = applied.labels("collect.fetch")
    told = []
    for unit in units[:_MOST]:
        for entry in applied.action("collect.fetch", unit).outputs.get("record", ()):
            record = json.loads(applied.store.objects.get(entry.digest))
            if record["failed"]:
                told.append(f"Of `{unit}` nothing could be had: {record['failed']}.")
            elif record["omitted"]:
                counts = ", ".join(f"{reason} {count:,}" for reason, count in record["omitted"].items())
                told.append(f"Left out of `{unit}`, by reason: {counts}.")
            else:
                told.append(f"`{unit}` was taken in whole, {record['files']:,} files; this is none of them.")
    return told
