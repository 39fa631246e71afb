"""Licences that package metadata declares."""

from __future__ import annotations

import configparser
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from packaging.metadata import parse_email

from bigcode_licenses.expressions import licenses_of
from bigcode_licenses.filenames import Kind
from bigcode_licenses.statements import Statement, merge, read_name

Whole = Callable[[str], tuple[Statement, ...]]
"""What a text states that consists of licences; nothing for another text."""

_LONGEST_NAME = 200


def read_metadata(kind: Kind, content: bytes, whole: Whole) -> tuple[Statement, ...]:
    """What a metadata file declares; nothing for a file that does not parse or declares nothing known.

    `whole` reads a licence field that holds a whole text.
    """
    try:
        return _READERS[kind](content, whole)
    except (ValueError, RecursionError, configparser.Error):
        return ()


def _package(content: bytes, whole: Whole) -> tuple[Statement, ...]:
    if b"Metadata-Version:" not in content[:4096]:
        return ()
    raw, _ = parse_email(content)
    return _declared(raw.get("license_expression"), raw.get("license"), raw.get("classifiers", ()), whole)


def _pyproject(content: bytes, whole: Whole) -> tuple[Statement, ...]:
    data = tomllib.loads(content.decode())
    project = _table(data.get("project"))
    poetry = _table(_table(data.get("tool")).get("poetry"))
    stated = project.get("license", poetry.get("license"))
    field = stated.get("text") if isinstance(stated, dict) else stated
    classifiers = (*_texts(project.get("classifiers")), *_texts(poetry.get("classifiers")))
    return _declared(None, field, classifiers, whole)


def _setup_cfg(content: bytes, whole: Whole) -> tuple[Statement, ...]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(content.decode())
    if not parser.has_section("metadata"):
        return ()
    section = parser["metadata"]
    classifiers = section.get("classifiers", section.get("classifier", "")).splitlines()
    return _declared(None, section.get("license"), classifiers, whole)


def _cargo(content: bytes, whole: Whole) -> tuple[Statement, ...]:
    field = _table(tomllib.loads(content.decode()).get("package")).get("license")
    # An old way to write a choice.
    return _declared(None, field.replace("/", " OR ") if isinstance(field, str) else None, (), whole)


def _json(content: bytes, whole: Whole) -> tuple[Statement, ...]:
    data = _table(json.loads(content))
    stated = data.get("license") or data.get("licenses") or ()
    # A list of licences is a choice among them.
    items = stated if isinstance(stated, list) else [stated]
    names = [item.get("type") if isinstance(item, dict) else item for item in items]
    statements = [_field(name, whole) for name in names if isinstance(name, str)]
    if len(statements) < 2:
        return merge(statements[0] if statements else ())
    if any(len(part) != 1 for part in statements):
        return ()
    parts = [part[0] for part in statements]
    joined = read_name(" OR ".join(f"({part.id})" for part in parts))
    return (Statement(joined.id, min(part.score for part in parts)),) if joined else ()


_READERS = {
    Kind.PACKAGE: _package,
    Kind.PYPROJECT: _pyproject,
    Kind.SETUP_CFG: _setup_cfg,
    Kind.CARGO: _cargo,
    Kind.JSON: _json,
}


def _declared(expression: Any, field: Any, classifiers: Iterable[str], whole: Whole) -> tuple[Statement, ...]:
    """An expression stands alone; a field and classifiers add up, since either may be the one that was kept up."""
    if isinstance(expression, str) and (statement := read_name(expression)):
        return (statement,)
    stated = _field(field, whole) if isinstance(field, str) else ()
    # Classifiers cannot say "and" or "or": beside an expression they list its parts once more.
    ids = {statement.id for statement in stated}
    named = frozenset[str]().union(*map(licenses_of, ids))
    listed = [read_name(c) for c in classifiers if c.strip().startswith("License ::")]
    return merge([*stated, *(s for s in listed if s and (s.id in ids or not licenses_of(s.id) <= named))])


def _field(field: str, whole: Whole) -> tuple[Statement, ...]:
    if len(field) <= _LONGEST_NAME and (statement := read_name(field)):
        return (statement,)
    return whole(field)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
