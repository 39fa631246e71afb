"""Questions about the syntax trees of Python programs that may be cut off."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator


def parse(prompt: str, completion: str) -> ast.Module | None:
    """The tree of the prompt and as many lines of the completion as make a program."""
    lines = completion.split("\n")
    for count in range(len(lines), 0, -1):
        text = prompt + "\n".join(lines[:count])
        for ending in ("", ")", '")', "]", "})", '"', "')", "'"):
            if count > 1 and ending:
                break
            tree = _read(text + ending)
            if tree is not None:
                return tree
    return None


def _read(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def called(node: ast.AST) -> tuple[str, str]:
    """What a call is of: the dotted name before the last dot, and the last part of it."""
    if not isinstance(node, ast.Call):
        return "", ""
    parts: list[str] = []
    target: ast.expr = node.func
    while isinstance(target, ast.Attribute):
        parts.append(target.attr)
        target = target.value
    if isinstance(target, ast.Name):
        parts.append(target.id)
    elif not parts:
        return "", ""
    parts.reverse()
    return ".".join(parts[:-1]), parts[-1]


def keyword(node: ast.AST, name: str) -> ast.expr | None:
    for given in getattr(node, "keywords", ()):
        if given.arg == name:
            value: ast.expr = given.value
            return value
    return None


def is_one_of(node: ast.expr | None, *values: object) -> bool:
    return isinstance(node, ast.Constant) and any(
        node.value is value or node.value == value for value in values
    )


def put_together(node: ast.expr | None) -> bool:
    """Text that is made of pieces: a format string with a value in it, +, % or .format."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Mod) and any(strings(node))
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"


def strings(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def argument(node: ast.AST) -> ast.expr | None:
    return node.args[0] if isinstance(node, ast.Call) and node.args else None
