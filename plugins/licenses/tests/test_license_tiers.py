"""`licenses.tiers` with its quick detector alone: evidence, doubt, and the lines that name who holds the copyright."""

from __future__ import annotations

from hashlib import sha256

import pytest

from bigcode.testing.context import StageContext
from bigcode_licenses.text import normalise

EULA = """Licence agreement
You may install this programme on one machine of yours and run it there for as long as you pay the yearly fee.
You agree to give no copy to anybody, to take no part of it into other programmes, and to tell nobody how it works.
We may end this agreement at any time, and then you remove all copies and confirm in writing that none is left.
"""
GPL = """This program is free software; you can redistribute it and/or modify
it under the terms of the GNU General Public License as published by
the Free Software Foundation; either version 2 of the License, or
(at your option) any later version."""
NOTICE = """# Copyright (c) 2020 Jane Doe <jane.doe@example.org>
# Copyright 2021 The Example Authors. All rights reserved.
#
# Licensed under the MIT license.
"""


def test_both_components_say_the_same_where_the_quick_detector_is_sure(observe, read, licensed):
    for _, name, text in licensed:
        row = read(name, text)
        if row["license_ids"] and not row["license_unclear"]:
            assert {k: row[k] for k in ("license_ids", "license_role", "license_attribution")} == {
                k: observe(name, text)[k] for k in ("license_ids", "license_role", "license_attribution")
            }


def test_each_id_has_a_score_and_a_category(read, text_of):
    row = read("LICENSE", text_of("MIT") + "\n\n" + text_of("MPL-2.0"))
    assert row["license_ids"] == ["MIT", "MPL-2.0"]
    assert row["license_categories"] == ["permissive", "weak-copyleft"]
    assert len(row["license_scores"]) == 2
    assert not row["license_unclear"]


def test_evidence_names_the_detector_the_place_and_the_digest_of_the_words(read, text_of):
    text = text_of("BSD-3-Clause")
    (found,) = read("LICENSE", text)["license_evidence"]
    part = normalise(text)[found["start"] : found["end"]]
    assert (found["id"], found["detector"]) == ("BSD-3-Clause", "licenseclassifier")
    assert found["text"] == sha256(part.encode()).hexdigest()
    other = read("LICENSE.md", "Copyright (c) 1999 Somebody Else\n\n" + text)["license_evidence"][0]
    assert other["text"] == found["text"]


@pytest.mark.parametrize(
    "name, text, detector",
    [
        ("a.py", "# SPDX-License-Identifier: MIT\n", "spdx-line"),
        ("a.py", NOTICE, "phrase"),
        ("package.json", '{"license": "ISC"}', "metadata"),
    ],
)
def test_what_is_found_by_name_has_no_place(read, name: str, text: str, detector: str):
    (found,) = read(name, text)["license_evidence"]
    assert (found["detector"], found["start"], found["end"], found["text"]) == (detector, 0, 0, "")


@pytest.mark.parametrize(
    "name, content",
    [
        ("LICENSE", EULA),
        ("NOTICE", EULA),
        ("LICENSE", b"%PDF-1.7\n\x00\x01"),
        ("LICENSE.pdf", "%PDF-1.7\n"),
        ("LICENSE.rtf", "{\\rtf1\\ansi MIT}"),
        ("COPYING", b"MIT\x00License"),
        ("PKG-INFO", "Metadata-Version: 2.1\nName: a\nVersion: 1\nLicense: GPL\n\n"),
        (
            "a.c",
            "/* You may use this file for research. Redistribution and use in products needs a contract. */\n",
        ),
    ],
)
def test_what_a_person_should_look_at_is_unclear(read, name: str, content: str | bytes):
    assert read(name, content)["license_unclear"]


def test_a_licence_file_that_is_no_text_states_nothing(read):
    row = read("LICENSE.pdf", b"%PDF-1.7\n\x00")
    assert (row["license_ids"], row["license_role"]) == ([], "text")


@pytest.mark.parametrize(
    "name, content",
    [
        ("LICENSE", ""),
        ("LICENSE", "\n \n"),
        ("LICENSE", "See LICENSE.txt.\n"),
        ("a.py", ""),
        ("a.py", "x = 1\n"),
        ("a.py", "# See the LICENSE file for details.\nx = 1\n"),
        ("a.py", "# See the README file for information on usage and redistribution.\n"),
        ("a.py", 'licence = "redistribution and use"\n'),
        ("logo.pdf", b"%PDF-1.7 license \x00"),
    ],
)
def test_a_file_without_a_statement_is_not_unclear(read, name: str, content: str | bytes):
    row = read(name, content)
    assert (row["license_ids"], row["license_role"], row["license_unclear"]) == ([], "", False)


def test_a_scrap_of_another_licence_makes_a_text_unclear(read, text_of):
    row = read("LICENSE", text_of("Apache-2.0") + GPL)
    assert row["license_unclear"]
    scores = dict(zip(row["license_ids"], row["license_scores"], strict=True))
    # Nobody confirms it here, so it counts; the second detector can.
    assert scores.keys() == {"Apache-2.0", "GPL-2.0-or-later"}


def test_two_statements_of_different_kinds_in_one_header_are_unclear(read):
    row = read(
        "a.py", "\n".join(f"# {line}" for line in GPL.splitlines()) + "\n# Proprietary and confidential.\n"
    )
    assert row["license_categories"] == ["copyleft", "proprietary"]
    assert row["license_unclear"]


def test_a_licence_file_of_a_megabyte_is_read_at_its_head_and_unclear(read, text_of):
    row = read("LICENSE", text_of("MIT") * 1000)
    assert row["license_ids"] == ["MIT"]
    assert row["license_unclear"]
    assert read("THIRD-PARTY-NOTICES.txt", "notice " * 200_000)["license_ids"] == []


def test_copyright_lines_are_quoted_without_addresses(read):
    assert read("a.py", NOTICE)["copyright"] == [
        "Copyright (c) 2020 Jane Doe",
        "Copyright 2021 The Example Authors. All rights reserved.",
    ]


@pytest.mark.parametrize(
    "line, quoted",
    [
        ("Copyright (C) 2001 A. Person", "Copyright (C) 2001 A. Person"),
        ("© 2019 Müller GmbH", "© 2019 Müller GmbH"),
        ("(c) 1999 Somebody", "(c) 1999 Somebody"),
        ("SPDX-FileCopyrightText: 2020 A <a@b.example>", "2020 A"),
        ("Copyright 2020 A, a.b at mail dot example", "Copyright 2020 A,"),
        ("Copyright 2020 A (a [at] mail [dot] example)", "Copyright 2020 A"),
        ("Copyright 2020 A @ B", "Copyright 2020"),
        ("Copyright [yyyy] [name of copyright owner]", ""),
        ("Copyright (C) <year>  <name of author>", ""),
        ("Copyright notice and this permission notice", ""),
        ("COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM", ""),
        ("(c) You must retain all notices", ""),
        ("the copyright of others", ""),
    ],
)
def test_a_copyright_line_names_a_holder(read, line: str, quoted: str):
    assert read("a.c", f"/*\n * {line}\n */\n")["copyright"] == ([quoted] if quoted else [])


def test_copyright_lines_are_few_short_and_at_the_head(read):
    many = "".join(f"# Copyright (c) {year} {'A' * 300}\n" for year in range(2000, 2020))
    lines = read("a.py", many)["copyright"]
    assert len(lines) == 10
    assert all(len(line) == 200 for line in lines)
    assert read("a.py", "x = 1\n# Copyright (c) 2020 A\n")["copyright"] == []


def test_licence_files_give_their_copyright_lines(read, licensed):
    found = [line for _, name, text in licensed for line in read(name, text)["copyright"]]
    assert len(found) > 40
    assert not [line for line in found if "@" in line]


def test_the_same_text_under_other_names_says_the_same(read, text_of):
    first = read("LICENSE", text_of("MIT"))
    again = read("COPYING", "Copyright (c) 1980 Nobody\n" + text_of("MIT"))
    assert {k: again[k] for k in again if k not in ("name", "copyright")} == {
        k: first[k] for k in first if k not in ("name", "copyright")
    }


def test_the_quick_detector_leaves_nothing_in_the_memory(read, text_of):
    context = StageContext()
    read("LICENSE", text_of("MIT"), context)
    assert context.memory == {}
