"""Notices in source files: only where a comment at the top makes them one."""

from __future__ import annotations

import pytest

GPL = """This program is free software; you can redistribute it and/or modify
it under the terms of the GNU General Public License as published by
the Free Software Foundation; either version 2 of the License, or
(at your option) any later version."""
APACHE = """Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License."""


def comment(text: str, mark: str) -> str:
    return "".join(f"{mark} {line}".rstrip() + "\n" for line in text.splitlines())


@pytest.mark.parametrize(
    "name, text, identifier",
    [
        ("a.py", "# SPDX-License-Identifier: MIT\n", "MIT"),
        ("a.py", "#!/usr/bin/env python3\n# Copyright 2020 A\n#\n# SPDX-License-Identifier: MIT\nx = 1\n", "MIT"),
        ("a.c", "/* SPDX-License-Identifier: GPL-2.0 */\n", "GPL-2.0-only"),
        ("a.c", "// SPDX-License-Identifier: GPL-2.0+\n#include <a.h>\n", "GPL-2.0-or-later"),
        ("a.c", "/*\n * Copyright 2020 A\n * SPDX-License-Identifier: (mit or apache-2.0)\n */\n", "Apache-2.0 OR MIT"),
        ("a.html", "<!doctype html>\n<!-- SPDX-License-Identifier: MPL-2.0 -->\n", "MPL-2.0"),
        ("a.md", "<!-- SPDX-License-Identifier: CC-BY-4.0 -->\n# Title\n", "CC-BY-4.0"),
        ("a.rst", "..\n  SPDX-License-Identifier: Apache-2.0\n\nTitle\n=====\n", "Apache-2.0"),
        ("a.sql", "-- SPDX-License-Identifier: ISC\nselect 1;\n", "ISC"),
        ("a.py", "# SPDX-License-Identifier: GPL-2.0-or-later WITH Bootloader-exception\n",
         "GPL-2.0-or-later WITH Bootloader-exception"),
        ("a.py", "# SPDX-License-Identifier: LicenseRef-Ours\n", "LicenseRef-Ours"),
        ("a.py", "# SPDX-License-Identifier: Nonesuch-1.0\n", "LicenseRef-scancode-unknown-spdx"),
    ],
)  # fmt: skip
def test_a_line_for_machines_states_its_expression(observe, name: str, text: str, identifier: str):
    row = observe(name, text)
    assert (row["license_ids"], row["license_scores"], row["license_role"]) == ([identifier], [1.0], "header")


@pytest.mark.parametrize(
    "name, text",
    [
        ("a.py", 'LINE = "SPDX-License-Identifier: MIT"\n'),
        ("a.py", 'import re\n\nHEADER = """\n# SPDX-License-Identifier: MIT\n"""\n'),
        ("a.py", "# Every file starts with SPDX-License-Identifier: MIT\n"),
        ("a.py", "# SPDX-License-Identifier: {{ license }}\n"),
        ("a.py", "# SPDX-License-Identifier: <identifier>\n"),
        ("a.py", "#\n" * 80 + "# SPDX-License-Identifier: MIT\n"),
        ("a.md", "# Title\n\n    # SPDX-License-Identifier: MIT\n"),
        ("a.txt", "SPDX-License-Identifier: MIT\n"),
        ("licenses.json", '{"licenses": [{"licenseId": "MIT"}, {"licenseId": "GPL-3.0-only"}]}\n'),
        ("a.py", "# The licence is discussed with permission of all redistributors.\n"),
        ("a.py", ":license: BSD\n"),
        ("a.py", "# :license: BSD, see LICENSE for details.\n"),
        ("a.py", "# Dual licensed under the MIT and GPL licenses.\n"),
        ("a.py", "# See http://www.gnu.org/licenses/gpl-3.0.html for a licence that does not apply here.\n"),
    ],
)
def test_a_file_that_merely_mentions_licences_states_none(observe, name: str, text: str):
    row = observe(name, text)
    assert (row["license_ids"], row["license_role"], row["license_attribution"]) == ([], "", False)


def test_the_setting_says_how_far_down_a_notice_may_stand(observe):
    text = "#\n" * 20 + "# SPDX-License-Identifier: MIT\n"
    assert observe("a.py", text, headerLines=20)["license_ids"] == []
    assert observe("a.py", text, headerLines=21)["license_ids"] == ["MIT"]


@pytest.mark.parametrize(
    "name, text, identifier",
    [
        ("a.py", "# -*- coding: utf-8 -*-\n" + comment(GPL, "#"), "GPL-2.0-or-later"),
        ("a.py", f'"""Sound files.\n\n{GPL}\n"""\n', "GPL-2.0-or-later"),
        ("a.java", "/*\n" + comment(APACHE, " *") + " */\npackage a;\n", "Apache-2.0"),
        ("a.js", "/*! @license MIT */\n", "MIT"),
        ("a.js", "// Released under the MIT License.\n", "MIT"),
        ("a.py", '"""Requests.\n\n:license: Apache 2.0, see LICENSE for more details.\n"""\n', "Apache-2.0"),
        ("a.go", "// Use of this source is licensed under the GPL license.\n", "GPL-1.0-or-later"),
    ],
)
def test_standard_headers_and_short_phrases_count(observe, name: str, text: str, identifier: str):
    row = observe(name, text)
    assert (row["license_ids"], row["license_role"]) == ([identifier], "header")


def test_a_whole_licence_in_the_first_comment_counts(observe, text_of):
    row = observe("a.c", "/*\n" + comment(text_of("MIT"), " *") + " */\nint a;\n")
    assert (row["license_ids"], row["license_role"]) == (["MIT"], "header")


@pytest.mark.parametrize(
    "first, second, ids",
    [
        ("MIT", "BSD-3-Clause", ["BSD-3-Clause", "MIT"]),
        # The second line does not widen the first.
        ("GPL-3.0-only", "MIT OR GPL-3.0-only", ["GPL-3.0-only", "GPL-3.0-only OR MIT"]),
    ],
)
def test_two_lines_for_machines_both_hold(observe, first: str, second: str, ids: list[str]):
    text = f"// SPDX-License-Identifier: {first}\n// SPDX-License-Identifier: {second}\n"
    assert observe("a.rs", text)["license_ids"] == ids


@pytest.mark.parametrize(
    "text",
    [
        "// Copyright 2020 A. Unauthorized copying of this file is strictly prohibited.\n",
        "/*\n * A Inc. - Proprietary and\n * confidential.\n */\n",
    ],
)
def test_a_file_that_gives_no_licence_says_so(observe, text: str):
    row = observe("a.swift", text)
    assert row["license_ids"] == ["LicenseRef-scancode-proprietary-license"]
    assert row["license_attribution"]
