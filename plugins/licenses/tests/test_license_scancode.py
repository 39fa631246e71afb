"""`licenses.tiers` with ScanCode behind it: what the quick detector does not settle, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bigcode.api import Problem, load_object
from bigcode.testing.context import StageContext
from bigcode_licenses import scancode
from bigcode_licenses.plugin import bigcode_components

TIERS = bigcode_components()[1]
GPL = """This program is free software; you can redistribute it and/or modify
it under the terms of the GNU General Public License as published by
the Free Software Foundation; either version 2 of the License, or
(at your option) any later version."""


def full_text(key: str) -> str:
    """A licence text as ScanCode's data ships it."""
    folder = Path(find_spec("licensedcode").submodule_search_locations[0]) / "data" / "licenses"
    return (folder / f"{key}.LICENSE").read_text().split("\n---\n", 1)[1]


@pytest.fixture(scope="module")
def context() -> StageContext:
    return StageContext()


@pytest.fixture(scope="module")
def both(read, context):
    """Read one file with both tiers; all tests share what is remembered."""
    return lambda name, content: read(name, content, context, tier2="scancode")


def stated(row: dict) -> dict[str, float]:
    return dict(zip(row["license_ids"], row["license_scores"], strict=True))


@pytest.mark.parametrize(
    "key",
    ["bigcode-open-rail-m-v1", "bigscience-open-rail-m", "bigscience-rail-1.0", "stable-diffusion-2022-08-22",
     "responsible-ai-source-1.1", "the-stack-tos-2023-07", "commons-clause", "llama-2-license-2023"],
)  # fmt: skip
def test_texts_that_the_quick_detector_does_not_know_are_named(both, key: str):
    row = both("LICENSE", full_text(key))
    assert row["license_ids"] == [f"LicenseRef-scancode-{key}"]
    assert row["license_categories"][0] in ("proprietary", "weak-copyleft")
    assert row["license_scores"][0] > 0.9
    assert not row["license_unclear"]
    assert {found["detector"] for found in row["license_evidence"]} >= {"scancode"}


def test_a_text_that_the_quick_detector_settles_never_reaches_scancode(both, context, text_of):
    before = set(context.memory)
    both("LICENSE", text_of("Apache-2.0"))
    assert not [key for key in set(context.memory) - before if key.startswith("scancode")]


def test_a_text_is_scanned_once_in_any_run(read, monkeypatch):
    kept = StageContext()
    first = read("LICENSE", full_text("bigscience-rail-1.0"), kept, tier2="scancode")
    assert sum(key.startswith("scancode-3") for key in kept.memory) == 1

    def refuse(text: str, near: bool) -> None:
        raise AssertionError("a text was scanned twice")

    monkeypatch.setattr(scancode, "read", refuse)
    again = StageContext(memory=dict(kept.memory))
    assert read("LICENSE", full_text("bigscience-rail-1.0"), again, tier2="scancode") == first


def test_a_variant_scores_as_much_as_both_detectors_explain(both, read, text_of):
    text = (
        text_of("BSD-3-Clause")
        + "\nCode that is generated belongs to the owner of the input file used to do so.\n" * 2
    )
    alone, row = read("LICENSE", text), both("LICENSE", text)
    assert row["license_ids"] == alone["license_ids"] == ["BSD-3-Clause"]
    assert stated(row)["BSD-3-Clause"] >= stated(alone)["BSD-3-Clause"]


def test_terms_beside_a_known_text_stay_unknown_unless_scancode_names_them(both, text_of):
    row = both(
        "LICENSE",
        text_of("MIT") + "\nYou must not use this for commercial ends, nor feed it to a parrot.\n" * 3,
    )
    assert "LicenseRef-scancode-unknown" in row["license_ids"]
    assert row["license_unclear"]
    named = both("LICENSE", full_text("commons-clause") + "\n\n" + text_of("MIT"))
    assert "LicenseRef-scancode-commons-clause" in named["license_ids"]
    assert "LicenseRef-scancode-unknown" not in named["license_ids"]


def test_a_confirmed_scrap_counts_and_a_mention_does_not_flip_the_text(both, text_of):
    confirmed = stated(both("LICENSE", text_of("Apache-2.0") + "\n\n" + GPL))
    assert confirmed["GPL-2.0-or-later"] > 0.9
    mentioned = both("LICENSE", text_of("MIT") + "\n\nParts were once compared with code under the GPL.\n")
    assert [i for i, score in stated(mentioned).items() if score >= 0.9] == ["MIT"]


@pytest.mark.parametrize(
    "notice, identifier",
    [
        ("Use of this source code is governed by a BSD-style license that can be found in the LICENSE file.",
         "BSD-3-Clause"),
        ("This file is dual licensed under the terms of the Apache License, Version\n"
         "2.0, and the BSD License. See the LICENSE file in the root of this repository\nfor complete details.",
         "Apache-2.0 OR BSD-3-Clause"),
        ("Dual licensed under the MIT and GPL licenses.", "GPL-1.0-or-later OR MIT"),
    ],
)  # fmt: skip
def test_notices_in_other_words_are_read(both, notice: str, identifier: str):
    text = "".join(f"// {line}\n" for line in notice.splitlines()) + "\nint x;\n"
    row = both("a.c", text)
    assert (row["license_ids"], row["license_role"]) == ([identifier], "header")


@pytest.mark.parametrize(
    "notice", ["See LICENSE for details.", "The licence of this is discussed elsewhere."]
)
def test_a_notice_that_names_no_licence_states_none(both, notice: str):
    row = both("a.c", f"// {notice}\nint x;\n")
    assert (row["license_ids"], row["license_unclear"]) == ([], False)


def test_terms_that_neither_knows_are_unknown_and_unclear(both):
    row = both(
        "LICENSE",
        "You may cook with this on Sundays, and give each neighbour one spoon of what you cooked.\n" * 8,
    )
    assert (row["license_ids"], row["license_unclear"]) == (["LicenseRef-scancode-unknown"], True)


def test_installed_packages_are_read_at_least_as_well_as_by_one_detector(both, read, licensed):
    simple = [(e, n, t) for e, n, t in licensed if " " not in e and len(t) < 4000][:25]
    better = [both(name, text)["license_ids"] == [e] for e, name, text in simple]
    single = [read(name, text)["license_ids"] == [e] for e, name, text in simple]
    assert sum(better) >= sum(single) >= 0.9 * len(simple)


@pytest.mark.parametrize(
    "words", ["http://www.gnu.org/licenses/ ", "license ", "under the mit license or the gpl "]
)
def test_a_text_that_would_keep_scancode_busy_for_minutes_is_left_to_a_person(read, monkeypatch, words: str):
    monkeypatch.delattr(scancode, "read")
    row = read("LICENSE", words * 2000, StageContext(), tier2="scancode")
    assert row["license_unclear"]
    assert not any(score >= 0.9 for i, score in stated(row).items() if i != "LicenseRef-scancode-unknown")


def test_scancode_loads_beside_our_pluggy_and_after_our_host():
    script = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from bigcode.host.manager import load_host\n"
        "host = load_host(); assert host.registry.find('licenses.tiers')\n"
        "import licensedcode.models, pluggy; from packaging.version import Version\n"
        "assert Version(pluggy.__version__) < Version('1.7'), pluggy.__version__\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_scancode_is_not_loaded_before_a_text_needs_it(text_of):
    script = (
        "import sys\nfrom bigcode.api import load_object\n"
        "from bigcode.testing.context import StageContext\nimport pyarrow as pa\n"
        "stage = load_object('bigcode_licenses.tiers:LicenseTiers')"
        "(load_object('bigcode_licenses.config:TiersConfig')(tier2='scancode'))\n"
        "table = pa.table({'blob': ['0'], 'name': ['LICENSE'], 'content': [sys.stdin.buffer.read()]})\n"
        "print(stage.run(table, StageContext())['license_ids'].to_pylist(), 'licensedcode' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=text_of("MIT").encode(), capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == "[['MIT']] False"


def test_asking_for_scancode_without_having_it_is_an_error_with_a_hint(monkeypatch):
    monkeypatch.setattr(scancode, "is_installed", lambda: False)
    with pytest.raises(Problem, match="ScanCode, which is not installed"):
        load_object(TIERS.factory)(load_object(TIERS.config)(tier2="scancode"))
    load_object(TIERS.factory)(load_object(TIERS.config)(tier2="none"))
