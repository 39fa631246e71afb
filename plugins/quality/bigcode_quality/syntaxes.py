"""The syntaxes of `comments` as tables for the compiled lexer."""

from __future__ import annotations

import numpy as np

from bigcode_quality import lexer
from bigcode_quality.comments import EXTENSIONS, SYNTAXES
from bigcode_quality.lexer import AFTER_SPACE, ALWAYS, BUT_ATTRIBUTES, CHARACTER, LINE, LONG, RAW

_STRING, _DOCSTRING = 1, 2
_RULES: dict[str, dict[str, int]] = {
    "python": {
        "hash": ALWAYS,
        "triple_double": _DOCSTRING,
        "triple_single": _DOCSTRING,
        "double": LINE,
        "single": LINE,
    },
    "c": {"slashes": 1, "double": LINE, "single": LINE},
    "java": {"slashes": 1, "triple_double": _STRING, "double": LINE, "single": LINE},
    "javascript": {"slashes": 1, "double": LINE, "single": LINE, "backtick": LONG, "regex": 1},
    "go": {"slashes": 1, "double": LINE, "single": LINE, "backtick": RAW},
    "rust": {"slashes": 1, "double": LONG, "single": CHARACTER},
    "php": {"hash": BUT_ATTRIBUTES, "slashes": 1, "double": LONG, "single": LONG},
    "ruby": {"hash": ALWAYS, "double": LINE, "single": LINE},
    "shell": {"hash": AFTER_SPACE, "double": LONG, "single": RAW, "escape": 1},
}
_SIGNS = {"hash": "#", "slashes": "/", "double": '"', "single": "'", "backtick": "`", "escape": "\\"}
NUMBERS: dict[str, int] = {extension: SYNTAXES.index(syntax) for extension, syntax in EXTENSIONS.items()}
"""The row of the tables for an extension."""
RULES = np.zeros((len(SYNTAXES), 9), np.uint8)
STARTERS = np.zeros((len(SYNTAXES), 256), np.uint8)
"""Whether a byte can begin a part."""
for _row, _syntax in enumerate(SYNTAXES):
    for _name, _value in _RULES[_syntax].items():
        RULES[_row, getattr(lexer, _name.upper())] = _value
        if _name in _SIGNS:
            STARTERS[_row, ord(_SIGNS[_name])] = 1
