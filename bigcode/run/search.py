"""Search for stewards: where a text stands, in the released shards or in what was collected. Nothing is kept of it.

Matching is that of RE2, a line at a time, so no pattern takes longer than the text is long. What is collected is read
bucket by bucket; a place in it comes with the verdict of its file and never with the text, which may hold secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.diagnostics import fail
from bigcode.decide.columns import FILE, file_ids
from bigcode.decide.optout import row_key
from bigcode.plan.graph import Graph
from bigcode.run.consent import read_list
from bigcode.run.records import Recorded, recorded_results
from bigcode.run.session import Session
from bigcode.store.tables import read_table

READABLE = ("stewards", "gated", "open", "public")
"""Access tiers of a Snapshot under which its stewards may read what was collected."""
RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Hit:
    """A line of a file that matches. `text` is the line where it is released, and empty in what was collected."""

    place: str
    """`HOST/OWNER/REPOSITORY@REVISION:PATH`"""
    line: int
    verdict: str
    text: str = ""

    @property
    def opted_out(self) -> bool:
        """The owner or what it was copied from is opted out; a seat that was emptied so is not."""
        return self.verdict.startswith("optout") and self.verdict != "optout.seat"


def pattern_of(text: str, regex: bool) -> str:
    """The RE2 pattern of a text that a person typed.

    Raises:
        Problem: E004 for a pattern that RE2 cannot read.
    """
    pattern = f"(?m){text}" if regex else f"(?m){re.escape(text)}"
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        hint = "Patterns are those of RE2: no look-around and no back-references."
        raise fail("E004", f"`{text}` is no pattern that can be searched for", hint=hint) from error
    return pattern


def search_released(session: Session, address: str, pattern: str) -> Iterator[Hit]:
    """Lines of the released shards, shard by shard.

    Raises:
        Problem: E507 when nothing was applied.
    """
    results = _recorded(session, address, (f"{address}#export.shards",))
    for action in results[f"{address}#export.shards"].values():
        for entry in action.outputs["shards"]:
            table = read_table(session.store.objects, entry.digest, [*FILE, "content"])
            found = table.filter(pc.match_substring_regex(table["content"], pattern))
            for place, content in zip(file_ids(found).to_pylist(), found["content"].to_pylist(), strict=True):
                for number, line in _lines(content, pattern):
                    yield Hit(place, number, RELEASED, line)


def search_raw(session: Session, address: str, pattern: str) -> Iterator[Hit]:
    """Lines of what was collected, bucket by bucket, with the verdict of each file.

    Raises:
        Problem: E510 when the Snapshot's access tier lets no steward read it, E401 to E404 when the opt-out list, by
            which hidden rows are known, cannot be read, E507 when nothing was applied.
    """
    workspace = session.workspace
    spec = workspace.resources[address].spec
    snapshot = workspace.address_of(spec.snapshot)
    access = workspace.resources[snapshot].spec.access
    if access not in READABLE:
        hint = f"What was collected is read where Snapshot.access is one of {', '.join(READABLE)}."
        place = workspace.place(snapshot, "spec", "access")
        raise fail("E510", f"the access of {snapshot} is `{access}`", place, hint)
    lists = {sealed.address: sealed.data for sealed in session.open_lists()}
    _, secret = read_list(lists[workspace.address_of(spec.opt_out)])
    fetch, files, verdicts = f"{snapshot}#collect.fetch", f"{snapshot}#collect.files", f"{address}#verdicts"
    results = _recorded(session, address, (fetch, files, verdicts))
    return _raw(session, results, (fetch, files, verdicts), pattern, secret)


def _raw(
    session: Session, results: Recorded, nodes: tuple[str, str, str], pattern: str, secret: bytes
) -> Iterator[Hit]:
    objects = session.store.objects
    fetch, files, verdicts = nodes
    texts: dict[str, list[str]] = {}
    for action in results[fetch].values():
        for entry in action.outputs["texts"]:
            texts.setdefault(entry.name, []).append(entry.digest)
    for bucket, action in results[files].items():
        places: dict[str, list[str]] = {}
        reasons: dict[str, str] = {}
        seen: set[str] = set()
        for digest in texts.get(bucket, ()):
            table = read_table(objects, digest)
            content = table["content"].cast(pa.string())
            found = pc.match_substring_regex(content, pattern)
            for blob, text in zip(
                table["blob"].filter(found).to_pylist(), content.filter(found).to_pylist(), strict=True
            ):
                if blob in seen:
                    continue
                seen.add(blob)
                if not places:
                    places = _places(read_table(objects, action.outputs["files"][0].digest, [*FILE, "blob"]))
                    reasons = _reasons(results[verdicts][bucket], objects)
                lines = [number for number, _ in _lines(text, pattern)]
                for place in places.get(blob, ()):
                    verdict = reasons.get(place) or reasons.get(row_key(secret, place), "unknown")
                    yield from (Hit(place, line, verdict) for line in lines)


def _places(files: pa.Table) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for blob, place in zip(files["blob"].to_pylist(), file_ids(files).to_pylist(), strict=True):
        out.setdefault(blob, []).append(place)
    return out


def _reasons(action: Any, objects: Any) -> dict[str, str]:
    table = read_table(objects, action.outputs["verdicts"][0].digest, ["row", "reason"])
    return dict(zip(table["row"].to_pylist(), table["reason"].to_pylist(), strict=True))


def _lines(content: str, pattern: str) -> list[tuple[int, str]]:
    """Numbers and texts of the lines that match, from one; where a match spans lines, that of its first one."""
    lines = content.split("\n")
    matched = pc.match_substring_regex(pa.array(lines, pa.string()), pattern)
    numbers = np.flatnonzero(matched.to_numpy(zero_copy_only=False)).tolist()
    if not numbers:
        at = pc.find_substring_regex(pa.scalar(content), pattern).as_py()
        numbers = [content.encode()[: max(at, 0)].count(b"\n")]
    return [(number + 1, lines[number].rstrip("\r")) for number in numbers]


def _recorded(session: Session, address: str, nodes: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
    """Results of some nodes as the references name them."""
    graph = session.graph((address,))
    wanted = {graph.nodes[name].resource for name in nodes}
    part = Graph({name: node for name, node in graph.nodes.items() if node.resource in wanted})
    return recorded_results(part, session.store)
