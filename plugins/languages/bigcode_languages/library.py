"""The library, asked only where it could say something else than it says of the name alone.

Most files hold nothing that its rules look for. For those extensions whose rules are few, the patterns here match
wherever one of them may; they are wider than the rules, and cost a fraction of them. What a file without a match is,
the library says once for all files of an extension, of a text that holds nothing. The patterns are read off one
release of the library: with another one, every file is shown to it.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.metadata import version

import enry
import pyarrow as pa
import pyarrow.compute as pc
import re2

_RELEASE = "0.2.0"
_NOTHING = b"x\n"
_BINARY_HEAD = 8000
_EDGE = 5
"""Lines at the top and at the end in which the library looks for a modeline."""
_MODELINE = re2.compile(rb"-\*-|(?i:filetype|ft|syntax)\s*=|<\?xml")
_YAML = re2.compile(rb"(?m)^\t|swagger:|openapi:")
_TELLING = {
    ".h": re2.compile(
        rb"(?m)^\s*(?:@[a-z]|#\s*import|#\s*include <\w+>|template|try|constexpr|catch|class|using|namespace|private|"
        rb"public|protected)|__has_cpp_attribute|__cplusplus >|std::"
    ),
    ".json": re2.compile(rb'"swagger"|"openapi"'),
    ".yaml": _YAML,
    ".yml": _YAML,
    ".txt": None,
}
"""By extension, what tells one of its languages from another."""

_HEAD = 10
"""Lines at the top in which the library looks for the mark of a generator, at most."""
_GENERATED_NAME = re.compile(r"lock|shrinkwrap|\.pnp\.|\.zep\.")
_MARK = re2.compile(rb"[Gg]enerated|GENERATED|GIMP|PPPort")
_SOURCE_MAP = (b'{"version":', b"/** Begin line maps.")
_MARKED_ABOVE = frozenset((".c", ".cc", ".cpp", ".h", ".hpp", ".py"))
_UNMARKED = frozenset(
    (".cfg", ".ini", ".json", ".md", ".po", ".pxd", ".pyi", ".pyx", ".rs", ".rst", ".sh", ".toml", ".ts", ".txt",
     ".yaml", ".yml")
)  # fmt: skip

_VENDORED = (
    r"\.(?:css|less|m4|mk|sass|scss|styl)|\.js$|\.d\.ts|(?:^|/)\.|bootbox|fuelux|[Ll]eaflet|jquery|FullScreen|pdf\.worker"
    r"|slick|run\.n|dotnet-install|cache/|ependencies/|dist/|deps/|[Pp]arty/|endor|xtern|_modules/|configure|config\."
    r"|cpplint|_esy|_components/|rebar|Godeps/|testdata|fixtures/|debian/|bootstrap|tiny_mce/|ace-builds/|MathJax/"
    r"|[Mm]irror/|docs?/_?(?:build|static|theme|template)|_media/|env/|fabfile|waf|xctemplate/|imageset/|Carthage/"
    r"|\.framework|Sparkle/|gradle|mvnw|[Pp]ackages/|extjs/|inst/|activator|proguard|puphpet/|file$"
)
_TEST = r"[Tt]est|[Ss]pec"
_DOCUMENTATION = (
    r"^[Dd]ocs?/|^[Mm]an/|^[Ee]xamples/|^[Dd]emos?/|^[Ss]amples?/|doc/|[Dd]ocumentation/"
    r"|CITATION|CHANGE|CONTRIBUTING|COPYING|INSTALL|LICEN|icen[cs]e|README|eadme"
)


def read_language(name: str, content: bytes) -> str:
    """`enry.get_language` for a file name without folders."""
    extension = _extension(name)
    known = extension in _TELLING and _known() and not enry.get_language_by_filename(name).language
    if not known or _tells(_TELLING[extension], content):
        return str(enry.get_language(name, content))
    return _language_of(_extensions(name))


def is_generated(name: str, content: bytes) -> bool:
    """`enry.is_generated` for a file name without folders."""
    extension = _extension(name)
    above = extension in _MARKED_ABOVE
    if not (above or extension in _UNMARKED) or not _known() or _GENERATED_NAME.search(name):
        return bool(enry.is_generated(name, content))
    told = content.startswith(_SOURCE_MAP) or (extension == ".yml" and b"recorded_with" in content)
    if told or (above and _MARK.search(content, 0, _line_end(content, _HEAD))):
        return bool(enry.is_generated(name, content))
    return _generated_of(_extensions(name))


def may_be_vendored(paths: pa.ChunkedArray) -> list[bool]:
    """Whether `enry.is_vendor` of each path may be true."""
    return _match(paths, _VENDORED)


def may_be_test(paths: pa.ChunkedArray) -> list[bool]:
    """Whether `enry.is_test` of each path may be true."""
    return _match(paths, _TEST)


def may_be_documentation(paths: pa.ChunkedArray) -> list[bool]:
    """Whether `enry.is_documentation` of each path may be true."""
    return _match(paths, _DOCUMENTATION)


def _match(paths: pa.ChunkedArray, pattern: str) -> list[bool]:
    found: list[bool] = pc.match_substring_regex(paths, pattern).to_pylist()
    return found if _known() else [True] * len(found)


def _extensions(name: str) -> str:
    """All that follows the first dot of a name, with it."""
    return name[name.find(".") :]


def _extension(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""


def _tells(pattern: re2._Regexp | None, content: bytes) -> bool:
    """Whether the library may find something in a file that is not in its name."""
    if content.startswith(b"#!") or b"\0" in content[:_BINARY_HEAD] or _MODELINE.search(_edges(content)):
        return True
    return pattern is not None and pattern.search(content) is not None


def _edges(content: bytes) -> bytes:
    """What the library looks for modelines in: of a longer text, its first and last lines."""
    if _line_end(content, 2 * _EDGE) == len(content):
        return content
    start = len(content)
    for _ in range(_EDGE):
        start = content.rfind(b"\n", 0, start)
    return content[: _line_end(content, _EDGE)] + content[start + 1 :]


def _line_end(content: bytes, lines: int) -> int:
    """Where the first lines end; the end of a text that has fewer."""
    end = -1
    for _ in range(lines):
        end = content.find(b"\n", end + 1)
        if end < 0:
            return len(content)
    return end


@cache
def _known() -> bool:
    """Whether the patterns here are those of the library that is installed."""
    return version("enry-python") == _RELEASE


@lru_cache(maxsize=1 << 12)
def _language_of(extensions: str) -> str:
    return str(enry.get_language("x" + extensions, _NOTHING))


@lru_cache(maxsize=1 << 12)
def _generated_of(extensions: str) -> bool:
    return bool(enry.is_generated("x" + extensions, _NOTHING))
