"""From a License spec to the text of the licence and the facts about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any

import jinja2

from bigcode.api import Fact, Problem, ProcessContext
from bigcode_openrail.check import findings
from bigcode_openrail.config import OpenRailConfig
from bigcode_openrail.restrictions import Clause, clauses_of, load_base

_ARTIFACTS = {"data": "data", "application": "an application", "model": "a model", "source": "source code"}
_PREFIXES = {"open": "Open", "research": "Research", "": ""}


class OpenRail:
    """A process with the output `text`: LICENSE.md.

    `ctx.params` holds `license`, a License spec, and `parents`, the specs of the licences that it descends
    from, nearest first.
    """

    def __init__(self, config: OpenRailConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        """Write the licence and record its restrictions.

        Raises:
            Problem: E802 for unknown ids and E801 for restrictions of a parent that are lost, all at once.
        """
        spec: Mapping[str, Any] = ctx.params["license"]
        base = load_base()
        found = findings(spec, ctx.params.get("parents", ()), base)
        if found:
            raise Problem(*found)
        clauses = clauses_of(spec, base)
        text = render(spec, clauses)
        path = ctx.scratch / "LICENSE.md"
        path.write_text(text, encoding="utf-8")
        ctx.save("text", path)
        for fact in _facts(clauses, text):
            ctx.fact(fact)


def name_of(prefix: str, artifact: Sequence[str]) -> str:
    """The name by the convention of the RAIL family: `OpenRAIL-M` for a model that anybody may build on."""
    letters = "".join(kind[0].upper() for kind in _ARTIFACTS if kind in artifact)
    return f"{_PREFIXES[prefix]}RAIL-{letters}"


def render(spec: Mapping[str, Any], clauses: Sequence[Clause]) -> str:
    """The agreement in Markdown; the same spec gives the same bytes."""
    artifact = spec.get("artifact") or ("model",)
    prefix = spec.get("prefix", "open")
    name = name_of(prefix, artifact)
    things = [thing for kind, thing in _ARTIFACTS.items() if kind in artifact]
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    template = files("bigcode_openrail").joinpath("agreement.md.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        title=spec.get("title") or f"{name} licence",
        name=name,
        licensor=spec["licensor"],
        prefix=prefix,
        free=", royalty-free" if prefix else "",
        artifact=artifact,
        things=" and ".join([", ".join(things[:-1]), things[-1]] if things[1:] else things),
        it="it" if len(things) == 1 else "them",
        flow_down=spec.get("flowDown", True),
        clauses=clauses,
    )


def _facts(clauses: Sequence[Clause], text: str) -> Sequence[Fact]:
    """How many restrictions there are, and each: declared where the base is its source, else read from the licence."""
    licence = (sha256(text.encode()).hexdigest(),)
    facts = [Fact("restrictions", len(clauses), label="Use restrictions of the licence", inputs=licence)]
    for clause in sorted(clauses, key=lambda c: c.id):
        fact = Fact(
            f"restriction{{id={clause.id}}}",
            clause.text,
            "text",
            "declared" if clause.as_of else "measured",
            f"Use restriction, {clause.domain}",
            source=clause.source,
            as_of=clause.as_of,
            inputs=() if clause.as_of else licence,
        )
        facts.append(fact)
    return facts
