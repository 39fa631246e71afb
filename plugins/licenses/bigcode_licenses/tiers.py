"""`licenses.tiers`: what a file states about licences, on what evidence, and who holds the copyright."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api import fail
from bigcode_licenses import scancode
from bigcode_licenses.classify import SURE, Classifier, Evidence, Opinion, of_matches
from bigcode_licenses.copyrights import copyright_lines
from bigcode_licenses.expressions import RESERVED, UNKNOWN
from bigcode_licenses.filenames import Kind, is_sidecar, kind_of
from bigcode_licenses.header import LINE_BYTES, WORDS, leading_comments, read_notice, read_tags
from bigcode_licenses.metadata import read_metadata
from bigcode_licenses.observer import FEW_WORDS, POINTER, RESERVED_WORDS
from bigcode_licenses.statements import EXACT, NAMED, Statement, find_statement
from bigcode_licenses.table import ask_attribution, category_of
from bigcode_licenses.text import LONGEST, SHORT_TEXT, normalise, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bigcode.api import Context
    from bigcode_licenses.config import TiersConfig

_TELLING = tuple(word.decode() for word in WORDS)
_GATE = "|".join([*_TELLING, "copyright", r"\(c\)", r"\xc2\xa9"])
"""A head without any of these says nothing: RE2 on bytes, so that most source files cost no Python at all."""
_DOCUMENT = re.compile(
    r"(?:(?:un)?licen[cs]es?|copying|eula)(?:[-_. ].*)?\.(?:pdf|rtf|docx?|odt|pages|gz|zip)", re.IGNORECASE
)
_MAGIC = (b"%PDF", b"{\\rtf", b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0")
_GRANT = re.compile(
    r"permission (?:is|to)\b|redistribution (?:and|in|of|or)\b|redistributed\b|licen[cs]ed (?:under|to|for|for use)\b"
    r"|subject to the (?:following|terms)|\byou (?:may|must|agree|shall)\b|terms and conditions"
    r"|all rights (?:are )?reserved"
)
"""In a normalised text: somebody gives or keeps a right."""
_MENTION = re.compile(
    r"\b(?:see|in) (?:the )?\S+ file\b|licen[cs]es? (?:file|information|terms? (?:in|at|found)|that can be found)"
    r"|(?:see|in|file|found|read|accompanying|included|provided|top-?level)\W+(?:\S+\s){0,4}(?:licen[cs]e|copying|notice)"
)
"""In a normalised text: it speaks of terms that stand elsewhere."""
_MOST_EVIDENCE = 64
_EVIDENCE = pa.list_(
    pa.struct(
        [
            ("id", pa.string()),
            ("score", pa.float64()),
            ("detector", pa.string()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("text", pa.string()),
        ]
    )
)


class Finding(NamedTuple):
    """What one file says. `role` is `text`, `header`, `metadata` or empty; a licence file that nobody can read has
    its role and no statement."""

    statements: tuple[Statement, ...] = ()
    role: str = ""
    evidence: tuple[Evidence, ...] = ()
    unclear: bool = False
    copyright: tuple[str, ...] = ()


_NOTHING = Finding()


class LicenseTiers:
    """Raises:
    Problem: E303 when the settings ask for ScanCode and it is not installed.
    """

    def __init__(self, config: TiersConfig) -> None:
        if config.tier2 == "scancode" and not scancode.is_installed():
            raise fail(
                "E303",
                "`licenses.tiers` asks for ScanCode, which is not installed",
                hint="Install the extra `scancode`, or write `tier2: none` and review the change.",
            )
        self.config = config
        self.classifier = Classifier(config)

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """Columns blob, name (string) and content (binary) in; blob, name and the columns of the component out, a
        row for each row, in their order."""
        names, content = table.column("name"), table.column("content")
        # A gate over the column: only rows that pass it are looked at one by one.
        head = pc.binary_slice(content, 0, self.config.header_lines * LINE_BYTES)
        gated = pc.match_substring_regex(head, _GATE, ignore_case=True).to_numpy(zero_copy_only=False)
        encoded = names.combine_chunks().dictionary_encode()
        kinds = [_kind(name) for name in encoded.dictionary.to_pylist()]
        codes = encoded.indices.to_pylist()
        findings = [_NOTHING] * len(codes)
        for row, code in enumerate(codes):
            if kinds[code] is not Kind.SOURCE:
                findings[row] = self.read(names[row].as_py(), content[row].as_py(), ctx)
            elif gated[row]:
                findings[row] = self._read_source(names[row].as_py(), head[row].as_py(), ctx)
        return pa.table({"blob": table.column("blob"), "name": names, **self._columns(findings)})

    def _columns(self, findings: Sequence[Finding]) -> dict[str, pa.Array]:
        ids = [[statement.id for statement in finding.statements] for finding in findings]
        scores = [[statement.score for statement in finding.statements] for finding in findings]
        categories = [[category_of(i, self.config.permissive_by) for i in row] for row in ids]
        evidence = [[e._asdict() for e in finding.evidence[:_MOST_EVIDENCE]] for finding in findings]
        return {
            "license_ids": pa.array(ids, pa.list_(pa.string())),
            "license_scores": pa.array(scores, pa.list_(pa.float64())),
            "license_role": pa.array([finding.role for finding in findings], pa.string()),
            "license_attribution": pa.array([ask_attribution(row) for row in ids], pa.bool_()),
            "license_categories": pa.array(categories, pa.list_(pa.string())),
            "license_evidence": pa.array(evidence, _EVIDENCE),
            "license_unclear": pa.array([finding.unclear for finding in findings], pa.bool_()),
            "copyright": pa.array([list(finding.copyright) for finding in findings], pa.list_(pa.string())),
        }

    def read(self, name: str, content: bytes, ctx: Context) -> Finding:
        # A program may be named after what it does with licences.
        kind = Kind.SOURCE if content.startswith(b"#!") else _kind(name)
        if kind in (Kind.TEXT, Kind.MAYBE_TEXT):
            if _is_binary(content):
                return Finding((), "text", (), True) if kind is Kind.TEXT else _NOTHING
            return self._read_text(name, content, ctx, sure=kind is Kind.TEXT)
        if kind is Kind.SOURCE:
            return self._read_source(name, content[: self.config.header_lines * LINE_BYTES], ctx)
        statements = read_metadata(kind, content, lambda field: self._read_field(field, ctx))
        if not statements:
            return _NOTHING
        return Finding(statements, "metadata", _by_name(statements, "metadata"), _low(statements))

    def _read_field(self, field: str, ctx: Context) -> tuple[Statement, ...]:
        found, _ = self.classifier.recognise(normalise(field[:LONGEST]), ctx)
        return whole(found, self.config.coverage)

    def _read_source(self, name: str, head: bytes, ctx: Context) -> Finding:
        comments = leading_comments(name, head.decode("utf-8", "replace"), self.config.header_lines)
        holders = tuple(copyright_lines(comments))
        opinion = self._read_comments(comments, ctx)
        role = "header" if opinion.statements else ""
        return Finding(opinion.statements, role, opinion.evidence, opinion.unclear, holders)

    def _read_comments(self, comments: Sequence[str], ctx: Context) -> Opinion:
        """An SPDX line stands alone; else known texts and headers, else a phrase, else what ScanCode sees."""
        if tags := read_tags(comments):
            return Opinion(tags, _by_name(tags, "spdx-line"), _low(tags))
        notice = _notice(comments)
        if not notice:
            return Opinion()
        text = normalise("\n".join(comments))
        first, matches = self.classifier.recognise(text, ctx)
        stated = read_notice("\n".join(comments), first)
        if stated:
            ids = {statement.id for statement in stated}
            named = _by_name((s for s in stated if s.id not in first.scores), "phrase")
            evidence = of_matches(text, [m for m in matches if m.id in ids], first)
            mixed = len({category_of(i, self.config.permissive_by) for i in ids}) > 1
            return Opinion(stated, (*named, *evidence), mixed or _low(stated))
        said = normalise(notice)
        likely = bool(_GRANT.search(said)) and not _MENTION.search(said)
        opinion = self.classifier.read_notice(said, ctx, likely)
        return opinion if opinion.statements else Opinion(unclear=likely)

    def _read_text(self, name: str, content: bytes, ctx: Context, sure: bool) -> Finding:
        role = "header" if is_sidecar(name) else "text"
        raw = content[: 4 * LONGEST].decode("utf-8", "replace")
        holders = tuple(copyright_lines(raw.splitlines()))
        text = normalise(raw[:LONGEST])
        opinion = self.classifier.read_text(text, ctx)
        if opinion is None:
            opinion = self._read_other(name, raw, text, ctx, sure)
        elif len(content) > LONGEST:
            # What lies beyond was not read.
            opinion = opinion._replace(unclear=opinion.unclear or len(raw) > LONGEST)
        stated = bool(opinion.statements) or (opinion.unclear and sure)
        return Finding(opinion.statements, role if stated else "", opinion.evidence, opinion.unclear, holders)

    def _read_other(self, name: str, raw: str, text: str, ctx: Context, sure: bool) -> Opinion:
        """A licence file that consists of no known text: a sentence, a pointer, or terms that nobody knows."""
        words = len(text.split())
        if words < SHORT_TEXT:
            if tags := read_tags(raw.splitlines()):
                return Opinion(tags, _by_name(tags, "spdx-line"), _low(tags))
            comments = leading_comments(name, raw, self.config.header_lines)
            if (opinion := self._read_comments(comments, ctx)).statements:
                return opinion
            if statement := find_statement(raw):
                return Opinion((statement,), _by_name((statement,), "phrase"), _low((statement,)))
            opinion = self.classifier.read_notice(text, ctx, likely=sure)
            if opinion.statements:
                return opinion
            if POINTER.search(raw):
                return Opinion()
            if words < FEW_WORDS:
                reserved = (Statement(RESERVED, NAMED),) if sure and RESERVED_WORDS.search(raw) else ()
                return Opinion(reserved, _by_name(reserved, "phrase"))
        if sure:
            return Opinion((Statement(UNKNOWN, EXACT),), unclear=True)
        return Opinion(unclear=bool(_GRANT.search(text)))


def _kind(name: str) -> Kind:
    return Kind.TEXT if _DOCUMENT.fullmatch(name) else kind_of(name)


def _is_binary(content: bytes) -> bool:
    return content.startswith(_MAGIC) or b"\0" in content[:8192]


def _notice(comments: Sequence[str]) -> str:
    """The part of the comments that may be a notice: from the paragraph of the first telling word to that of the
    last. What else a comment says would make each file's text a new one."""
    # Lower case may be longer, but has the same lines.
    low = "\n".join(comments).lower()
    places = [place for word in _TELLING if (place := low.find(word)) >= 0]
    if not places:
        return ""
    first = low.count("\n", 0, min(places))
    last = low.count("\n", 0, max(low.rfind(word) for word in _TELLING))
    while first > 0 and comments[first - 1].strip():
        first -= 1
    while last + 1 < len(comments) and comments[last + 1].strip():
        last += 1
    return "\n".join(comments[first : last + 1])


def _by_name(statements: Iterable[Statement], detector: str) -> tuple[Evidence, ...]:
    return tuple(Evidence(s.id, s.score, detector) for s in statements)


def _low(statements: Sequence[Statement]) -> bool:
    return any(statement.score < SURE for statement in statements)
