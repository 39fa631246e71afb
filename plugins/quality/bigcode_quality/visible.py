"""What of an HTML file its reader sees."""

from __future__ import annotations

import html
import re

# Each part ends at the end of the file at the latest and gives nothing back, so that time is linear.
_HIDDEN = re.compile(
    rb"<!--(?:[^-]++|-(?!->))*+(?:-->)?"
    rb"|<(?:script|style)\b[^>]*+>?(?:[^<]++|<(?!/(?:script|style)\b))*+"
    rb"|<[!?][^>]*+>?"
    # Quotes count after an equals sign alone, as HTML has it.
    rb"|</?[a-z][^>=]*+(?:=\s*+(?:\"[^\"]*+\"?|'[^']*+'?)?+[^>=]*+)*+>?",
    re.IGNORECASE,
)
EXTENSIONS = frozenset((".html", ".htm", ".xhtml", ".xht"))


def count_visible(content: bytes) -> int:
    """Characters outside of tags, comments, scripts and style sheets, references such as `&amp;` resolved.

    White space counts, as it does in the filter of StarCoder.
    """
    text = _HIDDEN.sub(b"", content).decode("utf-8", "replace")
    return len(html.unescape(text) if "&" in text else text)
