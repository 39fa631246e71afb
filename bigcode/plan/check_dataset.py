"""What of a dataset can be checked only with its observers and its parent at hand."""

from __future__ import annotations

from bigcode.api.diagnostics import fail
from bigcode.plan.dataset_plan import RECORDS, Plan
from bigcode.plan.graph import Node

_OF_FILES = (
    "host", "owner", "repository", "revision", "path", "name", "released", "blob", "git_sha1", "bytes",
)  # fmt: skip


def check_rules(p: Plan, observers: list[Node]) -> None:
    """A quality rule reads a column that some observer writes, or one of the files themselves."""
    known = {*_OF_FILES, *(name for node in observers for name in node.params["writes"])}
    for index, rule in enumerate(p.spec.quality.rules):
        if rule.column not in known:
            raise fail(
                "E302",
                f"quality rule `{rule.id}` reads the column `{rule.column}`, which no observer writes",
                p.resolver.workspace.place(p.address, "spec", "quality", "rules", index, "column"),
                f"Columns: {', '.join(sorted(known - set(_OF_FILES)))}.",
            )


def check_sibling(p: Plan) -> None:
    """What a kind of sibling needs.

    Raises:
        Problem: E311 with the field that is missing or differs.
    """
    spec, w = p.spec, p.resolver.workspace

    def refuse(field: str, message: str, hint: str = "") -> None:
        raise fail("E311", f"{p.address}: {message}", w.place(p.address, "spec", field), hint)

    if spec.sibling and spec.of is None:
        refuse("sibling", f"a sibling of kind {spec.sibling} says which dataset it is of", "Add `of`.")
    if spec.languages is None and spec.sibling not in RECORDS:
        refuse("languages", "languages are needed where rows are files", "Name a detector.")
    if not spec.sibling:
        return
    parent = w.get(spec.of).spec
    if w.address_of(parent.opt_out) != p.optout.address:
        refuse("optOut", "a sibling heeds the same opt-outs as its dataset", f"Use {parent.opt_out}.")
    if spec.sibling == "near-dedup" and (spec.dedup is None or parent.dedup is not None):
        refuse("dedup", "near-dedup is a variant with dedup of a dataset without", "See `dedup` of both.")
    if spec.sibling == "redacted" and all(e.action == "keep" for e in p.pii.spec.entities.values()):
        refuse("pii", "a redacted variant has a policy that masks", "Name another PIIPolicy.")
    if spec.sibling == "notebooks" and spec.export.render is None:
        refuse("export", "notebooks are written through a renderer", "Add export.render.")
    if spec.sibling == "notebooks" and not (spec.languages and spec.languages.include):
        refuse("languages", "a renderer writes notebooks alone", "Name their languages in languages.include.")
    if spec.sibling not in RECORDS and w.address_of(parent.snapshot) != p.snapshot.address:
        refuse("snapshot", "a variant of a dataset is made from the same text", f"Use {parent.snapshot}.")
