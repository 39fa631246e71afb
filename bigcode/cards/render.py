"""Render a card: facts, names and prose in; Markdown, a page and the trace of both out."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bigcode.api import Diagnostic, Place, fail, raise_errors
from bigcode.api.canonical import digest
from bigcode.cards.context import Context
from bigcode.cards.format import tidy
from bigcode.cards.lint import lint_prose, lint_rendered, lint_template
from bigcode.cards.marks import MARK, Marks, assemble
from bigcode.cards.page import make_body
from bigcode.cards.printer import Printer
from bigcode.cards.relations import Relations, address_of, view_of
from bigcode.cards.request import CardRequest, Rendered, load_templates
from bigcode.cards.spans import World

__all__ = ["CardRequest", "Rendered", "load_templates", "render_card"]

PAGE = "page.html.j2"
_GLOBALS = ("cycler", "lipsum")
_MAX_DEPTH = 4


def render_card(request: CardRequest) -> Rendered:
    """Render Markdown and page from one pass over the template: pure, the same request gives the same bytes.

    Raises:
        Problem: E609 with every digit that no fact holds, in templates, prose and the finished texts; E603 where a
            fact is asked for in a unit of another kind; E609 when the template cannot be rendered.
    """
    _check_sources(request)
    subject_address = address_of(request.subject)
    resources = {**request.resources, subject_address: request.subject}
    labels = [label for item in request.series for label in (item.x_label, item.y_label)]
    names = (*request.glossary, request.address, subject_address)
    world = World(request.facts, request.declared, resources, request.verbatim, names, tuple(labels))
    marks = Marks()
    printer = Printer(world, marks, request.template)
    context = Context(
        printer, Relations(resources), view_of(request.subject), request.series, request.sections
    )
    env = _environment(request, context)
    title = tidy(request.title)
    offered = {**context.names(), "title": printer.entry({"name": title})}
    context.render_prose = _prose_renderer(env, offered)
    source = _run(env, request, request.template, offered)
    if notes := printer.notes():
        source = f"{source.rstrip()}\n\n## Notes to the values\n\n{notes}\n"
    source = _settle(source)
    page = _lay_out(env, request, printer, source, title)
    markdown, markdown_spans = assemble(_drop_figures(source, marks), marks, "markdown")
    html, html_spans = assemble(page, marks, "html")
    found = [*printer.problems]
    found += lint_rendered(markdown, markdown_spans, "markdown", f"{request.address} (Markdown)")
    found += lint_rendered(html, html_spans, "html", f"{request.address} (page)")
    raise_errors(found)
    for span in (*markdown_spans, *html_spans):
        if "verbatim" in span and "format" not in span:
            span["sha256"] = request.verbatim[span["verbatim"]][1]
    trace = {
        "version": 1,
        "card": request.address,
        "subject": subject_address,
        "template": request.template,
        "markdown": {"surface": "markdown", "sha256": digest(markdown.encode()), "spans": markdown_spans},
        "html": {"surface": "html", "sha256": digest(html.encode()), "spans": html_spans},
    }
    absent = sorted(
        i
        for i in printer.printed
        if (f := request.facts.get(i)) is None or (f.value is None and not f.withheld)
    )
    return Rendered(markdown, html, trace, tuple(absent))


def _check_sources(request: CardRequest) -> None:
    if request.template not in request.templates:
        raise fail(
            "E609", f"there is no template `{request.template}`", hint=", ".join(sorted(request.templates))
        )
    found = [
        problem
        for name in sorted(request.templates)
        for problem in lint_template(name, request.templates[name])
    ]
    for key in sorted(request.sections):
        found += lint_prose(request.sections[key], f"{request.address} sections.{key}")
    for name, (text, sha256) in sorted(request.verbatim.items()):
        if digest(text.encode()) != sha256:
            found.append(
                Diagnostic(
                    "E609", f"the verbatim text `{name}` does not have its digest", Place(request.address)
                )
            )
    raise_errors(found)


def _environment(request: CardRequest, context: Context) -> ImmutableSandboxedEnvironment:
    env = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(lambda name: _load(request.templates, name)),
        undefined=StrictUndefined,
        finalize=context.finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name in _GLOBALS:
        env.globals.pop(name, None)
    env.filters.pop("random", None)
    return env


def _load(templates: Mapping[str, str], name: str) -> tuple[str, str, Callable[[], bool]] | None:
    """A template as Jinja wants it; the name goes along, so that tracebacks tell the place of an error."""
    return (templates[name], name, lambda: True) if name in templates else None


def _run(
    env: ImmutableSandboxedEnvironment, request: CardRequest, template: str, names: Mapping[str, Any]
) -> str:
    try:
        return env.get_template(template).render(names)
    except (TemplateError, TypeError) as error:
        raise fail(
            "E609", f"the template cannot be rendered: {error}", _place_in(error, request.templates, template)
        ) from error


def _place_in(error: BaseException, templates: Container[str], template: str) -> Place:
    """Where an error arose: Jinja names template and line in the error, or maps them into the traceback."""
    if (line := getattr(error, "lineno", None)) is not None:
        return Place(getattr(error, "name", None) or template, line)
    place, frame = Place(template), error.__traceback__
    while frame is not None:
        if (file := frame.tb_frame.f_code.co_filename) in templates:
            place = Place(file, frame.tb_lineno)
        frame = frame.tb_next
    return place


def _prose_renderer(env: ImmutableSandboxedEnvironment, names: Mapping[str, Any]) -> Any:
    depth = 0

    def render(text: str, place: str) -> str:
        nonlocal depth
        raise_errors(lint_prose(text, place))
        if depth >= _MAX_DEPTH:
            raise fail("E609", "prose calls prose without an end", Place(place))
        depth += 1
        try:
            return env.from_string(text).render(names)
        except (TemplateError, TypeError) as error:
            raise fail("E609", f"the prose cannot be rendered: {error}", Place(place)) from error
        finally:
            depth -= 1

    return render


def _settle(text: str) -> str:
    """No trailing blanks and no runs of empty lines, which loops and left-out parts leave behind."""
    lines = (line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _drop_figures(text: str, marks: Marks) -> str:
    """Plots stand alone on a line and show nothing in Markdown: the line goes."""

    def shows(line: str) -> bool:
        found = MARK.fullmatch(line.strip())
        return not found or bool(marks.get(found[0]).markdown)

    kept = [line for line in text.split("\n") if shows(line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept))


def _lay_out(
    env: ImmutableSandboxedEnvironment, request: CardRequest, printer: Printer, source: str, title: str
) -> str:
    body = make_body(source, printer.marks)
    sources = [
        (
            printer.entry({"fact": fact_id, "format": {"as": "id"}}),
            printer.entry({"fact": fact_id, "format": {"as": "how"}}),
        )
        for fact_id in sorted(printer.printed)
    ]
    names = {
        "title": printer.bare(title),
        "address": printer.entry({"name": request.address}),
        "subject": printer.entry({"name": address_of(request.subject)}),
        "contents": body.contents,
        "body": body.html,
        "sources": sources,
    }
    return _run(env, request, PAGE, names)
