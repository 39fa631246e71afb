"""Readers of declarations: the text of a file to what it says of which paths.

Forms read: attributes of Git (gitattributes, of which the last match counts), files of `.github` that are named
after an opt-out, the TDM Reservation Protocol of the W3C community group (`tdmrep.json`), `ai.txt` and `robots.txt`
with `Disallow`, `Content-Usage` (IETF AIPREF draft) and `Content-Signal`.

A pattern is as in gitattributes: without a slash it is about names at any depth, with one it starts at the root;
empty, it is about the whole repository.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from bigcode_optout.config import Kind, SignalsConfig

Says = Literal["deny", "allow", "unclear"]

PLACES: dict[Kind, str] = {
    "gitattributes": r"(?:^|/)\.gitattributes$",
    "github": r"^\.github/[^/]*opt[-_.]?out[^/]*$",
    "tdmrep": r"(?:^|/)\.well-known/tdmrep\.json$|^tdmrep\.json$",
    "ai-txt": r"^(?:\.well-known/)?ai\.txt$|^\.?noai(?:\.txt)?$",
    "robots": r"^robots\.txt$",
}
"""Where each kind lies; letters' case does not matter."""

_NO = {"false", "no", "n", "0", "off", "deny", "denied", "disallow", "none"}
_YES = {"true", "yes", "y", "1", "on", "allow", "allowed"}
_ABOUT_MODELS = re.compile(r"(?<![a-z])(?:ai|llm|ml|copilot|training)(?![a-z])", re.IGNORECASE)
_KEY = re.compile(
    r"^\s*[\"']?(?:ai[-_ ]?)?opt[-_ ]?out[\"']?\s*[:=]\s*[\"']?([\w-]+)", re.IGNORECASE | re.MULTILINE
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(.*)')
_FIELD = re.compile(r"\s*([A-Za-z-]+)\s*:\s*(.*?)\s*(?:#.*)?$")
_USAGE = re.compile(r"(?:train-ai|ai-train|train-genai)\s*=\s*(\w+)", re.IGNORECASE)


class Declaration(NamedTuple):
    says: Says
    text: str
    pattern: str


def read_declarations(kind: Kind, path: str, text: str, config: SignalsConfig) -> list[Declaration]:
    """What a file at a place of `kind` says, in the order in which it says it; what cannot be read is unclear."""
    return list(_READERS[kind](path, text, config))


def _gitattributes(path: str, text: str, config: SignalsConfig) -> Iterator[Declaration]:
    folder = path.rpartition("/")[0]
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", "[attr]")):
            continue
        quoted = _QUOTED.match(stripped)
        pattern, _, rest = (quoted[1], "", quoted[2]) if quoted else stripped.partition(" ")
        if not quoted and "\t" in pattern:
            pattern, _, rest = stripped.partition("\t")
        for word in rest.split():
            name, equals, value = word.lstrip("-!").partition("=")
            name = name.lower()
            if name not in config.permissions and name not in config.refusals:
                continue
            if word.startswith("!"):
                said: Says = "unclear"
            else:
                on = _truth(value) if equals else not word.startswith("-")
                said = "unclear" if on is None else "allow" if on == (name in config.permissions) else "deny"
            yield Declaration(said, stripped, _inside(folder, pattern))


def _inside(folder: str, pattern: str) -> str:
    """A pattern of a folder's own file as one of the root's."""
    if not folder:
        return "" if pattern in ("*", "**", "/**") else pattern
    anchored = "/" in pattern.rstrip("/")
    return f"/{folder}/{'' if anchored or pattern == '**' else '**/'}{pattern.lstrip('/')}"


def _github(path: str, text: str, config: SignalsConfig) -> Iterator[Declaration]:
    """A file named after an opt-out from models is one, whatever it holds, unless it says no."""
    about_models = _ABOUT_MODELS.search(path.rpartition("/")[2]) is not None
    found = _KEY.search(text)
    on = _truth(found[1]) if found else None
    if on is None:
        yield Declaration("deny" if about_models and not found else "unclear", text.strip(), "")
    elif on:
        own = found is not None and _ABOUT_MODELS.search(found[0]) is not None
        yield Declaration("deny" if about_models or own else "unclear", text.strip(), "")
    else:
        yield Declaration("allow" if about_models else "unclear", text.strip(), "")


def _tdmrep(path: str, text: str, config: SignalsConfig) -> Iterator[Declaration]:
    folder = re.sub(r"(?:^|/)(?:\.well-known/)?[^/]*$", "", path, flags=re.IGNORECASE)
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError):
        yield Declaration("unclear", text.strip(), "")
        return
    for rule in loaded if isinstance(loaded, list) else [loaded]:
        if not isinstance(rule, dict):
            yield Declaration("unclear", text.strip(), "")
            continue
        reserved = rule.get("tdm-reservation")
        said: Says = "unclear"
        if reserved in (0, 1, "0", "1") and not isinstance(reserved, bool):
            said = "deny" if int(reserved) else "allow"
        location = rule.get("location", "/")
        shown = json.dumps(rule, sort_keys=True, ensure_ascii=False)
        if isinstance(location, str):
            yield Declaration(said, shown, _from_url(location, folder))
        else:
            yield Declaration("unclear", shown, "")


def _ai_txt(path: str, text: str, config: SignalsConfig) -> Iterator[Declaration]:
    if "noai" in path.rpartition("/")[2].lower():
        yield Declaration("deny", text.strip(), "")
        return
    found = list(_rules(text, None))
    yield from found or [Declaration("unclear", text.strip(), "")]


def _robots(path: str, text: str, config: SignalsConfig) -> Iterator[Declaration]:
    yield from _rules(text, {agent.lower() for agent in config.agents})


def _rules(text: str, agents: set[str] | None) -> Iterator[Declaration]:
    """Rules of groups for the agents, or for all where None are named, and preferences for the training of models."""
    group: set[str] = set()
    listing = False
    for line in text.splitlines():
        field = _FIELD.match(line)
        if not field:
            continue
        name, value = field[1].lower(), field[2]
        if name == "user-agent":
            group = {*group, value.lower()} if listing else {value.lower()}
        listing = name == "user-agent"
        usage = _USAGE.search(value) if name in ("content-usage", "content-signal") else None
        if usage:
            on = _truth(usage[1])
            place = value[: usage.start()].strip()
            said: Says = "unclear" if on is None else "allow" if on else "deny"
            yield Declaration(said, line.strip(), _from_url(place if place.startswith("/") else "/", ""))
        elif name in ("disallow", "allow") and (agents is None or group & agents):
            refused = name == "disallow"
            if value:
                yield Declaration("deny" if refused else "allow", line.strip(), _from_url(value, ""))
            elif refused:
                yield Declaration("allow", line.strip(), "")


def _from_url(value: str, folder: str) -> str:
    """A prefix of URLs, with `*` and a final `$`, as a pattern of paths below the folder that is the site's root."""
    root = f"/{folder}/" if folder else "/"
    if value in ("/", "*", "/*", ""):
        return f"{root}**" if folder else ""
    if not value.startswith("/"):
        return f"{root}**/{value}" if folder else value
    whole = value.endswith("$")
    body = re.sub(r"\*+", "**", value.lstrip("/").rstrip("$"))
    return f"{root}{body}" if whole or body.endswith("**") else f"{root}{body}**"


def _truth(value: str) -> bool | None:
    value = value.strip("\"'").lower()
    return True if value in _YES else False if value in _NO else None


_READERS: dict[Kind, Callable[[str, str, SignalsConfig], Iterator[Any]]] = {
    "gitattributes": _gitattributes,
    "github": _github,
    "tdmrep": _tdmrep,
    "ai-txt": _ai_txt,
    "robots": _robots,
}
