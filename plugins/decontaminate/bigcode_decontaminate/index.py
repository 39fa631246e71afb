"""The shingles of all tasks in one table."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bigcode_decontaminate.config import SuitesConfig
from bigcode_decontaminate.suites import Task
from bigcode_decontaminate.tokens import BLURRED, RAW, WORD, Wholes, blur, hash_tokens, shingles, split

_BINDING = re.compile(r"(?:(?<=\bfor )|(?<=\bdef ))\w+|\b\w+(?=\s*:?=[^=])")
_LEAST = 10
"""The table of bits is so many times as large as what is in it, so that nine in ten strangers end there."""


@dataclass(frozen=True, slots=True)
class OpenTable:
    """Hashes with their numbers, by open addressing: `bits` uint8, `keys` uint64, `slots` int32 (-1 is free)."""

    bits: NDArray[np.uint8]
    keys: Wholes
    slots: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Text:
    """A prompt or a solution: its task, its length in tokens, and how many distinct shingles make a match."""

    suite: str
    task: str
    tokens: int
    needed: int


@dataclass(frozen=True, slots=True)
class Index:
    """`hashes`: uint64, ascending, distinct. `offsets` and `members`: the numbers of the texts that hold each.
    `vocabulary`: uint64, ascending, hashes of the words that are not blurred."""

    hashes: Wholes
    offsets: NDArray[np.int64]
    members: NDArray[np.int64]
    texts: tuple[Text, ...]
    vocabulary: Wholes


def index_tasks(tasks: Iterable[Task], config: SuitesConfig) -> Index:
    """Index prompts and solutions as they are, and long solutions with the names that people choose blurred.

    A word of a solution is not blurred unless some task binds it: what is left are keywords, operations of the
    language and of its library, and numbers.
    """
    tasks = list(tasks)
    solutions = [split(task.solution.encode()) for task in tasks]
    bound = {name for task in tasks for name in bound_names(task.prompt, task.solution)}
    words = {token for tokens in solutions for token in tokens if WORD.fullmatch(token)}
    vocabulary = np.unique(hash_tokens(sorted(words - bound)))
    texts: list[Text] = []
    parts: list[Wholes] = []
    for task, solution in zip(tasks, solutions, strict=True):
        for tokens in (split(task.prompt.encode()), solution):
            hashes = hash_tokens(tokens)
            if len(tokens) >= config.min_tokens:
                _add(texts, parts, task, len(tokens), shingles(hashes, config.tokens, RAW), config.near)
        if len(solution) >= config.renamed_min_tokens and (config.renamed < 1 or config.near < 1):
            blurred = shingles(blur(solution, hash_tokens(solution), vocabulary), config.tokens, BLURRED)
            _add(texts, parts, task, len(solution), blurred, config.renamed)
    owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts]).astype(np.int64)
    every = np.concatenate([np.zeros(0, np.uint64), *parts])
    order = np.argsort(every, kind="stable")
    hashes, starts = np.unique(every[order], return_index=True)
    return Index(
        hashes, np.append(starts, len(every)).astype(np.int64), owners[order], tuple(texts), vocabulary
    )


def bound_names(prompt: str, solution: str) -> set[bytes]:
    """Names that a task gives to functions, parameters and variables, in lower case: by the grammar of Python, or by
    their place before `=` and after `for` and `def` where the text is in another language."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(prompt + solution)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {name.lower().encode() for name in _BINDING.findall(f"{prompt}\n{solution}")}
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return {name.lower().encode() for name in names}


def open_table(hashes: Wholes) -> OpenTable:
    """A table of distinct hashes, numbered by their positions."""
    size = 1 << max(4, (2 * len(hashes)).bit_length())
    keys, slots = np.zeros(size, np.uint64), np.full(size, -1, np.int32)
    for number, value in enumerate(hashes.tolist()):
        place = value >> 32 & size - 1
        while slots[place] >= 0:
            place = place + 1 & size - 1
        keys[place], slots[place] = value, number
    count = 1 << max(9, (_LEAST * len(hashes)).bit_length())
    bits = np.zeros(count, bool)
    bits[(hashes & np.uint64(count - 1)).astype(np.int64)] = True
    return OpenTable(np.packbits(bits, bitorder="little"), keys, slots)


def _add(
    texts: list[Text], parts: list[Wholes], task: Task, tokens: int, found: Wholes, share: float
) -> None:
    distinct = np.unique(found)
    needed = max(1, int(np.ceil(share * len(distinct) - 1e-9)))
    texts.append(Text(task.suite, f"{task.suite}/{task.id}", tokens, needed))
    parts.append(distinct)
