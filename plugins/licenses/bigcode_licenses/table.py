"""The reviewed table: what kind a licence is of, whether it is permissive, and whether it asks for attribution.

*Permissive* and *needs attribution* are two questions. The first is answered by two lists that differ in places,
the Blue Oak Council's list and the categories of ScanCode's licence database (as `license-expression` ships them);
a spec names which of them wins. The second is answered by `data/attribution.yaml`, read for this project.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from license_expression import get_license_index

from bigcode_licenses.expressions import licenses_of, parse
from bigcode_licenses.statements import LOADER

Category = Literal["permissive", "weak-copyleft", "copyleft", "proprietary", "unknown"]
PermissiveBy = Literal["blueoak", "scancode", "both", "either"]
Attribution = Literal["required", "source-only", "none"]

CATEGORIES: tuple[Category, ...] = ("permissive", "weak-copyleft", "copyleft", "proprietary", "unknown")
"""From what leaves most freedom to what nothing can be said of."""

DATA = Path(__file__).with_name("data")
_CATEGORY_OF: dict[str, Category] = {
    "Permissive": "permissive",
    "Public Domain": "permissive",
    "Copyleft Limited": "weak-copyleft",
    "Copyleft": "copyleft",
    "Commercial": "proprietary",
    "Free Restricted": "proprietary",
    "Proprietary Free": "proprietary",
    "Source-available": "proprietary",
}


@dataclass(frozen=True, slots=True)
class License:
    """What the table says of one identifier.

    `scancode` is ScanCode's own category and `blue_oak` the tier of the Blue Oak list (`Model`, `Gold`, `Silver`,
    `Bronze`, `Lead`), empty where the list does not name the licence. `patent` is None where nobody reviewed it.
    """

    id: str
    category: Category
    permissive: bool
    attribution: Attribution
    scancode: str
    blue_oak: str = ""
    copyleft: str = ""
    patent: bool | None = None
    basis: str = ""
    deprecated: bool = False


@lru_cache(maxsize=8192)
def look_up(identifier: str, permissive_by: PermissiveBy = "scancode") -> License | None:
    """What the table says of an SPDX identifier or a `LicenseRef-`, or None for one that it does not know.

    `permissive_by` says when a licence counts as permissive: where the Blue Oak list names it, where ScanCode's
    category is Permissive or Public Domain, where both hold, or where either does. A licence that ScanCode calls
    permissive and the chosen side does not is of category `unknown`; nobody said what else it would be.
    """
    row = _index().get(identifier)
    tier = _blue_oak().get(identifier, "")
    reviewed = _reviewed().get(identifier, {})
    if row is None and not tier and not reviewed:
        return None
    scancode = row["category"] if row else ""
    category = _CATEGORY_OF.get(scancode, "unknown")
    sides = {"blueoak": bool(tier), "scancode": category == "permissive"}
    sides |= {"both": all(sides.values()), "either": any(sides.values())}
    if permissive := sides[permissive_by]:
        category = "permissive"
    elif category == "permissive":
        category = "unknown"
    return License(
        id=identifier,
        category=category,
        permissive=permissive,
        attribution=reviewed.get("attribution", "required"),
        scancode=scancode,
        blue_oak=tier,
        copyleft=reviewed.get("copyleft", ""),
        patent=reviewed.get("patent"),
        basis=reviewed.get("basis", ""),
        deprecated=row is not None and identifier != row["spdx_license_key"],
    )


def current(identifier: str) -> str:
    """The identifier that SPDX uses today for `identifier`, whatever its case; empty for an unknown one."""
    row = _index().get(identifier) or _folded().get(identifier.casefold())
    return row["spdx_license_key"] if row else ""


def known_ids() -> list[str]:
    """All identifiers of today, sorted."""
    return sorted(name for name, row in _index().items() if name == row["spdx_license_key"])


@lru_cache(maxsize=8192)
def category_of(expression: str, permissive_by: PermissiveBy = "scancode") -> Category:
    """The category of a canonical expression: of the worst operand for AND, of the best for OR, since a choice is
    the licensee's, and of the milder one for `X WITH exception`, since an exception only permits more."""
    return CATEGORIES[_severity(parse(expression), permissive_by)]


def permissive(expression: str, permissive_by: PermissiveBy = "scancode") -> bool:
    """Whether an expression can be met under permissive terms alone."""
    return category_of(expression, permissive_by) == "permissive"


def ask_attribution(expressions: Iterable[str]) -> bool:
    """Whether any licence that the expressions name asks for attribution in source form.

    A choice (`MIT OR CC0-1.0`) counts as asking as soon as one branch does: nobody chose yet.
    """
    return any(not licenses_of(expression) <= _without_attribution() for expression in expressions)


def _severity(node: Any, permissive_by: PermissiveBy) -> int:
    if exception := getattr(node, "exception_symbol", None):
        known = _index().get(exception.key)
        main = _severity(node.license_symbol, permissive_by)
        return min(main, _rank(_CATEGORY_OF.get(known["category"], "unknown"))) if known else main
    if key := getattr(node, "key", None):
        found = look_up(key, permissive_by)
        return _rank(found.category if found else "unknown")
    parts = [_severity(part, permissive_by) for part in node.args]
    return min(parts) if node.operator.strip() == "OR" else max(parts)


def _rank(category: Category) -> int:
    return CATEGORIES.index(category)


@cache
def _index() -> dict[str, dict[str, Any]]:
    """Rows of ScanCode's index by SPDX identifier, those of today before those of yesterday."""
    rows = [row for row in get_license_index() if row.get("spdx_license_key")]
    found = {name: row for row in rows for name in row["other_spdx_license_keys"]}
    return found | {row["spdx_license_key"]: row for row in rows if not row["is_deprecated"]}


@cache
def _folded() -> dict[str, dict[str, Any]]:
    return {name.casefold(): row for name, row in _index().items()}


@cache
def _blue_oak() -> dict[str, str]:
    tiers = json.loads((DATA / "blueoak.json").read_text(encoding="utf-8"))
    return {entry["id"]: tier["name"] for tier in tiers for entry in tier["licenses"]}


@cache
def _reviewed() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.load(
        (DATA / "attribution.yaml").read_text(encoding="utf-8"), LOADER
    )["licenses"]
    return loaded


@cache
def _without_attribution() -> frozenset[str]:
    return frozenset(i for i, entry in _reviewed().items() if entry["attribution"] == "none")
