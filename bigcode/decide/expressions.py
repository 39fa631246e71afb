"""SPDX licence expressions against an allow list."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(r"\s*(\(|\)|[A-Za-z0-9.+:-]+)")
_RESERVED = ("(", ")", "AND", "OR", "WITH")


def satisfied(expression: str, allowed: Callable[[str], bool]) -> bool:
    """Whether an expression is admitted: OR needs one admitted operand, AND needs all of them.

    `X WITH Y` is looked up as a whole; an exception only adds permission, so an admitted X is enough.
    An expression that cannot be read is not admitted.
    """
    if _TOKEN.sub("", expression).strip():
        return False
    try:
        value, rest = _or(_TOKEN.findall(expression), allowed)
    except (IndexError, ValueError, RecursionError):
        return False
    return value and not rest


def operands(expression: str) -> list[str]:
    """The licence identifiers of an expression, in order, without exceptions."""
    out, skip = [], False
    for token in _TOKEN.findall(expression):
        if token.upper() == "WITH":
            skip = True
        elif token.upper() not in _RESERVED:
            if not skip:
                out.append(token)
            skip = False
    return out


def stem(identifier: str) -> str:
    """An identifier without what a licence text cannot tell: `-only` from `-or-later`."""
    return identifier.removesuffix("-only").removesuffix("-or-later").removesuffix("+")


def _or(tokens: list[str], allowed: Callable[[str], bool]) -> tuple[bool, list[str]]:
    value, rest = _and(tokens, allowed)
    while rest and rest[0].upper() == "OR":
        other, rest = _and(rest[1:], allowed)
        value = value or other
    return value, rest


def _and(tokens: list[str], allowed: Callable[[str], bool]) -> tuple[bool, list[str]]:
    value, rest = _operand(tokens, allowed)
    while rest and rest[0].upper() == "AND":
        other, rest = _operand(rest[1:], allowed)
        value = value and other
    return value, rest


def _operand(tokens: list[str], allowed: Callable[[str], bool]) -> tuple[bool, list[str]]:
    head, rest = tokens[0], tokens[1:]
    if head == "(":
        value, rest = _or(rest, allowed)
        if rest[0] != ")":
            raise ValueError("unbalanced")
        return value, rest[1:]
    if head.upper() in _RESERVED:
        raise ValueError("operand expected")
    if rest and rest[0].upper() == "WITH":
        if rest[1].upper() in _RESERVED:
            raise ValueError("exception expected")
        return allowed(f"{head} WITH {rest[1]}") or allowed(head), rest[2:]
    return allowed(head), rest
