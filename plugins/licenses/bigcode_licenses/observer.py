"""`licenses.text`: what a file states about licences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from bigcode_licenses.expressions import RESERVED, UNKNOWN
from bigcode_licenses.filenames import Kind, is_sidecar, kind_of
from bigcode_licenses.header import read_header, read_tags
from bigcode_licenses.metadata import read_metadata
from bigcode_licenses.statements import EXACT, NAMED, Statement, find_statement
from bigcode_licenses.table import ask_attribution
from bigcode_licenses.text import LONGEST, SHORT_TEXT, recognise, whole

if TYPE_CHECKING:
    from bigcode.api import Context
    from bigcode_licenses.config import LicenseConfig

FEW_WORDS = 20
"""Fewer words than this hold no terms: the shortest licences have about twenty."""
RESERVED_WORDS = re.compile(r"all rights reserved|proprietary|confidential|unlicensed", re.IGNORECASE)
POINTER = re.compile(r"\b(?:licen[cs]es?|copying)[-_./]\w", re.IGNORECASE)


class Finding(NamedTuple):
    """`role` says what kind of statement it is: `text`, `header`, `metadata`, or nothing."""

    statements: tuple[Statement, ...] = ()
    role: str = ""


class LicenseText:
    def __init__(self, config: LicenseConfig) -> None:
        self.config = config

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Columns blob, name (string) and content (binary) in; blob, name and the four columns of the component
        out, a row for each row. Ids are sorted, each has its score at the same place."""
        names, contents = table.column("name").to_pylist(), table.column("content").to_pylist()
        findings = [self.read(name, content) for name, content in zip(names, contents, strict=True)]
        ids = [[statement.id for statement in finding.statements] for finding in findings]
        scores = [[statement.score for statement in finding.statements] for finding in findings]
        return pa.table(
            {
                "blob": table.column("blob"),
                "name": table.column("name"),
                "license_ids": pa.array(ids, pa.list_(pa.string())),
                "license_scores": pa.array(scores, pa.list_(pa.float64())),
                "license_role": pa.array([finding.role for finding in findings], pa.string()),
                "license_attribution": pa.array([ask_attribution(row) for row in ids], pa.bool_()),
            }
        )

    def read(self, name: str, content: bytes) -> Finding:
        # A program may be named after what it does with licences.
        kind = Kind.SOURCE if content.startswith(b"#!") else kind_of(name)
        if kind is Kind.SOURCE:
            statements, role = read_header(name, content, self.config.header_lines), "header"
        elif kind in (Kind.TEXT, Kind.MAYBE_TEXT):
            return self._read_text(name, content, sure=kind is Kind.TEXT)
        else:
            coverage = self.config.coverage
            statements = read_metadata(kind, content, lambda text: whole(recognise(text), coverage))
            role = "metadata"
        return Finding(statements, role) if statements else Finding()

    def _read_text(self, name: str, content: bytes, sure: bool) -> Finding:
        role = "header" if is_sidecar(name) else "text"
        text = content[: 4 * LONGEST].decode("utf-8", "replace")
        found = recognise(text)
        if found.scores and found.coverage >= self.config.coverage:
            scores = {**found.scores, UNKNOWN: EXACT} if found.restricted else found.scores
            return Finding(tuple(Statement(*item) for item in sorted(scores.items())), role)
        if found.words < SHORT_TEXT:
            stated = read_tags(text.splitlines()) or read_header(name, content, self.config.header_lines)
            if stated:
                return Finding(stated, role)
            if statement := find_statement(text):
                return Finding((statement,), role)
            if POINTER.search(text):
                return Finding()
            if found.words < FEW_WORDS:
                return (
                    Finding((Statement(RESERVED, NAMED),), role)
                    if sure and RESERVED_WORDS.search(text)
                    else Finding()
                )
        return Finding((Statement(UNKNOWN, EXACT),), role) if sure else Finding()
