"""What a file may state about licences, by its name alone."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression


class Kind(Enum):
    TEXT = "text"
    """A licence file: if its text is not recognised, it holds unknown terms."""
    MAYBE_TEXT = "maybe"
    """A file that may hold a licence: if its text is not recognised, it is something else."""
    PACKAGE = "package"
    PYPROJECT = "pyproject"
    SETUP_CFG = "setup.cfg"
    CARGO = "cargo"
    JSON = "json"
    SOURCE = "source"


_METADATA = {
    "PKG-INFO": Kind.PACKAGE,
    "METADATA": Kind.PACKAGE,
    "pyproject.toml": Kind.PYPROJECT,
    "setup.cfg": Kind.SETUP_CFG,
    "Cargo.toml": Kind.CARGO,
    "package.json": Kind.JSON,
    "composer.json": Kind.JSON,
    "bower.json": Kind.JSON,
}
_LICENSE = re.compile(r"(?:(?:un)?licen[cs]es?|copying)(?:[-_. ].*)?", re.IGNORECASE)
_MAYBE = re.compile(
    r"(?:notices?|copyright)(?:[-_. ].*)?|.+[-_.]licen[cs]es?|.*third[-_ ]?party[-_ ]?(?:notice|licen[cs]e).*",
    re.IGNORECASE,
)
_PROSE = re.compile(r"\.(?:txt|te?xt|md|markdown|rst|adoc|asciidoc|org|html?)$", re.IGNORECASE)
_PAGE = re.compile(r"\.(?:md|markdown|rst|adoc|asciidoc|html?)$")
_SIDECAR = re.compile(r".+\.license|.+\.\w{1,5}\.(?i:licen[cs]es?)(?:\.txt)?")
# A suffix that makes a file named after licences a program, a table or a picture.
_OTHER = re.compile(
    r"\.(?:[ch]|cc|cpp|cs|css|csv|cfg|dart|erl|ex|exs|go|gz|hpp|hs|in|ini|ipynb|java|js|json|jsx|kt|less|lua|m|mjs|pdf|php"
    r"|pl|pm|png|po|pot|ps1|pxd|py|pyi|pyx|r|rb|rs|sass|scala|scss|sh|sql|svg|swift|tmpl|toml|ts|tsv|tsx|vue|xml|xsd"
    r"|ya?ml)$",
    re.IGNORECASE,
)  # fmt: skip


def kind_of(name: str) -> Kind:
    """The kind of a file from its name, without folders."""
    if name in _METADATA:
        return _METADATA[name]
    if _OTHER.search(name):
        return Kind.SOURCE
    stem = _PROSE.sub("", name)
    if _LICENSE.fullmatch(stem):
        # A page in lower case, such as docs/license.rst, is usually about the licence.
        return Kind.MAYBE_TEXT if _PAGE.search(name) and stem == stem.lower() else Kind.TEXT
    if _MAYBE.fullmatch(stem) or (stem != name and _is_identifier(stem)):
        return Kind.MAYBE_TEXT
    return Kind.SOURCE


def is_sidecar(name: str) -> bool:
    """Whether a licence file speaks of the one file beside it, as `logo.svg.license` and `app.js.LICENSE.txt` do."""
    return _SIDECAR.fullmatch(name) is not None


@lru_cache(maxsize=4096)
def _is_identifier(stem: str) -> bool:
    """Whether a stem is an SPDX identifier, as in `LICENSES/Apache-2.0.txt`."""
    try:
        return " " not in stem and bool(canonicalize_license_expression(stem))
    except InvalidLicenseExpression:
        return False
