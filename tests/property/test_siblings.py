"""Laws of what siblings write: nobody is named, JSON stays JSON, and the order of rows does not matter."""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from bigcode.decide.notices import of_projects
from bigcode.decide.people import hide, hide_accounts, number_writers, pseudonymise, without_mail
from bigcode.decide.siblings import METADATA, read_repositories, spans_in_json
from bigcode.decide.verdicts import masked

LOGINS = ("mara", "Otto-9", "user-1", "b2", "otto", "user")
logins = st.sampled_from(LOGINS)
words = st.sampled_from(
    (*LOGINS, *(f"@{login}" for login in LOGINS), *(f"`@{login.upper()}`" for login in LOGINS), "@stranger",
     "@property", "mail@otto.zz", "```", "\n", "> ", "github.com/mara", "(@otto)", "@otto's", "@otto,", "word",
     "@org/team", "é")
)  # fmt: skip
texts = (
    st.lists(st.one_of(words, st.text(max_size=4)), max_size=12)
    .map(" ".join)
    .map(lambda t: t.replace("\0", ""))
)
messages = st.lists(
    st.tuples(st.integers(1, 3), st.integers(-1, 4), st.integers(0, 3), st.one_of(st.none(), logins), texts),
    max_size=12,
    unique_by=lambda m: m[:2],
)


def table_of(rows: list[tuple[int, int, int, str | None, str]]) -> pa.Table:
    paths = [f"issues/{number}" + (f"/comments/{ident}" if ident >= 0 else "") for number, ident, *_ in rows]
    return pa.table(
        {
            **{name: pa.array([name] * len(rows), pa.string()) for name in ("host", "owner", "repository")},
            "path": pa.array(paths, pa.string()),
            "released": pa.array([row[2] for row in rows], pa.int64()),
            "authors": pa.array([[row[3]] if row[3] else [] for row in rows], pa.list_(pa.string())),
        }
    )


def written(rows: Any, kept: Any) -> dict[tuple[int, int], tuple[str | None, str]]:
    authors, plain = pseudonymise(table_of(kept), [row[4] for row in kept], number_writers(table_of(rows)))
    return dict(zip([row[:2] for row in kept], zip(authors, plain, strict=True), strict=True))


@given(messages, st.randoms(use_true_random=False), st.data())
def test_what_a_message_becomes_depends_on_no_order_and_a_number_on_nothing_that_is_kept(rows, random, data):
    shuffled = random.sample(rows, len(rows))
    assert written(rows, rows) == written(shuffled, shuffled)
    kept = [row for row in rows if data.draw(st.booleans())]
    whole, part = written(rows, rows), written(rows, kept)
    assert {place: author for place, (author, _) in part.items()} == {
        row[:2]: whole[row[:2]][0] for row in kept
    }


@given(messages)
def test_one_person_has_one_number_in_a_conversation_and_the_first_has_the_first(rows):
    found = written(rows, rows)
    for number in {row[0] for row in rows}:
        names = {(row[3].lower(), found[row[:2]][0]) for row in rows if row[0] == number and row[3]}
        assert len({login for login, _ in names}) == len(names) == len({author for _, author in names})
        assert {author for _, author in names} == {f"user-{i + 1}" for i in range(len(names))}
        first = min(
            (row for row in rows if row[0] == number and row[3]),
            key=lambda r: (r[1] >= 0, r[2], r[1]),
            default=None,
        )
        assert first is None or found[first[:2]][0] == "user-1"
    assert all(found[row[:2]][0] is None for row in rows if not row[3])


@given(texts, st.dictionaries(logins.map(str.lower), st.integers(0, 9)))
def test_nobody_who_talks_is_addressed_by_name(text, writers):
    shown = hide(text, writers)
    for login in set(writers) - {"user", "user-1"}:
        assert not re.search(rf"(?i)(?<![\w@])@{re.escape(login)}(?![\w-])", shown)
    assert "\0" not in shown
    if not writers:
        assert hide(shown, {}) == shown


@given(
    st.text(alphabet="abc .\n{}()", max_size=40), st.dictionaries(logins.map(str.lower), st.integers(0, 9))
)
def test_a_text_that_names_nobody_stays(text, writers):
    assert hide(text, writers) == text
    assert hide_accounts(text, ["mara", "mara@mail.zz"]) == text


def test_an_account_of_a_commit_goes_in_any_case_of_letters():
    accounts = ["Mara.Q" + "@" + "mail.zz", "mara-q"]
    text = f"by {accounts[0].lower()} <{accounts[0]}>, @Mara-Q; mara-q/kit and xmara.q" + "@" + "mail.zz stay"
    assert (
        hide_accounts(text, accounts)
        == "by <EMAIL> <<EMAIL>>, @user; mara-q/kit and xmara.q" + "@" + "mail.zz stay"
    )


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5), st.booleans(), st.data())
def test_json_stays_json_whatever_is_masked_within_its_strings(strings, plain, data):
    content = json.dumps(strings, ensure_ascii=not plain, indent=1).encode(errors="surrogatepass")
    marks = [m.span(1) for m in re.finditer(rb'"((?:[^"\\]|\\.)*)"', content)]
    spans = []
    for low, high in marks:
        whole = [i for i in range(low, high + 1) if i == high or content[i] & 0xC0 != 0x80]
        start, end = sorted((data.draw(st.sampled_from(whole)), data.draw(st.sampled_from(whole))))
        if start < end:
            spans.append(
                {
                    "start": start,
                    "end": end,
                    "replacement": data.draw(st.sampled_from(("<E>", '"', "\\", ""))),
                }
            )
    out = json.loads(masked(content, spans_in_json(content, spans)).decode(errors="surrogatepass"))
    assert len(out) == len(strings)


def test_a_span_that_begins_with_a_letter_of_an_escape_leaves_the_escape_whole():
    address = "ann" + "@" + "mail.zz"
    for text, found, left in (
        (f"x\n{address}\ny", f"n{address}", "x\n<E>\ny"),
        (f"é{address}", f"00e9{address}", "<E>"),
        (f'p = "{address}"', f"{address}\\", 'p = "<E>"'),
        (f"\\{address}", address, "\\<E>"),
    ):
        content = json.dumps([text]).encode()
        start = content.index(found.encode())
        spans = [{"start": start, "end": start + len(found), "replacement": "<E>"}]
        assert json.loads(masked(content, spans_in_json(content, spans))) == [left]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(METADATA.names), inner, max_size=5)
    ),
    max_leaves=15,
)


@given(st.lists(st.one_of(anything.map(json.dumps), st.text(max_size=10)), max_size=5))
def test_whatever_a_record_holds_it_is_a_row(records):
    table = read_repositories(records)
    assert table.schema == METADATA
    assert table.num_rows == len(records)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("ann", "bo")), st.sampled_from(("1", "2")), st.sampled_from(("MIT", "ISC")),
            st.none() | st.lists(st.sampled_from(("Copyright A", "Copyright B <b@mail.zz>", "x@mail.zz")), max_size=3),
        ),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_notices_depend_on_no_order_and_count_every_file(rows, random):
    def made(part):
        columns = list(zip(*part, strict=True)) or [()] * 4
        same = pa.array(["h"] * len(part), pa.string())
        kept = pa.table(
            {
                "host": same,
                "owner": pa.array(columns[0], pa.string()),
                "repository": same,
                "revision": pa.array(columns[1], pa.string()),
                "license": pa.array(columns[2], pa.string()),
                "copyright": pa.array(columns[3], pa.list_(pa.string())),
            }
        )
        return of_projects(kept, kept.drop_columns("license").slice(0, 0)).to_pylist()

    found = made(rows)
    assert found == made(random.sample(rows, len(rows)))
    assert sum(row["files"] for row in found) == len(rows)
    assert [row["owner"] for row in found] == sorted({row[0] for row in rows})
    for row in found:
        lines = {line for owner, _, _, lines in rows if owner == row["owner"] for line in lines or ()}
        expected = {"Copyright A": "Copyright A", "Copyright B <b@mail.zz>": "Copyright B"}
        assert row["copyright"] == sorted(expected[line] for line in lines if line in expected)


def test_addresses_leave_a_copyright_line_and_names_stay():
    lines = {
        "Copyright (c) 2020 Ann Q <ann@mail.zz>": "Copyright (c) 2020 Ann Q",
        "(c) Bo (bo.r@mail.example.zz), Cy": "(c) Bo, Cy",
        "Copyright 2021 Di [di (at) mail.zz]": "Copyright 2021 Di",
        "Copyright 2022 mailto:ed@localhost and others": "Copyright 2022 and others",
        "Copyright 1999, 2003 Example Inc.": "Copyright 1999, 2003 Example Inc.",
    }
    assert without_mail(pa.array(list(lines), pa.string())).to_pylist() == list(lines.values())
