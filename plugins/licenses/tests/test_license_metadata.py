"""Package metadata: expressions, fields and classifiers."""

from __future__ import annotations

import json

import pytest

OSI = "License :: OSI Approved :: "


def package(*lines: str) -> str:
    return "\n".join(
        ("Metadata-Version: 2.4", "Name: sample", "Version: 1", *lines, "", "SPDX is mentioned here.")
    )


@pytest.mark.parametrize(
    "lines, ids",
    [
        (["License-Expression: Apache-2.0 OR BSD-2-Clause"], ["Apache-2.0 OR BSD-2-Clause"]),
        (["License-Expression: mit", "License: GPL"], ["MIT"]),
        (["License: MIT"], ["MIT"]),
        (["License: Apache License, Version 2.0"], ["Apache-2.0"]),
        (["License: BSD 3-Clause License"], ["BSD-3-Clause"]),
        (["License: GPLv3+"], ["GPL-3.0-or-later"]),
        (["Classifier: License :: OSI Approved :: MIT License"], ["MIT"]),
        (["Classifier: License :: OSI Approved :: GNU General Public License v2 (GPLv2)"], ["GPL-2.0-only"]),
        (["License: License :: OSI Approved :: Apache Software License"], ["Apache-2.0"]),
        (["Classifier: License :: Other/Proprietary License"], ["LicenseRef-scancode-proprietary-license"]),
        (
            ["License: MIT", "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)"],
            ["GPL-3.0-only", "MIT"],
        ),
        (
            ["License: MPL-2.0 AND MIT", "Classifier: License :: OSI Approved :: MIT License"],
            ["MIT AND MPL-2.0"],
        ),
        (
            [
                "License: LGPL",
                "Classifier: License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)",
            ],
            ["LGPL-3.0-only"],
        ),
    ],
)
def test_what_a_package_declares(observe, lines: list[str], ids: list[str]):
    for name in ("PKG-INFO", "METADATA"):
        row = observe(name, package(*lines))
        assert (row["license_ids"], row["license_role"]) == (ids, "metadata")


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["License: UNKNOWN"],
        ["License: BSD", "Classifier: License :: OSI Approved :: BSD License"],
        ["License: see the file"],
        ["Classifier: Programming Language :: Python"],
    ],
)
def test_what_is_absent_unknown_or_ambiguous_says_nothing(observe, lines: list[str]):
    row = observe("PKG-INFO", package(*lines))
    assert (row["license_ids"], row["license_role"]) == ([], "")


def test_a_family_without_its_version_scores_less_than_a_name_and_a_name_less_than_an_expression(observe):
    scores = [
        observe("PKG-INFO", package(f"License: {n}"))["license_scores"][0]
        for n in ("GPL", "GPLv3", "GPL-3.0-only")
    ]
    assert scores == sorted(scores)
    assert len(set(scores)) == 3


def test_a_field_that_holds_a_whole_licence_is_read_as_one(observe, text_of):
    lines = text_of("MIT").splitlines()
    folded = "License: " + "\n        ".join(lines)
    assert observe("PKG-INFO", package(folded))["license_ids"] == ["MIT"]


@pytest.mark.parametrize(
    "name, text, ids",
    [
        ("pyproject.toml", '[project]\nname = "a"\nlicense = "MIT"\n', ["MIT"]),
        ("pyproject.toml", '[project]\nlicense = {text = "MPL-2.0 AND MIT"}\n', ["MIT AND MPL-2.0"]),
        ("pyproject.toml", f'[project]\nlicense = {{file = "L"}}\nclassifiers = ["{OSI}MIT License"]\n', ["MIT"]),
        ("pyproject.toml", '[tool.poetry]\nlicense = "BSD-3-Clause"\n', ["BSD-3-Clause"]),
        ("setup.cfg", f"[metadata]\nclassifiers =\n    {OSI}Apache Software License\n", ["Apache-2.0"]),
        ("setup.cfg", "[metadata]\nlicense = Apache 2.0\n", ["Apache-2.0"]),
        ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"\n', ["Apache-2.0 OR MIT"]),
        ("package.json", '{"license": "ISC"}', ["ISC"]),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "GPLv2"}]}', ["GPL-2.0-only OR MIT"]),
        ("package.json", '{"license": "UNLICENSED"}', ["LicenseRef-scancode-proprietary-license"]),
    ],
)  # fmt: skip
def test_manifests_of_other_tools_are_read(observe, name: str, text: str, ids: list[str]):
    row = observe(name, text)
    assert (row["license_ids"], row["license_role"]) == (ids, "metadata")


@pytest.mark.parametrize(
    "name, text",
    [
        ("PKG-INFO", "not metadata at all"),
        ("METADATA", b"\xff\xfe\x00"),
        ("pyproject.toml", "[project\n"),
        ("pyproject.toml", "project = 3\n"),
        ("setup.cfg", "no section\n"),
        ("package.json", "[" * 100_000),
        ("package.json", json.dumps({"license": {"type": 3}})),
        ("package.json", json.dumps({"licenses": [{"type": "MIT"}, {"type": "ours"}]})),
        ("Cargo.toml", "[package]\nlicense.workspace = true\n"),
    ],
)
def test_a_file_that_does_not_parse_says_nothing(observe, name: str, text: str | bytes):
    assert observe(name, text)["license_role"] == ""
