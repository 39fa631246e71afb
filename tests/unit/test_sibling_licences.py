"""Which licence a sibling's records take: that of their repository, under any name that opt-outs would know it by."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bigcode.decide.siblings import REPOSITORIES, inherit

RENAMES = [
    {"host": "", "from": "old-name", "to": "new-name"},
    {"host": "h", "from": "ann/kit", "to": "ann/kit2"},
]


def given(*rows: tuple[str, str, str, str, str]) -> pa.Table:
    """Repositories by host, owner, repository, licence and reason."""
    names = ("host", "owner", "repository", "license", "license_reason")
    more = {
        "license_source": "repository",
        "license_category": "permissive",
        "license_attribution": "required",
    }
    return pa.Table.from_pylist(
        [{**dict(zip(names, row, strict=True)), **more} for row in rows], REPOSITORIES
    )


def told(repositories: pa.Table, *names: tuple[str, str, str]) -> list[str]:
    rows = pa.Table.from_pylist([dict(zip(("host", "owner", "repository"), n, strict=True)) for n in names])
    table, _ = inherit(rows, repositories, RENAMES)
    reasons = zip(table["license"].to_pylist(), table["license_reason"].to_pylist(), strict=True)
    return [reason or license_ for license_, reason in reasons]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (("h", "ann", "kit"), "MIT"),
        (("H", "Ann", "KIT"), "MIT"),
        (("h", "ann", "k-i_t"), "license.unknown"),
        (("h", "ann", "kit2"), "MIT"),
        (("g", "ann", "kit2"), "license.unknown"),
        (("h", "New-Name", "tool"), "ISC"),
        (("h", "new-name", "other"), "license.unknown"),
        (("pypi", "my_pkg", "My.Pkg"), "0BSD"),
        (("h", "my_pkg", "My.Pkg"), "license.unknown"),
    ],
)
def test_a_repository_is_found_by_all_that_opt_outs_take_for_its_name(
    name: tuple[str, str, str], expected: str
) -> None:
    known = given(
        ("h", "ann", "kit", "MIT", ""), ("h", "old-name", "tool", "ISC", ""), ("pypi", "my-pkg", "my-pkg", "0BSD", ""),
    )  # fmt: skip
    assert told(known, name) == [expected]


def test_the_very_name_comes_before_others_and_of_others_one_that_is_not_admitted() -> None:
    known = given(
        ("h", "ann", "kit", "MIT", ""),
        ("h", "Ann", "kit", "GPL-3.0-only", "license.denied"),
        ("h", "old-name", "tool", "ISC", ""),
        ("h", "NEW-name", "tool", "GPL-3.0-only", "license.denied"),
    )
    assert told(known, ("h", "ann", "kit"), ("h", "ANN", "kit")) == ["MIT", "license.denied"]
    assert told(known, ("h", "old-name", "tool"), ("h", "OLD-name", "tool")) == ["ISC", "ISC"]


def test_rows_keep_their_order_and_it_is_told_whether_a_rename_decided() -> None:
    known = given(("h", "old-name", "tool", "ISC", ""), ("h", "ann", "kit", "MIT", ""))
    names = [("h", "ann", "kit"), ("h", "old-name", "tool"), ("h", "x", "y"), ("h", "ann", "kit")]
    assert told(known, *names) == ["MIT", "ISC", "license.unknown", "MIT"]
    plain = pa.table({"host": ["h"], "owner": ["ann"], "repository": ["KIT"]})
    assert inherit(plain, known, RENAMES)[1] is False
    assert inherit(pa.table({"host": ["h"], "owner": ["new-name"], "repository": ["tool"]}), known, RENAMES)[
        1
    ]
    assert inherit(plain.slice(0, 0), known, RENAMES)[0].num_rows == 0
