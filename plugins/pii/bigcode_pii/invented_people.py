"""Invented people, accounts and mailboxes, and what is easily taken for them.

A maker returns the pieces of a line; a piece that carries a label is a `Labelled`. Contexts were written from what
such lines look like in source code, not from the patterns of this plugin; some kinds are there because no pattern of
it can find them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from string import ascii_uppercase

from bigcode_pii.config import Entity
from bigcode_pii.invented import draw_word


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value that carries a label: of `entity`, or with `positive` false only similar to it."""

    text: str
    entity: Entity
    positive: bool = True


Piece = str | Labelled
Maker = Callable[[Random], tuple[Piece, ...]]

_FIRST = """\
Anneliese Bartholomew Cheng Dorothea Emeka Fatima Gunnar Hyun-woo Ilse Jadwiga Kwame Łukasz Mónica Nikolaj Oluwaseun
Priya Quentin Rosalind Søren Tatiana Umberto Violeta Wojciech Xiulan Yevgenia Zsófia
"""
_LAST = """\
Abernathy Bergström Castellanos Dąbrowski Eriksen Fitzgerald Gupta Hashimoto Ivanova Jørgensen Kowalczyk Lindqvist
McAllister Nakamura O'Connor Petrova Quintero Rasmussen Szabó Thorvaldsen Ueda Vasquez Whitfield Zhang
"""


def draw_person(rng: Random) -> str:
    middle = rng.choice(("", "", "", f" {rng.choice(ascii_uppercase)}."))
    return f"{rng.choice(_FIRST.split())}{middle} {rng.choice(_LAST.split())}"


def draw_login(rng: Random) -> str:
    return rng.choice(
        (draw_word(rng), f"{draw_word(rng)}{rng.randint(2, 99)}", f"{draw_word(rng)[:1]}{draw_word(rng)}")
    )


def draw_mailbox(rng: Random) -> str:
    return (
        f"{draw_login(rng)}@{draw_word(rng)}{draw_word(rng)}.{rng.choice(('com', 'org', 'net', 'de', 'io'))}"
    )


def around(rng: Random, value: Labelled, *frames: tuple[str, str]) -> tuple[Piece, ...]:
    before, after = rng.choice(frames)
    return before, value, after


def _author(rng: Random) -> tuple[Piece, ...]:
    return around(
        rng, Labelled(draw_person(rng), "NAME"), (" * @author ", ""), ("# Author: ", ""), ('__author__ = "', '"'),
        ("//  Created by ", " on 12/03/2015."), ("\\author{", "}"), ("; Written by ", "."), ("/// \\author ", ""),
        (":Author: ", ""), ('author="', '",'), ("Original author ", ", 2011"),
    )  # fmt: skip


def _trailer(rng: Random) -> tuple[Piece, ...]:
    by = rng.choice(("Signed-off-by", "Co-authored-by", "Reviewed-by", "Tested-by"))
    return f"{by}: ", Labelled(draw_person(rng), "NAME"), " <", Labelled(draw_mailbox(rng), "EMAIL"), ">"


def _mailbox(rng: Random) -> tuple[Piece, ...]:
    before, after = rng.choice((("# ", ""), ('"', '",'), ("    ", ""), ("Maintainer: ", ""), ("From: ", "")))
    return before, Labelled(draw_person(rng), "NAME"), " <", Labelled(draw_mailbox(rng), "EMAIL"), ">" + after


def _spelled(rng: Random) -> tuple[Piece, ...]:
    at, dot = rng.choice(((" at ", " dot "), (" [at] ", " [dot] "), ("(at)", "(dot)"), (" (at) ", ".")))
    text = f"{draw_login(rng)}{at}{draw_word(rng)}{draw_word(rng)}{dot}{rng.choice(('com', 'org', 'edu'))}"
    return around(rng, Labelled(text, "EMAIL"), ("# mail: ", ""), (" * ", ""), ("<", ">"))


def _home(rng: Random) -> tuple[Piece, ...]:
    return around(
        rng, Labelled(draw_login(rng), "USERNAME"), ('path = "/home/', '/projects/data.csv"'), ("cd /Users/", "/src"),
        ('r"C:\\Users\\', '\\Desktop\\x.txt"'), ('"C:\\\\Users\\\\', '\\\\AppData"'), ("# /home/", "/.bashrc"),
        ("file:///Users/", "/index.html"), ('"C:/Users/', '/Documents"'),
    )  # fmt: skip


def _mention(rng: Random) -> tuple[Piece, ...]:
    return around(
        rng, Labelled(draw_login(rng), "USERNAME"), ("# Thanks to @", " for the report"), ("- Fix a leak (by @", ")"),
        ("// cc @", ""), ("* fixed by @", " in #123"), ("Reported by @", "."), ("// @", ": please look"),
    )  # fmt: skip


def _account(rng: Random) -> tuple[Piece, ...]:
    return around(
        rng, Labelled(draw_login(rng), "USERNAME"), ("# see https://github.com/", ""),
        ('"url": "https://gitlab.com/', '"'),
        ("[me](https://twitter.com/", ")"), ("<https://www.linkedin.com/in/", "/>"), ("https://bitbucket.org/", "."),
    )  # fmt: skip


POSITIVES: Mapping[str, Maker] = {
    "author": _author,
    "trailer": _trailer,
    "mailbox": _mailbox,
    "name-in-comment": lambda rng: ("# spoke with ", Labelled(draw_person(rng), "NAME"), " about this"),
    "spelled": _spelled,
    "home": _home,
    "mention": _mention,
    "account": _account,
    "task": lambda rng: (
        f"// {rng.choice(('TODO', 'FIXME'))}(",
        Labelled(draw_login(rng), "USERNAME"),
        "): fix",
    ),
    "login-assigned": lambda rng: ('username = "', Labelled(draw_login(rng), "USERNAME"), '"'),
}


def unlike(entity: Entity, *lines: Callable[[Random], tuple[str, str, str]]) -> Maker:
    def make(rng: Random) -> tuple[Piece, ...]:
        before, value, after = rng.choice(lines)(rng)
        return before, Labelled(value, entity, positive=False), after

    return make


NEGATIVES: Mapping[str, Maker] = {
    "organisation": unlike(
        "NAME",
        lambda rng: (" * @author ", "Spring Framework Team", ""),
        lambda rng: ("# Copyright (c) 2019 ", f"{draw_word(rng).capitalize()} Software Foundation", ""),
        lambda rng: ("// Created by ", "Visual Studio 2019", ""),
        lambda rng: (
            "Maintainer: ",
            f"{draw_word(rng).capitalize()} Developers",
            " <list@lists.example.org>",
        ),
        lambda rng: ("author = ", f"{draw_word(rng).capitalize()}.{draw_word(rng).capitalize()}", ""),
    ),
    "shared-account": unlike(
        "USERNAME",
        lambda rng: ('"/home/', rng.choice(("runner", "ubuntu", "user", "vagrant")), '/work"'),
        lambda rng: ("C:\\Users\\", rng.choice(("Public", "Administrator", "runneradmin")), "\\x"),
        lambda rng: ('path="/home/', "index.html", '"'),
        lambda rng: ("cd /Users/", "${USER}", "/src"),
    ),
    "at-sign": unlike(
        "USERNAME",
        lambda rng: (" * ", "@param", " value by which to grow"),
        lambda rng: ("by ", "@babel/core", ""),
        lambda rng: ("", "@staticmethod", ""),
        lambda rng: ("TODO(", f"#{rng.randint(100, 9999)}", "): remove"),
        lambda rng: ("# https://github.com/", f"{draw_word(rng)}/{draw_word(rng)}", "/issues/3"),
    ),
}
