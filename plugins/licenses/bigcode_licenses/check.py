"""What a reviewer of a licence policy should know: ids of the allow list that the table doubts. Warnings only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any, cast, get_args

from bigcode.api import Diagnostic, Place

CODE = "E105"
_OURS = ("licenses.tiers", "licenses.text")


def check_policy(policy: Any, workspace: Mapping[str, Any]) -> Iterable[Diagnostic]:
    """Warnings for a LicensePolicy whose classifier is one of this plugin.

    `workspace` maps addresses to resources; where it also offers `place(address, *path)`, a warning carries the
    line of the entry. Without the table's library nothing is said.
    """
    if policy.spec.classifier.uses not in _OURS or find_spec("license_expression") is None:
        return
    locate = getattr(workspace, "place", None)
    settings = policy.spec.classifier.with_
    for index, entry in enumerate(policy.spec.allow):
        for message, hint in _doubts(entry, settings, policy.spec.attribution):
            place: Place | None = locate(policy.address, "spec", "allow", index) if locate else None
            yield Diagnostic(CODE, f"allow: {message}", place, hint, "warning")
    if settings.get("tier2") == "scancode" and find_spec("licensedcode") is None:
        place = locate(policy.address, "spec", "classifier") if locate else None
        yield Diagnostic(
            CODE,
            "the classifier asks for ScanCode, which is not installed here",
            place,
            "Install the extra `scancode` where the run takes place, or write `tier2: none`.",
            "warning",
        )


def _doubts(entry: str, settings: Mapping[str, Any], attribution: str) -> Iterable[tuple[str, str]]:
    from bigcode_licenses.expressions import canonical
    from bigcode_licenses.table import PermissiveBy, category_of, current, known_ids, look_up

    side = settings.get("permissiveBy", settings.get("permissive_by", "scancode"))
    side = cast(PermissiveBy, side if side in get_args(PermissiveBy) else "scancode")
    identifier = entry.partition(" WITH ")[0].strip()
    row = look_up(identifier, side)
    if row is None:
        today = current(identifier)
        near = [today] if today else difflib.get_close_matches(identifier, known_ids(), n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "https://spdx.org/licenses lists the identifiers."
        yield (
            f"`{entry}` is no licence that the table knows; it admits no file unless one says just that",
            hint,
        )
        return
    if row.deprecated:
        today = current(identifier)
        yield (
            f"`{identifier}` is deprecated; files are said to be under `{today}`, which this entry does not admit",
            f"Write `{today}`, after reading what it says.",
        )
    category = category_of(canonical(entry) or identifier, side)
    if category != "permissive":
        listed = f"tier {row.blue_oak}" if row.blue_oak else "not listed"
        yield (
            f"`{entry}` is not permissive by the table: {category}"
            f" (ScanCode: {row.scancode or 'not listed'}; Blue Oak: {listed}; permissiveBy: {side})",
            "Take it off the list, or say in the decision record why its files may be used.",
        )
    if attribution == "exclude" and row.attribution != "none":
        yield (
            f"`{entry}` asks for attribution, and the policy excludes such licences: it admits nothing",
            "Take it off the list, or write `attribution: allow`.",
        )
