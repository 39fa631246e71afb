"""What a template can say. Every function that prints returns a mark; the rest answers questions about what is
there, so that a template can leave out a part that has nothing to show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bigcode.api import Series
from bigcode.cards.figures import plot_amounts, plot_comparison, plot_curve, plot_intervals
from bigcode.cards.format import tidy
from bigcode.cards.printer import Printer
from bigcode.cards.relations import Name, Relations, View, address_of
from bigcode.cards.spans import members, second_values, split_member

_FULL = re.compile(r"^[A-Z][A-Za-z]*/[^/@]+@[^/]+/")
_SUITE = re.compile(r"[{,]suite=([^,}]+)")


@dataclass(frozen=True, slots=True)
class Row:
    """A member of a group of facts: its full id, its key as the facts hold it, and key and value as marks."""

    id: str
    member: Name
    key: str
    value: str


class Context:
    """The names that a template uses, bound to one card.

    Fact ids are relative to the subject, to the resource given as `of`, or full.
    """

    def __init__(
        self,
        printer: Printer,
        relations: Relations,
        subject: View,
        series: Sequence[Series],
        sections: Mapping[str, str],
    ) -> None:
        self._printer = printer
        self._relations = relations
        self._subject = subject
        self._series = {item.id: item for item in series}
        self._sections = sections
        self._used: set[str] = set()
        self._counts: list[int] = []
        self._figures = 0
        self.render_prose: Callable[[str, str], str] = lambda text, place: text

    def names(self) -> dict[str, Any]:
        """Everything that templates may call, by name."""
        projects = self._relations.of_kind("Project")
        return {
            "subject": self._subject,
            "project": projects[0] if projects else None,
            **{name: getattr(self, name) for name in _OFFERED},
        }

    def finalize(self, value: Any) -> Any:
        """What Jinja prints for an expression: strings of resources become names, bare numbers are refused."""
        if isinstance(value, Name):
            return self._printer.entry({"name": tidy(value)})
        if value is None:
            return "not stated"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float):
            self._printer.report(f"the template prints the number {value} itself", "use fact() or setting()")
            return ""
        return value

    def fact(
        self,
        fact_id: str,
        of: View | str | None = None,
        unit: str = "",
        digits: int | None = None,
        bare: bool = False,
        plain: bool = False,
    ) -> str:
        """The value of a fact with its unit; `bare` leaves the unit out, `plain` prints for machines."""
        layout = {"unit": unit, "digits": digits, "bare": bare, "plain": plain}
        chosen = {name: value for name, value in layout.items() if value not in ("", None, False)}
        return self._printer.fact(self._id(fact_id, of), chosen)

    def share(self, fact_id: str, whole: str, of: View | str | None = None, digits: int = 1) -> str:
        """One fact in percent of another."""
        layout = {"as": "share", "of": self._id(whole, of), "digits": digits}
        return self._printer.computed(self._id(fact_id, of), layout)

    def count(self, group: str, key: str, of: View | str | None = None) -> str:
        """How many members a group of facts has."""
        return self._printer.computed(f"{self._id(group, of)}{{{key}=*}}", {"as": "count"})

    def rest(self, group: str, key: str, top: int, of: View | str | None = None, whole: str = "") -> str:
        """The sum of the members of a group after the first `top`; with `whole`, its share of that fact."""
        how = {"of": self._id(whole, of)} if whole else {"bare": True}
        return self._printer.computed(f"{self._id(group, of)}{{{key}=*}}", {"as": "rest", "top": top, **how})

    def between(
        self, fact_id: str, of: View | str | None = None, unit: str = "", digits: int | None = None
    ) -> str:
        """The interval of a fact, for one that is printed without it; `none` where it has none."""
        full = self._id(fact_id, of)
        fact = self._printer.world.facts.get(full)
        if fact is not None and fact.interval is None and not fact.withheld:
            return "none"
        layout = {"as": "interval", "unit": unit, "digits": digits}
        chosen = {name: value for name, value in layout.items() if value not in ("", None)}
        return self._printer.entry({"fact": full, "format": chosen})

    def claim(self, claim_id: str, of: View | str | None = None) -> str:
        """What the facts allow to say of a claim of an evaluation: its sentence where it holds, else `not shown:`
        and why."""
        return self._printer.fact(self._id(f"claim{{claim={claim_id}}}", of), {})

    def size_category(self, fact_id: str, of: View | str | None = None) -> str:
        return self._part(fact_id, of, "size")

    def label(self, fact_id: str, of: View | str | None = None) -> str:
        return self._part(fact_id, of, "label")

    def status(self, fact_id: str, of: View | str | None = None) -> str:
        """`measured`, `derived`, `declared`, `estimated`, `withheld` or `not measured`."""
        return self._part(fact_id, of, "kind")

    def formula(self, fact_id: str, of: View | str | None = None) -> str:
        return self._part(fact_id, of, "formula")

    def source(self, fact_id: str, of: View | str | None = None) -> str:
        return self._part(fact_id, of, "source")

    def how(self, fact_id: str, of: View | str | None = None) -> str:
        """Where a fact comes from, in a line."""
        return self._part(fact_id, of, "how")

    def has(self, fact_id: str, of: View | str | None = None) -> bool:
        """Whether something is recorded for a fact (withheld counts as recorded)."""
        fact = self._printer.world.facts.get(self._id(fact_id, of))
        return fact is not None and (fact.value is not None or fact.withheld)

    def says(self, fact_id: str, text: str, of: View | str | None = None) -> bool:
        """Whether the value of a fact is this text."""
        fact = self._printer.world.facts.get(self._id(fact_id, of))
        return fact is not None and fact.value == text

    def group(
        self,
        group: str,
        key: str,
        top: int | None = None,
        of: View | str | None = None,
        unit: str = "",
        where: tuple[str, str] | None = None,
        start: str = "",
    ) -> list[Row]:
        """The members of a group of facts, greatest first, at most `top` of them.

        `where` is the second key of a group by two keys, and its value. With `start` only members that begin so are
        there, and their keys print without it.
        """
        full = self._id(group, of)
        layout = {"bare": True, "unit": unit} if unit else {"bare": True}
        found = [row for row in members(self._printer.world, full, key, where) if row[0].startswith(start)]
        return [
            Row(f.id, Name(v), self.name(v.removeprefix(start)), self._printer.fact(f.id, layout))
            for v, f in found[:top]
        ]

    def results(self, start: str, of: View | str | None = None) -> list[Row]:
        """Facts of suites whose names begin with `start`, by suite: the member is the suite, the key the fact's
        name."""
        full = self._id(start, of)
        cut = len(full) - len(start)
        found = [
            (m[1], i) for i in self._printer.world.facts if i.startswith(full) and (m := _SUITE.search(i))
        ]
        return [
            Row(i, Name(suite), self.name(i[cut:], code=True), self._printer.fact(i, {}))
            for suite, i in sorted(found, key=lambda item: (item[0], len(item[1]), item[1]))
        ]

    def values(self, group: str, key: str, of: View | str | None = None) -> list[Name]:
        """The values of the second key of a group by two keys, sorted."""
        return [Name(value) for value in second_values(self._printer.world, self._id(group, of), key)]

    def recorded(self, of: View) -> list[Row]:
        """All facts of a resource outside of groups, by id."""
        start = f"{of['address']}/"
        ids = sorted(i for i in self._printer.world.facts if i.startswith(start) and split_member(i) is None)
        return [Row(i, Name(i.removeprefix(start)), self.label(i), self._printer.fact(i, {})) for i in ids]

    def words(self, text: str | None) -> str:
        """Text of a resource on one line; it holds no digits."""
        return self._printer.words(str(text or ""))

    def more(self, group: str, key: str, top: int, of: View | str | None = None) -> bool:
        """Whether a group has more than `top` members."""
        return len(members(self._printer.world, self._id(group, of), key)) > top

    def name(self, text: str | None, code: bool = False) -> str:
        """A name from a resource or the glossary; its digits must be known from there."""
        return "not stated" if not text else self._printer.entry({"name": tidy(str(text))}, code=code)

    def listing(self, names: Iterable[str], code: bool = False) -> str:
        """Names with commas between; `none` where there are none."""
        return ", ".join(self.name(item, code=code) for item in names) or "none"

    def setting(
        self,
        of: View,
        path: str,
        unit: str = "1",
        to: str = "",
        digits: int | None = None,
        plain: bool = False,
    ) -> str:
        """A value that a resource sets, by the dotted path of its field: printed as a setting, not as a fact."""
        layout = {"unit": "" if unit == "1" else unit, "to": to, "digits": digits, "plain": plain}
        chosen = {name: value for name, value in layout.items() if value not in ("", None, False)}
        return self._printer.setting(f"{of['address']}#/{path.replace('.', '/')}", chosen)

    def prose(self, text: str | None) -> str:
        """Text from a resource as Markdown; it may call fact() and holds no digits of its own."""
        return self.render_prose(str(text), f"{self._subject['address']} prose") if text else ""

    def section(self, key: str) -> str:
        """The prose that the card gives for a section; empty without."""
        self._used.add(key)
        text = self._sections.get(key, "")
        return self.render_prose(text, f"section {key}").strip() if text else ""

    def remaining(self) -> list[tuple[str, str]]:
        """Sections that the template did not ask for so far: (heading, text)."""
        left = [key for key in sorted(self._sections) if key not in self._used]
        return [(self._printer.words(key.replace("-", " ").capitalize()), self.section(key)) for key in left]

    def verbatim(self, name: str) -> str:
        return self._printer.verbatim(name)

    def has_verbatim(self, name: str) -> bool:
        return name in self._printer.world.verbatim

    def digest(self, name: str) -> str:
        """The sha256 of a verbatim text."""
        return self._printer.entry({"verbatim": name, "format": {"as": "sha256"}}, code=True)

    def numbering(self, level: int = 1) -> str:
        """The next number of a heading at `level`: `1`, `1.1`, `1.2`, `2`."""
        self._counts = self._counts[:level] + [0] * (level - len(self._counts))
        self._counts[level - 1] += 1
        return self._printer.entry({"numbering": ".".join(str(max(1, count)) for count in self._counts)})

    def resource(self, reference: str) -> View | None:
        return self._relations.view(self._relations.resolve(reference) or reference)

    def related(self, kind: str) -> list[View]:
        """Resources of a kind that the subject is made from, or else those around it.

        A dataset has what it names itself: the snapshot of a dataset that it is a sibling of, or follows, is not its
        own.
        """
        mine = self._subject["address"]
        found = self._relations.related(mine, kind)
        if self._subject["kind"] != "Dataset":
            return found
        named = [v for v in found if mine in (u["address"] for u in self.users("Dataset", v))]
        return named or found

    def users(self, kind: str, of: View | None = None) -> list[View]:
        """Resources of a kind that name the subject, or `of`."""
        return self._relations.users((of or self._subject)["address"], kind)

    def bars(
        self, group: str, key: str, title: str, top: int = 12, of: View | str | None = None, log: bool = False
    ) -> str:
        pieces = plot_amounts(
            self._printer.world, self._id(group, of), key, title, self._figure(), top=top, log=log
        )
        return self._printer.figure(pieces) if pieces else ""

    def compare(self, pairs: Sequence[tuple[str, str]], title: str, of: View | str | None = None) -> str:
        """Bars for single facts: (words, fact id)."""
        full = [(words, self._id(fact_id, of)) for words, fact_id in pairs]
        pieces = plot_comparison(self._printer.world, full, title, self._figure())
        return self._printer.figure(pieces) if pieces else ""

    def intervals(
        self,
        group: str,
        key: str,
        title: str,
        of: View | str | None = None,
        where: tuple[str, str] | None = None,
    ) -> str:
        """Dots with their intervals for the members of a group of estimated shares, in percent."""
        pieces = plot_intervals(
            self._printer.world, self._id(group, of), key, tidy(title), self._figure(), where
        )
        return self._printer.figure(pieces) if pieces else ""

    def curve(
        self, series: str, title: str, first: str = "", last: str = "", of: View | str | None = None
    ) -> str:
        """A line for a series, with the facts `first` and `last` written at its ends."""
        found = self._series.get(self._id(series, of))
        ends = [self._id(fact_id, of) if fact_id else "" for fact_id in (first, last)]
        pieces = plot_curve(self._printer.world, found, ends, title, self._figure()) if found else ()
        return self._printer.figure(pieces) if pieces else ""

    def _figure(self) -> str:
        self._figures += 1
        return f"plot-{self._figures}"

    def _part(self, fact_id: str, of: View | str | None, part: str) -> str:
        return self._printer.entry({"fact": self._id(fact_id, of), "format": {"as": part}})

    def _id(self, fact_id: str, of: View | str | None) -> str:
        if _FULL.match(fact_id):
            return fact_id
        if isinstance(of, str):
            return f"{self._relations.resolve(of) or of}/{fact_id}"
        return f"{address_of(self._subject if of is None else of)}/{fact_id}"


_OFFERED = (
    "bars", "between", "claim", "compare", "count", "curve", "digest", "fact", "formula", "group", "has",
    "has_verbatim", "how", "intervals", "label", "listing", "more", "name", "numbering", "prose", "recorded",
    "related", "remaining", "resource", "rest", "results", "says", "section", "setting", "share",
    "size_category", "source", "status", "users", "values", "verbatim", "words",
)  # fmt: skip
