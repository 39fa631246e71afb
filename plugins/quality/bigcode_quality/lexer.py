"""The lexer of `comments`, compiled by numba: the same parts, byte by byte.

No compiled code of the package is called from here: numba compiles anew when this file has changed, and looks at no
other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bigcode_quality.jit import inner, kernel

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

HASH, SLASHES, TRIPLE_DOUBLE, TRIPLE_SINGLE, DOUBLE, SINGLE, BACKTICK, REGEX, ESCAPE = range(9)
"""Columns of the rules of a syntax."""
ALWAYS, AFTER_SPACE, BUT_ATTRIBUTES = 1, 2, 3
"""Where `#` begins a comment."""
LINE, LONG, RAW, CHARACTER = 1, 2, 3, 4
"""Up to where a string goes: the end of its line, its closing sign, that without escapes, or one character of Rust."""

_LF, _SPACE, _TAB, _BACKSLASH, _QUOTE, _APOSTROPHE, _TICK = 10, 32, 9, 92, 34, 39, 96
_SIGN, _SLASH, _STAR, _SEMICOLON, _OPEN, _CLOSE = 35, 47, 42, 59, 91, 93
_PREFIXES = (82, 85, 114, 117)
_OPERATORS = (61, 40, 44, 58, 33, 124, 38)
_LONGEST_ESCAPE = 10


@kernel
def count_comments(
    data: Bytes, bounds: Integers, syntax: Integers, rules: Bytes, starters: Bytes, out: Integers
) -> None:
    """Characters in the comments of each row of valid UTF-8, where `syntax` says which row of `rules` and `starters`
    holds for it; nothing for a negative number."""
    for i in range(len(bounds) - 1):
        out[i] = 0
        if syntax[i] >= 0:
            out[i] = _count(data[bounds[i] : bounds[i + 1]], rules[syntax[i]], starters[syntax[i]])


@inner
def _count(text: Bytes, rule: Bytes, starter: Bytes) -> int:
    chars, j, end = 0, 0, len(text)
    while j < end:
        byte = text[j]
        if not starter[byte]:
            j += 1
            continue
        stop, counts = j + 1, False
        following = text[j + 1] if j + 1 < end else np.uint8(0)
        if byte == _SIGN:
            counts = _begins_comment(text, j, following, rule[HASH])
            stop = _to_line_end(text, j) if counts else j + 1
        elif byte == _SLASH:
            if following == _SLASH:
                stop, counts = _to_line_end(text, j), True
            elif following == _STAR:
                stop, counts = _to_block_end(text, j + 2), True
            elif rule[REGEX] and _follows_operator(text, j):
                stop = _to_regex_end(text, j + 1)
        elif byte in (_QUOTE, _APOSTROPHE):
            triple = rule[TRIPLE_DOUBLE] if byte == _QUOTE else rule[TRIPLE_SINGLE]
            if triple and following == byte and j + 2 < end and text[j + 2] == byte:
                stop, counts = _to_triple_end(text, j + 3, byte), triple == 2 and _begins_line(text, j)
            else:
                stop = _to_string_end(text, j, byte, rule[DOUBLE] if byte == _QUOTE else rule[SINGLE])
        elif byte == _TICK:
            stop = _to_string_end(text, j, byte, rule[BACKTICK])
        elif rule[ESCAPE] and j + 1 < end:
            stop = j + 2
        if counts:
            for k in range(j, stop):
                chars += (text[k] & 0xC0) != 0x80
        j = stop
    return chars


@inner
def _is_space(byte: int) -> bool:
    return byte == _SPACE or 9 <= byte <= 13


@inner
def _begins_comment(text: Bytes, j: int, following: int, rule: int) -> bool:
    if rule == AFTER_SPACE:
        return j == 0 or _is_space(text[j - 1]) or text[j - 1] == _SEMICOLON
    return rule == ALWAYS or following != _OPEN


@inner
def _begins_line(text: Bytes, j: int) -> bool:
    """Whether at most white space and a letter such as `r` stand before, so that a string there is a docstring."""
    if j == 0 or text[j - 1] == _LF:
        return True
    before = text[j - 1]
    if before in _PREFIXES:
        if j >= 2 and text[j - 2] == _LF:
            return True
        return j >= 3 and text[j - 2] in (_SPACE, _TAB) and _is_space(text[j - 3])
    return j >= 2 and before in (_SPACE, _TAB) and _is_space(text[j - 2])


@inner
def _follows_operator(text: Bytes, j: int) -> bool:
    """Whether a slash begins a regular expression: after one of `=(,:!|&`, with or without a space."""
    if j >= 2 and text[j - 1] == _SPACE:
        j -= 1
    if j == 0:
        return False
    sign = text[j - 1]
    return sign in _OPERATORS


@inner
def _to_line_end(text: Bytes, j: int) -> int:
    while j < len(text) and text[j] != _LF:
        j += 1
    return j


@inner
def _to_block_end(text: Bytes, j: int) -> int:
    while j < len(text):
        if text[j] == _STAR and j + 1 < len(text) and text[j + 1] == _SLASH:
            return j + 2
        j += 1
    return j


@inner
def _to_triple_end(text: Bytes, j: int, quote: int) -> int:
    while j < len(text):
        if text[j] == quote and j + 2 < len(text) and text[j + 1] == quote and text[j + 2] == quote:
            return j + 3
        if text[j] == _BACKSLASH:
            if j + 1 == len(text):
                return j
            j += 1
        j += 1
    return j


@inner
def _to_string_end(text: Bytes, start: int, quote: int, rule: int) -> int:
    if rule == CHARACTER:
        return _to_character_end(text, start)
    j = start + 1
    while j < len(text):
        byte = text[j]
        if byte == quote:
            return j + 1
        if byte == _LF and rule == LINE:
            return j
        if byte == _BACKSLASH and rule != RAW:
            if j + 1 == len(text):
                return j
            j += 1
        j += 1
    return j


@inner
def _to_character_end(text: Bytes, start: int) -> int:
    """After a character of Rust, or after the sign alone: that is a lifetime."""
    j, end = start + 1, len(text)
    if j < end and text[j] != _BACKSLASH:
        closed = text[j] != _APOSTROPHE and text[j] != _LF and j + 1 < end and text[j + 1] == _APOSTROPHE
        return j + 2 if closed else start + 1
    j += 2
    if j > end or text[j - 1] == _LF:
        return start + 1
    last = min(end, j + _LONGEST_ESCAPE)
    while j < last and text[j] != _APOSTROPHE and text[j] != _LF:
        j += 1
    return j + 1 if j < end and text[j] == _APOSTROPHE else start + 1


@inner
def _to_regex_end(text: Bytes, j: int) -> int:
    end, inside = len(text), False
    while j < end:
        byte = text[j]
        if byte == _LF:
            return j
        if byte == _BACKSLASH:
            if j + 1 == end or text[j + 1] == _LF:
                return j
            j += 1
        elif inside:
            inside = byte != _CLOSE
        elif byte == _OPEN:
            inside = True
        elif byte == _SLASH:
            return j + 1
        j += 1
    return j
