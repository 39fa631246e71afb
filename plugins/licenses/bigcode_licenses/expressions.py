"""SPDX expressions in one canonical form, and what they ask for."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

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


def parse(expression: str) -> Any:
    """The syntax tree of a canonical expression, made of the library's nodes."""
    return _licensing().parse(expression, validate=False)


@lru_cache(maxsize=4096)
def licenses_of(expression: str) -> frozenset[str]:
    """The licences that a canonical expression names, without exceptions."""
    symbols = _licensing().license_symbols(parse(expression), unique=True, decompose=True)
    return frozenset(symbol.key for symbol in symbols if not symbol.is_exception)
