"""Licence files: what their text says, whatever the name in the copyright line."""

from __future__ import annotations

import re

import pytest

UNKNOWN = "LicenseRef-scancode-unknown"
EULA = """Licence agreement
You may install this programme on one machine of yours and run it there for as long as you pay the yearly fee.
You agree to give no copy to anybody, to take no part of it into other programmes, and to tell nobody how it works.
We may end this agreement at any time, and then you remove all copies and confirm in writing that none is left.
"""


def test_installed_packages_ship_the_licence_that_their_metadata_declares(observe, licensed):
    simple = [(e, name, text) for e, name, text in licensed if re.fullmatch(r"[\w.-]+", e)]
    exact = [e for e, name, text in simple if observe(name, text)["license_ids"] == [e]]
    assert len(simple) >= 30
    assert {"MIT", "Apache-2.0", "BSD-3-Clause"} <= set(exact)
    # The others hold the texts of what they bundle as well, which no metadata mentions.
    assert len(exact) >= 0.9 * len(simple)


def test_what_a_package_declares_is_among_what_its_file_holds(observe, licensed):
    for identifier in ("MIT", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "MPL-2.0"):
        files = [(name, text) for expression, name, text in licensed if expression == identifier]
        found = [identifier in observe(name, text)["license_ids"] for name, text in files]
        assert sum(found) >= len(found) - 1


@pytest.mark.parametrize(
    "name",
    [
        "LICENSE", "LICENCE", "License.txt", "LICENSE.md", "license", "license-mit", "LICENSE.MIT", "LICENSE-MIT.txt",
        "COPYING", "COPYING.LESSER", "COPYING.txt", "UNLICENSE", "NOTICE", "NOTICE.txt", "MIT.txt", "zlib.LICENSE",
        "project_LICENSE.md", "license.rst", "LICENSES.txt", "COPYRIGHT", "ThirdPartyNotices.txt",
    ],
)  # fmt: skip
def test_files_named_like_licences_are_read_as_licences(observe, text_of, name: str):
    row = observe(name, text_of("MIT"))
    assert (row["license_ids"], row["license_role"]) == (["MIT"], "text")
    assert row["license_scores"][0] > 0.9


@pytest.mark.parametrize(
    "name", ["license.py", "licenses.json", "LICENSE.svg", "relicensed.txt", "noticed.md", "notes.txt"]
)
def test_other_files_are_not(observe, text_of, name: str):
    assert observe(name, text_of("MIT"))["license_role"] == ""


def test_names_case_signs_and_space_make_no_difference(observe, text_of):
    text = text_of("MIT")
    changed = text.replace("\n", "\r\n   ").replace('"', "''").upper()
    changed = "The licence\n© 1999 Somebody Else, All rights reserved.\nAll rights reserved.\n" + changed
    assert observe("LICENSE", changed)["license_ids"] == ["MIT"]


def test_a_file_of_several_licences_states_each_of_them(observe, text_of):
    row = observe("LICENSE", "\n\n".join(text_of(i) for i in ("MIT", "Apache-2.0", "MIT", "BSD-3-Clause")))
    assert row["license_ids"] == ["Apache-2.0", "BSD-3-Clause", "MIT"]
    assert len(row["license_scores"]) == 3


def test_a_text_that_nobody_knows_is_unknown_and_never_silent(observe):
    row = observe("LICENSE", EULA)
    assert (row["license_ids"], row["license_role"], row["license_attribution"]) == ([UNKNOWN], "text", True)


def test_the_setting_says_how_much_of_a_file_known_texts_must_explain(observe, text_of):
    text = EULA * 4 + text_of("MIT")
    assert observe("LICENSE", text)["license_ids"] == [UNKNOWN]
    row = observe("LICENSE", text, coverage=0.2)
    assert row["license_ids"] == ["MIT"]
    assert 0.2 < row["license_scores"][0] < 0.5


def test_a_restriction_beside_a_known_text_makes_it_unknown_as_well(observe, text_of):
    row = observe("LICENSE", text_of("MIT") + "\nThis software is for non-commercial use only.\n")
    assert row["license_ids"] == [UNKNOWN, "MIT"]


@pytest.mark.parametrize(
    "name, text",
    [
        ("LICENSE", ""),
        ("LICENSE", "BSD-licensed.\n"),
        ("LICENSE", "Available under either of the licences found in LICENSE.APACHE or LICENSE.BSD.\n"),
        ("license.rst", "License\n=======\n\n.. include:: ../LICENSE.txt\n"),
        ("NOTICE", "Requests\nCopyright 2019 Somebody\n"),
        ("NOTICE", EULA),
        ("check-license", EULA),
        ("license-check", "#!/bin/sh\n" + EULA),
        ("licenses.rst", EULA),
    ],
)
def test_files_that_hold_no_terms_say_nothing(observe, name: str, text: str):
    row = observe(name, text)
    assert (row["license_ids"], row["license_role"], row["license_attribution"]) == ([], "", False)


@pytest.mark.parametrize(
    "text, identifier",
    [
        ("This project is released under the MIT license.\n", "MIT"),
        ("SPDX-License-Identifier: Apache-2.0 OR MIT\n", "Apache-2.0 OR MIT"),
        ("Distributed under the terms of the GPLv3+ license\n", "GPL-3.0-or-later"),
        ("Copyright (c) 2020 Somebody. All rights reserved.\n", "LicenseRef-scancode-proprietary-license"),
    ],
)
def test_a_licence_file_may_be_a_sentence(observe, text: str, identifier: str):
    row = observe("LICENSE", text)
    assert (row["license_ids"], row["license_role"]) == ([identifier], "text")


def test_a_file_beside_another_speaks_of_that_one_only(observe):
    banner = "/*!\n * Library v3\n * Copyright Somebody\n * Released under the MIT license\n */\n"
    assert observe("app.js.LICENSE.txt", banner)["license_role"] == "header"
    row = observe(
        "logo.png.license", "SPDX-FileCopyrightText: Somebody\n\nSPDX-License-Identifier: CC0-1.0\n"
    )
    assert (row["license_ids"], row["license_role"], row["license_attribution"]) == (
        ["CC0-1.0"],
        "header",
        False,
    )


@pytest.mark.parametrize("identifier, asks", [("MIT", True), ("Apache-2.0", True), ("MIT-0", False)])
def test_attribution_is_asked_for_unless_the_reviewed_list_says_otherwise(observe, text_of, identifier, asks):
    row = observe("LICENSE", text_of(identifier))
    assert (row["license_ids"], row["license_attribution"]) == ([identifier], asks)


def test_one_licence_that_asks_for_attribution_is_enough(observe, text_of):
    assert observe("LICENSE", text_of("MIT-0") + "\n\n" + text_of("MIT"))["license_attribution"]
    assert observe("a.py", "# SPDX-License-Identifier: MIT OR CC0-1.0\n")["license_attribution"]
