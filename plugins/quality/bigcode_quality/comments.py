"""How much of a program is comment, by a lexer that knows strings and comments and nothing else.

One regular expression for each family of syntax walks over strings, so that a `#` in one is none, and captures
comments. Each of its parts ends at the end of a line or of the file at the latest and never gives back what it took:
time is linear in the size of the file, whatever the file holds.
"""

from __future__ import annotations

import re

_DOUBLE = rb'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"?'
_SINGLE = rb"'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'?"
_LONG_DOUBLE = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_TRIPLE = (
    rb'"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+(?:""")?',
    rb"'''[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*+(?:''')?",
)
_TEMPLATE = rb"`[^`\\]*+(?:\\.[^`\\]*+)*+`?"
_HASH = rb"#[^\n]*+"
_SLASHES = rb"//[^\n]*+"
_BLOCK = rb"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?"
# Where a triple-quoted string begins a line it is a docstring, or stands there as a comment.
_LINE_START = rb"(?:(?<=\n)|(?<=\s[ \t])|\A|(?<=\n[rRuU])|(?<=\s[ \t][rRuU]))"
_REGEX = (
    rb"(?:(?<=[=(,:!|&])|(?<=[=(,:!|&] ))/(?![*/])"
    rb"[^/\\\n\[]*+(?:(?:\\[^\n]|\[[^\]\\\n]*+(?:\\[^\n][^\]\\\n]*+)*+\]?)[^/\\\n\[]*+)*+/?"
)
_RUST_CHAR = rb"'(?:[^'\\\n]|\\[^\n][^'\n]{0,10}+)'"


def _lexer(starters: bytes, comments: tuple[bytes, ...], others: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """`starters` are the characters with which the parts begin: all before the first of them is passed over."""
    parts = rb"(" + rb"|".join(comments) + rb")|" + rb"|".join(others)
    return re.compile(rb"[^" + starters + rb"]*+(?:" + parts + rb"|.|\Z)", re.DOTALL)


_C = (_SLASHES, _BLOCK)
_LEXERS = {
    "python": _lexer(rb"\"'#", (_HASH, *(_LINE_START + t for t in _TRIPLE)), (*_TRIPLE, _DOUBLE, _SINGLE)),
    "c": _lexer(rb"\"'/", _C, (_DOUBLE, _SINGLE)),
    "java": _lexer(rb"\"'/", _C, (_TRIPLE[0], _DOUBLE, _SINGLE)),
    "javascript": _lexer(rb"\"'/`", _C, (_REGEX, _TEMPLATE, _DOUBLE, _SINGLE)),
    "go": _lexer(rb"\"'/`", _C, (rb"`[^`]*+`?", _DOUBLE, _SINGLE)),
    "rust": _lexer(rb"\"'/", _C, (_LONG_DOUBLE, _RUST_CHAR)),
    "php": _lexer(rb"\"'/#", (*_C, rb"#(?!\[)[^\n]*+"), (_LONG_DOUBLE, rb"'[^'\\]*+(?:\\.[^'\\]*+)*+'?")),
    "ruby": _lexer(rb"\"'#", (_HASH,), (_DOUBLE, _SINGLE)),
    "shell": _lexer(rb"\"'#\\\\", (rb"(?<![^\s;])" + _HASH,), (_LONG_DOUBLE, rb"'[^']*+'?", rb"\\.")),
}
SYNTAXES = tuple(_LEXERS)
EXTENSIONS = {
    "." + extension: syntax
    for syntax, extensions in {
        "python": "py pyi pyw pyx pxd",
        "c": "c h cc cpp cxx c++ hh hpp hxx h++ cu cuh m mm ino",
        "java": "java kt kts scala swift groovy gradle dart cs",
        "javascript": "js mjs cjs jsx es6 ts mts cts tsx",
        "go": "go",
        "rust": "rs",
        "php": "php",
        "ruby": "rb rake gemspec",
        "shell": "sh bash zsh ksh",
    }.items()
    for extension in extensions.split()
}
"""The syntax of a file, by its extension."""


def count_comments(content: bytes, syntax: str, ascii_only: bool) -> int:
    """Characters in comments of valid UTF-8, with the marks that begin and end them."""
    comments = _LEXERS[syntax].findall(content)
    if ascii_only:
        return sum(map(len, comments))
    return len(b"".join(comments).decode("utf-8", "replace"))
