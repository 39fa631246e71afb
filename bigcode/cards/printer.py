"""Turns entries into marks: how a fact, a name, a verbatim text or a note looks in Markdown, YAML and HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from bigcode.api import Diagnostic, Fact, Place, fail
from bigcode.cards.format import WITHHELD, format_fact, format_plain, tidy
from bigcode.cards.marks import Mark, Marks, Piece, attributes, escape_markdown, scalar
from bigcode.cards.provenance import describe
from bigcode.cards.spans import Entry, World, amount, has_digit, split_member, text_of

_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_NOTED = {"declared": "†", "estimated": "‡"}
_COMPUTED = {"share": "a share", "count": "a count of members", "rest": "a sum of members"}


class Printer:
    """Makes the marks of one card and remembers which notes and facts they call for."""

    def __init__(self, world: World, marks: Marks, place: str) -> None:
        self.world = world
        self.marks = marks
        self.place = place
        self.problems: list[Diagnostic] = []
        self.noted: dict[tuple[str, str], str] = {}
        self._shared: dict[str, str] = {}
        self.printed: dict[str, None] = {}

    def report(self, message: str, hint: str = "") -> None:
        self.problems.append(Diagnostic("E609", message, Place(self.place), hint))

    def fact(self, fact_id: str, layout: Mapping[str, Any]) -> str:
        """A fact's value; a declared or estimated one with a mark that leads to its note, and beside a measured one
        the declared value where the two differ."""
        fact = self.world.facts.get(fact_id)
        shown = self._value(fact_id, fact, layout, "")
        if layout.get("plain"):
            return shown
        declared = self.world.declared.get(fact_id)
        if declared is None or (
            fact is not None and fact.value == declared.value and fact.unit == declared.unit
        ):
            return shown
        return (
            f"{shown} (declared: {self._value(fact_id, declared, {**layout, 'as': 'declared'}, 'declared')})"
        )

    def computed(self, fact_id: str, layout: Mapping[str, Any]) -> str:
        """Something worked out from facts while printing: a share, a count of members, a sum of members."""
        entry = {"fact": fact_id, "format": dict(layout)}
        text = text_of(entry, self.world)
        of = f" of {layout['of']}" if "of" in layout else ""
        title = f"derived: {_COMPUTED.get(layout['as'], 'worked out')}{of} from {fact_id}"
        return self._wrapped(
            text, entry, {"class": "fact derived number", "data-fact": fact_id, "title": title}
        )

    def entry(self, entry: Entry, *, code: bool = False) -> str:
        """A name, a setting or a part of a fact, as words; `code` sets it in the type of code."""
        text = text_of(entry, self.world)
        if "name" in entry and "format" not in entry and not self.world.knows(text):
            self.report(f"`{text}` is no name of a resource or of the glossary", "print a number with fact()")
        return self._words(text, entry, code=code)

    def words(self, text: str) -> str:
        """Words that no entry stands behind; the check of the finished card refuses digits among them."""
        plain = tidy(text)
        pieces = (Piece(escape_markdown(plain), None, plain),), (Piece(html.escape(plain)),)
        return self.marks.add(Mark(*pieces))

    def setting(self, pointer: str, layout: Mapping[str, Any]) -> str:
        entry = {"name": pointer, "format": {**layout, "as": "setting"}}
        address, _, path = pointer.partition("#")
        text = text_of(entry, self.world)
        css = "setting number" if has_digit(text) else "setting"
        return self._wrapped(
            text, entry, {"class": css, "data-spec": pointer, "title": f"set by {address} at {path}"}
        )

    def bare(self, text: str) -> str:
        """A name without markup around it, as the title of a page needs it."""
        entry = {"name": text}
        return self.marks.add(
            Mark((Piece(escape_markdown(text), entry, text),), (Piece(html.escape(text), entry, text),))
        )

    def verbatim(self, name: str) -> str:
        """A text as it is, in a block of its own."""
        if name not in self.world.verbatim:
            raise fail("E609", f"there is no verbatim text `{name}`", Place(self.place))
        text = self.world.verbatim[name][0]
        longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
        fence = "`" * max(3, longest + 1)
        end = "" if text.endswith("\n") else "\n"
        entry = {"verbatim": name}
        title = {"class": "verbatim", "data-verbatim": name}
        return self.marks.add(
            Mark(
                (Piece(f"{fence}text\n"), Piece(text, entry), Piece(f"{end}{fence}")),
                (Piece(f"<pre{attributes(title)}>"), Piece(_escape_pre(text), entry), Piece("</pre>")),
                block=True,
            )
        )

    def figure(self, pieces: tuple[Piece, ...]) -> str:
        """A plot: on the page alone, since Markdown has no place for it."""
        return self.marks.add(Mark((), pieces, block=True))

    def notes(self) -> str:
        """The notes that the marks beside declared and estimated values lead to, as Markdown."""
        lines = []
        for (fact_id, of), label in self.noted.items():
            fact = (self.world.declared if of else self.world.facts)[fact_id]
            part = {"of": of} if of else {}
            shown = {
                name: self.entry({"fact": fact_id, "format": {"as": name, **part}})
                for name in ("label", "source", "as_of", "method")
            }
            start = f"- {self._anchor(label)} {shown['label']}: "
            if fact.kind == "declared":
                lines.append(f"{start}declared, {shown['source']}, as of {shown['as_of']}.")
            elif label in self._shared.values():
                lines.append(f"- {self._anchor(label)} Estimated: {shown['method']}.")
            else:
                lines.append(f"{start}estimated, {shown['method']}.")
        return "\n".join(lines)

    def _value(self, fact_id: str, fact: Fact | None, layout: Mapping[str, Any], of: str) -> str:
        entry = {"fact": fact_id, "format": dict(layout)} if layout else {"fact": fact_id}
        look = {name: value for name, value in layout.items() if name != "as"}
        text = format_fact(fact, **look)
        number = amount(fact) is not None
        short = number or bool(_DATE.match(text))
        values = {"class": f"fact {_kind(fact)}{' number' if short else ''}", "data-fact": fact_id}
        if fact is not None and number:
            values["value"] = format_plain(amount(fact) or 0)
        values["title"] = describe(fact)
        self.printed[fact_id] = None
        note = self._note(fact_id, fact, of) if fact is not None and not layout.get("plain") else ""
        return self._wrapped(text, entry, values, note=note, number=number and bool(layout.get("plain")))

    def _note(self, fact_id: str, fact: Fact, of: str) -> str:
        if fact.kind not in _NOTED or fact.value is None:
            return ""
        label = _NOTED[fact.kind] + _letters(len(self.noted))
        if fact.kind == "estimated" and fact.method and split_member(fact_id):
            # The members of a group that were estimated in one way share a note.
            first = self._shared.setdefault(fact.method, label)
            if first != label:
                return first
        return self.noted.setdefault((fact_id, of), label)

    def _anchor(self, label: str) -> str:
        text = f'<b id="note-{label[1:]}">{label}</b>'
        return self.marks.add(Mark((Piece(f"**{label}**"),), (Piece(text),)))

    def _words(self, text: str, entry: Entry, *, code: bool = False) -> str:
        in_code = code and not re.search(r"[`\\|]", text)
        markdown = Piece(text if in_code else escape_markdown(text), entry, text)
        page = Piece(html.escape(text), entry, text)
        tick, tag = Piece("`" if in_code else ""), "code" if code else "time" if _DATE.match(text) else ""
        return self.marks.add(
            Mark(
                (tick, markdown, tick) if in_code else (markdown,),
                (Piece(f"<{tag}>"), page, Piece(f"</{tag}>")) if tag else (page,),
                scalar(text, entry),
            )
        )

    def _wrapped(
        self, text: str, entry: Entry, values: Mapping[str, str], *, note: str = "", number: bool = False
    ) -> str:
        tag = "data" if "data-fact" in values else "span"
        after_markdown = (Piece(f"<sup>{note}</sup>"),) if note else ()
        link = f'<sup><a class="note" href="#note-{note[1:]}">{note}</a></sup>'
        after_page = (Piece(link),) if note else ()
        return self.marks.add(
            Mark(
                (Piece(escape_markdown(text), entry, text), *after_markdown),
                (
                    Piece(f"<{tag}{attributes(values)}>"),
                    Piece(html.escape(text), entry, text),
                    Piece(f"</{tag}>"),
                    *after_page,
                ),
                scalar(text, entry, number=number),
            )
        )


def _kind(fact: Fact | None) -> str:
    if fact is None or (fact.value is None and not fact.withheld):
        return "absent"
    return WITHHELD if fact.withheld else fact.kind


def _letters(index: int) -> str:
    """a, b, ... z, aa, ab: notes are told apart by letters, so that they are not taken for numbers."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("a") + rest) + text
    return text


def _escape_pre(text: str) -> str:
    """HTML drops a line break right after `<pre>`; one written as a reference stays."""
    escaped = html.escape(text)
    return f"&#10;{escaped[1:]}" if escaped.startswith("\n") else escaped
