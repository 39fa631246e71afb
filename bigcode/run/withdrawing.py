"""A secret or malware in a file that was given out: which content it is, what holds it, and a notice to downstream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from bigcode.api.diagnostics import fail
from bigcode.decide.columns import FILE
from bigcode.evidence.consent import replace_file
from bigcode.run.applied import Applied, read_applied, read_columns
from bigcode.run.collecting import bucket_of
from bigcode.run.lineage import read_actions
from bigcode.run.session import Session
from bigcode.spec.lock import read_lock
from bigcode.store.actions import Action

FOLDER = "notices"
_SHARDS = "core.export.shards"
KINDS = {
    "secret": "a secret, such as a key or a password",
    "malware": "malicious code",
    "licence": "a text whose licence does not admit it",
    "other": "a text that has to leave the data",
}


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file by its digests."""

    blob: str
    git_sha1: str


@dataclass(frozen=True, slots=True)
class Holder:
    """A dataset, release or model, whether the lock froze it, and whether it holds the content: `yes`, `no` or
    `unknown` where that cannot be read here."""

    address: str
    state: str
    holds: str


def find_content(session: Session, address: str, file: str) -> Content:
    """The content of `HOST/OWNER/REPO:PATH`, or of one revision with `REPO@REVISION`.

    Raises:
        Problem: E004 when there is no such file, or when its revisions differ.
    """
    applied = read_applied(session, address)
    host, _, rest = file.partition("/")
    owner = rest.partition("/")[0]
    bucket = str(bucket_of(host, owner, applied.buckets))
    columns = [*FILE, "blob", "git_sha1"]
    table = applied.table("gather", "observations", bucket, columns)
    mine = pc.and_(pc.equal(table["host"], host), pc.equal(table["owner"], owner))
    found: dict[str, Content] = {}
    for row in table.filter(mine).to_pylist():
        stem = f"{host}/{owner}/{row['repository']}"
        if file in (f"{stem}:{row['path']}", f"{stem}@{row['revision']}:{row['path']}"):
            found[row["blob"]] = Content(row["blob"], row["git_sha1"])
    if not found:
        hint = "Write HOST/OWNER/REPO:PATH; `bigcode explain` helps to find it."
        raise fail("E004", f"{address} has no file `{file}`", hint=hint)
    if len(found) > 1:
        raise fail(
            "E004",
            f"the revisions of `{file}` have {len(found)} contents",
            hint="Name one: HOST/OWNER/REPO@REVISION:PATH.",
        )
    return found.popitem()[1]


def find_holders(session: Session, content: Content) -> list[Holder]:
    """Datasets as they were applied last, releases of the lock, and models, each with whether it holds the content."""
    lock = read_lock(session.workspace.root)
    frozen = set(lock["released"])
    found = []
    addresses = session.store.refs.addresses()
    for address in addresses:
        if address.startswith("Dataset/") and address in session.workspace.resources:
            applied = read_applied(session, address)
            state = _state(address, frozen)
            found.append(Holder(address, state, _held_by(session, _shards(applied), content)))
    for address in sorted(lock.get("releases", {})):
        found.append(Holder(address, "released", _released(session, address, content)))
    actions = read_actions(session.store) if any(a.startswith("Model/") for a in addresses) else {}
    made_by = {entry.digest: action for action in actions.values() for entry in action.entries()}
    for address in addresses:
        if address.startswith("Model/"):
            read = _shards_behind(session, address, actions, made_by)
            found.append(Holder(address, _state(address, frozen), _held_by(session, read, content)))
    return found


def _shards_behind(
    session: Session, address: str, actions: Mapping[str, Action], made_by: Mapping[str, Action]
) -> set[str]:
    """Shards that a model was made from: those of its day, whatever its dataset holds today."""
    value = session.store.refs.read(address).value or {}
    keys = {key for labels in value.get("nodes", {}).values() for key in labels.values()}
    waiting = [actions[key] for key in keys if key in actions]
    seen: set[str] = set()
    shards: set[str] = set()
    while waiting:
        for digest in {d for pairs in waiting.pop().inputs.values() for _, d in pairs} - seen:
            seen.add(digest)
            action = made_by.get(digest)
            if action is not None and action.component == _SHARDS:
                shards.add(digest)
            elif action is not None:
                waiting.append(action)
    return shards


def _held_by(session: Session, shards: set[str], content: Content) -> str:
    there = [digest for digest in sorted(shards) if session.store.objects.has(digest)]
    if any(_has(read_columns(session.store, digest, ["blob"])["blob"], content.blob) for digest in there):
        return "yes"
    return "no" if len(there) == len(shards) else "unknown"


def _state(address: str, frozen: set[str]) -> str:
    return "released" if address in frozen else "draft"


def _shards(applied: Applied) -> set[str]:
    labels = applied.labels("export.shards")
    actions = [applied.action("export.shards", label) for label in labels]
    return {entry.digest for action in actions for entry in action.outputs.get("shards", ())}


def _released(session: Session, address: str, content: Content) -> str:
    """Whether a published folder keeps the content, by the verdict tables of its evidence."""
    import pyarrow.parquet as pq

    name, _, version = address.partition("/")[2].partition("@")
    tables = sorted(
        (session.releases_folder / f"{name}-{version}" / "evidence" / "verdicts").rglob("*.parquet")
    )
    if not tables:
        return "unknown"
    for path in tables:
        table = pq.read_table(path, columns=["blob", "reason"])
        if _has(table.filter(pc.equal(table["reason"], "kept"))["blob"], content.blob):
            return "yes"
    return "no"


def _has(column: object, value: str) -> bool:
    return bool(np.any(pc.equal(column, value).to_numpy()))


def write_notice(
    session: Session, address: str, content: Content, kind: str, day: str, holders: list[Holder]
) -> Path:
    """A notice to whoever has the data, as Markdown. It names the content by its digests and shows nothing of it."""
    folder = session.workspace.root / FOLDER
    folder.mkdir(exist_ok=True)
    number = 1
    while (path := folder / f"{day}-{number}.md").exists():
        number += 1
    replace_file(path, _notice(session, address, content, kind, day, holders).encode())
    return path


def _notice(
    session: Session, address: str, content: Content, kind: str, day: str, holders: list[Holder]
) -> str:
    title = session.workspace.project.spec.title
    named = [h for h in holders if h.holds != "no" and h.address != address]
    lines = [f"- {address}"]
    lines += [
        f"- {h.address} ({h.state}{', not checked: its files are not here' if h.holds == 'unknown' else ''})"
        for h in named
    ]
    return f"""# {title}: a file is withdrawn

Date: {day}

A file of the data holds {KINDS[kind]}.
It was found after the data was given out, and the file is withdrawn. The next version does not hold it.

The file, by its content:

- SHA-256: `{content.blob}` (column `blob`)
- SWHID: `swh:1:cnt:{content.git_sha1}` (column `git_sha1`)

It is in:

{chr(10).join(lines)}

## What to do

1. Leave out every row whose `blob` is the SHA-256 above, in the data and in whatever was made of it: token shards,
   indexes, caches, copies that you passed on.
2. Tell those to whom you passed it on.
3. A model that was trained on it may repeat it. Filter what the model gives out, or train again from the next version.
{_MORE[kind]}"""


_MORE = {
    "secret": "4. Do not use, test or publish the secret. Whoever it belongs to has to be able to make it worthless.\n",
    "malware": "4. Do not run the file. If it was run, treat the machine as open to others.\n",
    "licence": "4. Do not pass the file on under the terms of this data.\n",
    "other": "",
}
