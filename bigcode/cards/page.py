"""From the Markdown of a card, marks and all, to the body of its page, with anchors and a table of contents."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bigcode.cards.marks import MARK, Marks, split_header

_LONE = re.compile(r"<p>([\U000f0000-\U0010ffff])</p>")


@dataclass(frozen=True, slots=True)
class Heading:
    """A line of the table of contents; `text` is HTML that may hold marks."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Body:
    html: str
    contents: tuple[Heading, ...]


def make_body(markdown: str, marks: Marks) -> Body:
    """Lay out Markdown (CommonMark with tables; raw HTML is shown as text) whose values are still marks.

    Headings of the second and third level enter the contents. The YAML header is left out, since it is for machines.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.validateLink = _is_safe_link  # type: ignore[method-assign]
    tokens = reader.parse(split_header(markdown)[1])
    contents = _anchor_headings(tokens, reader)
    _mark_tables(tokens)
    laid = reader.renderer.render(tokens, reader.options, {})
    laid = laid.replace("<table", '<div class="scroll"><table').replace("</table>", "</table></div>")
    return Body(_LONE.sub(lambda match: match[1] if marks.get(match[1]).block else match[0], laid), contents)


def _anchor_headings(tokens: list[Token], reader: MarkdownIt) -> tuple[Heading, ...]:
    contents: list[Heading] = []
    seen: dict[str, int] = {}
    for token, inner in pairwise(tokens):
        if token.type != "heading_open":
            continue
        plain = MARK.sub("", inner.content).lower()
        anchor = re.sub(r"[^\w]+", "-", plain).strip("-") or "part"
        seen[anchor] = seen.get(anchor, 0) + 1
        if seen[anchor] > 1:
            anchor = f"{anchor}-{seen[anchor]}"
        token.attrSet("id", anchor)
        level = int(token.tag[1])
        if level in (2, 3):
            text = reader.renderer.render(inner.children or [], reader.options, {}) if inner.children else ""
            contents.append(Heading(level, html.escape(anchor), text))
    return tuple(contents)


def _mark_tables(tokens: list[Token]) -> None:
    """Tables of two columns are lists of facts; the style sets their first column apart."""
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            closing = next(n for n, later in enumerate(tokens[index:], index) if later.type == "tr_close")
            columns = sum(1 for later in tokens[index:closing] if later.type == "th_open")
            token.attrSet("class", "pairs" if columns == 2 else "grid")


def _is_safe_link(url: str) -> bool:
    """Links lead to the web or within the page; a value cannot be part of an address."""
    return not MARK.search(url) and bool(re.match(r"^(https?:|mailto:|#|[^:]*$)", url, re.IGNORECASE))
