"""The superset check: what a parent forbids with flow-down, the child forbids too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bigcode.api import Diagnostic
from bigcode_openrail.restrictions import Clause, clauses_of, wording


def findings(
    spec: Mapping[str, Any], parents: Sequence[Mapping[str, Any]], base: Mapping[str, Clause]
) -> Sequence[Diagnostic]:
    """All that stands against a licence: E802 for ids nobody defines, E801 for restrictions that are lost.

    A parent's restriction is kept when the child has it word for word under the same id, or when an added
    restriction of the child, or of a licence between the two, names it in `equivalentTo` and says who
    reviewed that. Whether the words mean the same is the reviewer's judgement, recorded and not computed.

    `parents` holds the nearest first. A parent without `flowDown` asks nothing; its own parents still do.
    """
    line = (spec, *parents)
    return (*_unknown(spec, parents, base), *_lost(line, base))


def _unknown(
    spec: Mapping[str, Any], parents: Sequence[Mapping[str, Any]], base: Mapping[str, Clause]
) -> Iterable[Diagnostic]:
    inherited = {clause.id for parent in parents for clause in clauses_of(parent, base)}
    for id in sorted(set(spec.get("restrictions") or ()) - set(base)):
        yield Diagnostic(
            "E802", f"the base defines no restriction `{id}`", hint=f"It defines {', '.join(base)}."
        )
    for item in spec.get("added", ()):
        if item["id"] in base:
            yield Diagnostic(
                "E802",
                f"the added restriction `{item['id']}` takes the id of one of the base",
                hint="Give it an id of its own, and `equivalentTo` with a `reviewer` if it stands for the other.",
            )
        target = item.get("equivalentTo")
        if target and target not in {*base, *inherited}:
            yield Diagnostic(
                "E802",
                f"the added restriction `{item['id']}` claims to equal `{target}`, which nobody defines",
            )


def _lost(line: Sequence[Mapping[str, Any]], base: Mapping[str, Clause]) -> Iterable[Diagnostic]:
    """`line` is the licence with its parents, nearest first."""
    if not line[0].get("flowDown", True) and any(parent.get("flowDown", True) for parent in line[1:]):
        yield Diagnostic(
            "E801",
            "a parent asks that its restrictions be passed on, and `flowDown: false` would end that",
            hint="Leave `flowDown` out, or set it to true.",
        )
    held = {clause.id: clause.text for clause in clauses_of(line[0], base)}
    lost: dict[str, str] = {}
    for depth, parent in enumerate(line[1:], start=1):
        if not parent.get("flowDown", True):
            continue
        for clause in clauses_of(parent, base):
            if held.get(clause.id) != clause.text and not _replaced(clause.id, line[:depth], held):
                lost[clause.id] = "restated in other words" if clause.id in held else "missing"
    for reason in ("missing", "restated in other words"):
        ids = sorted(id for id, why in lost.items() if why == reason)
        if ids:
            yield Diagnostic(
                "E801",
                f"restrictions of a parent {'are' if len(ids) > 1 else 'is'} {reason}: {', '.join(ids)}",
                hint="Name them in `restrictions`, or add one with `equivalentTo` and a `reviewer`.",
            )


def _replaced(id: str, between: Sequence[Mapping[str, Any]], held: Mapping[str, str]) -> bool:
    """Whether reviewed equivalences lead from `id` to a restriction that the child holds word for word."""
    reached: dict[str, str] = {id: ""}
    items = [item for spec in between for item in spec.get("added", ()) if item.get("reviewer")]
    for _ in items:
        reached |= {i["id"]: i["text"] for i in items if i.get("equivalentTo") in reached and i["id"] != id}
    return any(held.get(other) == wording(text) for other, text in reached.items() if other != id)
