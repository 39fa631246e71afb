"""Formulas of derived facts: + - * / and parentheses over named terms, checked for units and recomputed."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass

from bigcode.api.diagnostics import Diagnostic
from bigcode.api.facts import Fact
from bigcode.api.units import Unit, convertible, divide, multiply, parse_unit

_RELATIVE = 1e-9


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in the base units of `unit`."""

    base: float
    unit: Unit


class FormulaError(ValueError):
    """A formula that cannot be read, or whose units do not fit."""


def evaluate(formula: str, terms: Mapping[str, Quantity]) -> Quantity:
    """The value of a formula.

    Raises:
        FormulaError: for anything but the four operations, for an unknown term, a division by zero, or a sum of
            unlike units.
    """
    # A formula may come from somebody else's bundle: whatever the parser makes of it is an answer.
    try:
        return _value(ast.parse(formula, mode="eval").body, terms)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise FormulaError("the formula cannot be read") from error
    except OverflowError as error:
        raise FormulaError("a value is out of range") from error


def _value(node: ast.expr, terms: Mapping[str, Quantity]) -> Quantity:
    if isinstance(node, ast.Name):
        if node.id not in terms:
            raise FormulaError(f"`{node.id}` names no term")
        return terms[node.id]
    if isinstance(node, ast.Constant) and node.value == 0:
        return Quantity(0.0, Unit((), 1.0))
    if isinstance(node, ast.BinOp):
        return _operate(node.op, _value(node.left, terms), _value(node.right, terms))
    raise FormulaError("only terms, + - * / and parentheses are read")


def _operate(op: ast.operator, a: Quantity, b: Quantity) -> Quantity:
    if isinstance(op, ast.Add | ast.Sub):
        if not convertible(a.unit, b.unit):
            raise FormulaError("a sum of unlike units")
        return Quantity(a.base + b.base if isinstance(op, ast.Add) else a.base - b.base, a.unit)
    if isinstance(op, ast.Mult):
        return Quantity(a.base * b.base, multiply(a.unit, b.unit))
    if isinstance(op, ast.Div):
        if not b.base:
            raise FormulaError("a division by zero")
        return Quantity(a.base / b.base, divide(a.unit, b.unit))
    raise FormulaError("only terms, + - * / and parentheses are read")


def recompute(fact: Fact, facts: Mapping[str, Fact]) -> list[Diagnostic]:
    """Findings on a derived fact: E613 unknown term, E603 units, E602 value."""
    terms: dict[str, Quantity] = {}
    for letter, fact_id in fact.terms:
        source = facts.get(fact_id)
        if source is None:
            return [Diagnostic("E613", f"{fact.id} reads {fact_id}, which nothing records")]
        if not isinstance(source.value, int | float) or isinstance(source.value, bool):
            return [Diagnostic("E602", f"{fact.id} reads {fact_id}, which has no number")]
        try:
            unit = parse_unit(source.unit)
            terms[letter] = Quantity(source.value * unit.scale, unit)
        except (ValueError, OverflowError) as error:
            return [Diagnostic("E603", f"{fact.id} reads {fact_id}: {error}")]
    try:
        result, wanted = evaluate(fact.formula, terms), parse_unit(fact.unit)
    except ValueError as error:
        return [Diagnostic("E603", f"{fact.id}: {error}")]
    if terms and not convertible(result.unit, wanted):
        return [Diagnostic("E603", f"{fact.id}: the formula does not give {fact.unit}")]
    value = result.base / wanted.scale
    if not isinstance(fact.value, int | float) or not _close(value, fact.value, fact.tolerance):
        return [Diagnostic("E602", f"{fact.id} is recorded as {fact.value} and recomputes to {value:.6g}")]
    return []


def _close(a: float, b: float, tolerance: float) -> bool:
    try:
        return math.isclose(a, b, rel_tol=max(tolerance, _RELATIVE), abs_tol=1e-12)
    except (OverflowError, ValueError):
        return False
