"""The scanner of `licenseclassifier`, over words that one regular expression finds.

The library walks over a text sign by sign in Python, which is most of its time. `Words` finds the same words at the
same places, and asks the library what each of them is; a test holds both against each other on any text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

from licenseclassifier._engine import Match, Scanner, builtin_scanner
from licenseclassifier._engine.dictionary import Dict

# Characters outside ASCII are looked at by what they are alone; each kind has one of Latin-1 to stand for it.
_LETTER, _DIGIT, _ACCENT, _MARK, _SIGN, _OTHER = "\xe9", "\xb2", "\xb4", "\xaf", "\xa9", "\xa0"
_ACCENTS = "\u0300\u0301"
"""Marks that the library drops."""
_TOKEN = re.compile(
    r"([a-zA-Z0-9\xe9\xb2][a-zA-Z0-9\xe9\xb2\xb4\xaf]*+(?:\(s\))?+|\([cC]\xb4*+\)|\xa9|&copy;)"
    # Passed over: a tag of HTML on at most three lines, unless an address or a URL comes before its first space;
    r"|<(?=[^\r\n<>]*+(?:[\r\n][^\r\n<>]*+){0,2}+>)/?[a-zA-Z](?:[^<>@: ]|:(?!/))*+(?: [^<>]*+)?+>"
    # a character of HTML by name or number, an anchor and the target of a link in Markdown.
    r"|&(?:#x[0-9a-fA-F\xb2]++|#[0-9\xb2]++|[a-zA-Z]++);"
    r"|\{#[^} \r\n]*+\}"
    r"|\]\((?:https?://|mailto:|file:|#)[^ \t\r\n)]*+\)"
)
_MOST_WORDS = 1 << 16


def find_known(text: str) -> list[Match]:
    """The known texts in a text, in its order: what `licenseclassifier.identify_license` finds, in half the time."""
    return _scanner().scan(text).match


class Words(Dict):
    """A dictionary of the library that splits a text by its own pattern."""

    def __init__(self, words: list[str]) -> None:
        super().__init__()
        for word in words:
            self.insert(word)
        self._copyright = self.lookup("copyright")
        self._numbers = _Numbers(super().split)
        self._kinds = _Kinds()

    def split(self, text: str) -> list[tuple[int, int, int]]:
        """Number, start and end of each word; the number of a word that no licence has is negative."""
        shape = text if text.isascii() else text.translate(self._kinds)
        words, last = [], None
        numbers, copyright = self._numbers, self._copyright
        for token in _TOKEN.finditer(shape):
            start, end = token.span(1)
            if start < 0:
                continue
            number = numbers[text[start:end]]
            # "Copyright ©" is one word.
            if number != copyright or last != copyright:
                words.append((number, start, end))
                last = number
        return words


class _Numbers(dict[str, int]):
    """What the library takes a word for, asked once for each."""

    def __init__(self, split: Callable[[str], list[tuple[int, int, int]]]) -> None:
        self._split = split

    def __missing__(self, word: str) -> int:
        if len(self) >= _MOST_WORDS:
            self.clear()
        ((number, _, _),) = self._split(word)
        self[word] = number
        return number


class _Kinds(dict[int, str]):
    """For `str.translate`: ASCII as it is, and what stands for a character outside it."""

    def __missing__(self, point: int) -> str:
        kind = self[point] = _kind(chr(point))
        return kind


def _kind(char: str) -> str:
    if char.isascii() or char == _SIGN:
        return char
    if char.isalpha():
        return _LETTER
    if char.isdigit():
        return _DIGIT
    if char in _ACCENTS:
        return _ACCENT
    return _MARK if unicodedata.category(char) == "Mn" else _OTHER


@cache
def _scanner() -> Scanner:
    scanner = Scanner.from_compiled(builtin_scanner().compiled_data())
    scanner.re.dict = Words(scanner.dict.words())
    return scanner
