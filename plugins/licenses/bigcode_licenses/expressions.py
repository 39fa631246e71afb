"""SPDX expressions in one canonical form, and what they ask for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml
from license_expression import ExpressionError, Licensing, get_spdx_licensing
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

UNKNOWN = "LicenseRef-scancode-unknown"
"""A licence text that is none of the known ones."""
RESERVED = "LicenseRef-scancode-proprietary-license"
"""No licence is given."""
UNKNOWN_TAG = "LicenseRef-scancode-unknown-spdx"
"""A well-formed SPDX line whose identifier is none."""

_LONGEST = 1000


@cache
def _licensing() -> Licensing:
    return get_spdx_licensing()


@lru_cache(maxsize=4096)
def canonical(expression: str) -> str | None:
    """An SPDX expression with today's identifiers and its operands sorted, or None if it is not one.

    `GPL-2.0+` becomes `GPL-2.0-or-later`, `mit or apache-2.0` becomes `Apache-2.0 OR MIT`. Identifiers that start
    with `LicenseRef-` are taken as they are.
    """
    if len(expression) > _LONGEST:
        return None
    try:
        valid = str(canonicalize_license_expression(expression))
    except InvalidLicenseExpression:
        return None
    try:
        return str(_licensing().parse(valid).simplify().render())
    except ExpressionError:
        # The library takes the licence MPL-2.0-no-copyleft-exception for an exception.
        return valid


def from_classifier(identifier: str) -> str:
    """The canonical form of a classifier's answer; licences outside SPDX become a `LicenseRef-`."""
    return canonical(identifier) or f"LicenseRef-{identifier}"


@lru_cache(maxsize=4096)
def licenses_of(expression: str) -> frozenset[str]:
    """The licences that a canonical expression names, without exceptions."""
    parsed: Any = _licensing().parse(expression, validate=False)
    symbols = _licensing().license_symbols(parsed, unique=True, decompose=True)
    return frozenset(symbol.key for symbol in symbols if not symbol.is_exception)


def ask_attribution(expressions: Iterable[str]) -> bool:
    """Whether any licence that the expressions name asks for attribution.

    A choice (`MIT OR CC0-1.0`) counts as asking as soon as one branch does: nobody chose yet.
    """
    return any(not licenses_of(expression) <= _without_attribution() for expression in expressions)


@cache
def _without_attribution() -> frozenset[str]:
    table = yaml.safe_load(Path(__file__).with_name("attribution.yaml").read_text(encoding="utf-8"))
    return frozenset(table["without_attribution"])
