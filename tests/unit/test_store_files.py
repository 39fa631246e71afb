"""The store: immutable objects, append-only actions, references that move by compare-and-swap."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcode.api.diagnostics import Diagnostic, Problem
from bigcode.api.facts import Fact
from bigcode.api.shapes import Entry
from bigcode.store.actions import Action
from bigcode.store.files import Files, open_files
from bigcode.store.store import FORMAT, Store
from bigcode.store.tables import decode_table, encode_table, read_table


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store on a disk, and one on a file system that is none."""
    if request.param == "disk":
        yield Store(str(tmp_path / "store"))
        return
    name = f"store-{uuid.uuid4().hex}"
    yield Store(f"memory://{name}", work=tmp_path / "work")
    fsspec.filesystem("memory").rm(f"/{name}", recursive=True) if fsspec.filesystem("memory").exists(
        f"/{name}"
    ) else None


def code_of(error: pytest.ExceptionInfo[Problem]) -> str:
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.hint
    return diagnostic.code


# ---------------------------------------------------------------- files


def test_a_file_is_written_replaced_listed_and_removed(store: Store) -> None:
    files = store.files
    assert files.read("a/b") is None
    assert files.names("a") == []
    files.put("a/b", b"one")
    files.put("a/b", b"two")
    files.put("a/c", b"")
    assert (files.read("a/b"), files.read("a/c"), files.names("a")) == (b"two", b"", ["b", "c"])
    files.remove("a/b")
    files.remove("a/b")
    assert (files.exists("a/b"), files.exists("a/c"), files.names("a")) == (False, True, ["c"])


def test_the_first_to_write_a_name_has_it(store: Store) -> None:
    assert store.files.put_if_absent("x/y", b"first")
    assert not store.files.put_if_absent("x/y", b"second")
    assert store.files.read("x/y") == b"first"
    assert store.files.names("x") == ["y"]


def test_of_many_writers_at_once_one_wins_and_nobody_sees_half_a_file(tmp_path: Path) -> None:
    files, gate = Files(str(tmp_path)), threading.Barrier(8)
    won: list[int] = []
    seen: set[bytes | None] = set()

    def write(number: int) -> None:
        data = bytes([number]) * 100_000
        gate.wait()
        if files.put_if_absent("refs/x", data):
            won.append(number)
        seen.add(files.read("refs/x"))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert seen == {bytes([won[0]]) * 100_000}
    assert files.names("refs") == ["x"]
    assert os.listdir(tmp_path / "refs") == ["x"], "no temporary file is left"


def test_a_layer_reads_through_and_leaves_what_is_below_alone(tmp_path: Path) -> None:
    below = Files(str(tmp_path / "below"))
    below.put("a/one", b"1")
    layered = open_files(f"layered:{tmp_path / 'top'}|{tmp_path / 'below'}")
    assert layered.read("a/one") == b"1"
    assert not layered.put_if_absent("a/one", b"other")
    assert layered.put_if_absent("a/two", b"2")
    assert layered.names("a") == ["one", "two"]
    assert (below.names("a"), below.read("a/one")) == (["one"], b"1")


# ---------------------------------------------------------------- objects


def test_an_object_is_named_by_its_bytes_and_put_once(store: Store) -> None:
    key = store.objects.put(b"text")
    assert key == hashlib.sha256(b"text").hexdigest()
    assert store.objects.put(b"text") == key
    assert (store.objects.get(key), store.objects.has(key), store.objects.intact(key)) == (
        b"text",
        True,
        True,
    )
    assert store.objects.local_path(key).read_bytes() == b"text"


def test_an_object_that_is_absent(store: Store) -> None:
    key = "0" * 64
    for look in (store.objects.get, store.objects.local_path):
        with pytest.raises(Problem) as error:
            look(key)
        assert code_of(error) == "E504"
    assert (store.objects.has(key), store.objects.intact(key)) == (False, False)


@pytest.mark.parametrize("damage", [b"", b"texu", b"text and more"])
def test_a_corrupt_object_is_put_aside_and_can_be_put_again(store: Store, damage: bytes) -> None:
    key = store.objects.put(b"text")
    path = store.files.at(store.objects.name(key))
    if store.files.local:
        os.chmod(path, 0o644)
    store.files.fs.pipe_file(path, damage)
    assert store.objects.has(key)
    assert not store.objects.intact(key)
    with pytest.raises(Problem) as error:
        store.objects.get(key)
    assert code_of(error) == "E503"
    assert not store.objects.has(key)
    (aside,) = store.files.names("quarantine")
    assert aside.startswith(key)
    assert store.files.read(f"quarantine/{aside}") == damage
    assert store.objects.put(b"text") == key
    assert store.objects.get(key) == b"text"


# ---------------------------------------------------------------- actions


def action(key: str = "ab" * 32, output: str = "11" * 32, **more: Any) -> Action:
    return Action(
        key=key,
        component="acme.names",
        behaviour=1,
        partition="0",
        identity={"spec": {"size": 1}},
        inputs={"blobs": (("a", "22" * 32),)},
        outputs={"observed": (Entry("x", output, 3, 10),)},
        **more,
    )


def test_an_action_is_read_as_it_was_committed(store: Store) -> None:
    output = store.objects.put(b"rows")
    warning = Diagnostic("E706", "left out 1 file", severity="warning", hint="Look at it.")
    written = action(
        output=output, facts=(Fact("rows", 3, "file"),), warnings=(warning,), environment={"python": "3"}
    )
    assert store.actions.commit(written) == written
    assert store.actions.get(written.key) == written


def test_an_action_whose_outputs_are_missing_counts_as_absent(store: Store) -> None:
    written = store.actions.commit(action())
    assert store.actions.read(written.key) == written
    assert store.actions.get(written.key) is None
    assert store.actions.get("cd" * 32) is None


def test_the_first_result_of_a_key_stands_and_another_one_is_an_error(store: Store) -> None:
    first = store.actions.commit(action(output=store.objects.put(b"one")))
    assert store.actions.commit(replace(first, facts=(Fact("seconds", 1, "s"),))) == first
    with pytest.raises(Problem) as error:
        store.actions.commit(action(output=store.objects.put(b"two")))
    assert code_of(error) == "E501"
    assert store.actions.read(first.key) == first


def test_a_result_whose_outputs_are_gone_gives_way_to_another(store: Store) -> None:
    one, two = store.objects.put(b"one"), store.objects.put(b"two")
    first = store.actions.commit(action(output=one))
    store.files.remove(store.objects.name(one))
    assert store.actions.commit(first) == first
    second = action(output=two)
    assert store.actions.commit(second) == second
    assert store.actions.get(first.key) == second


def test_of_a_recorded_result_the_first_stands_as_long_as_it_is_there(store: Store) -> None:
    one, two = store.objects.put(b"one"), store.objects.put(b"two")
    first = store.actions.commit(action(output=one, recorded=True))
    assert store.actions.commit(action(output=two, recorded=True)) == first
    store.files.remove(store.objects.name(one))
    second = action(output=two, recorded=True)
    assert store.actions.commit(second) == second
    assert store.actions.get(first.key) == second


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b"null", b"\xff", b'{"key": "x", "outputs": []}'])
def test_a_record_that_cannot_be_read_says_which_file_to_move(store: Store, data: bytes) -> None:
    written = action()
    store.files.put(store.actions.name(written.key), data)
    for look in (store.actions.get, store.actions.read):
        with pytest.raises(Problem) as error:
            look(written.key)
        assert code_of(error) == "E511"
        assert store.actions.name(written.key) in str(error.value)


def test_a_record_in_the_place_of_another_is_not_taken_for_it(store: Store) -> None:
    one, two = store.actions.commit(action()), action("cd" * 32)
    store.files.put(store.actions.name(two.key), store.files.read(store.actions.name(one.key)) or b"")
    with pytest.raises(Problem, match="E511"):
        store.actions.get(two.key)


# ---------------------------------------------------------------- references


ADDRESS = "Dataset/tiny@1.0.0"


def test_a_reference_moves_from_the_generation_that_was_read(store: Store) -> None:
    assert store.refs.read(ADDRESS).generation == 0
    assert store.refs.move(ADDRESS, 0, {"n": 1}).generation == 1
    assert store.refs.move(ADDRESS, 1, {"n": 2}).generation == 2
    read = store.refs.read(ADDRESS)
    assert (read.generation, read.value) == (2, {"n": 2})
    assert store.refs.addresses() == [ADDRESS]


def test_a_reference_that_somebody_else_moved_is_held(store: Store) -> None:
    store.refs.move(ADDRESS, 0, {"n": 1})
    with pytest.raises(Problem) as error:
        store.refs.move(ADDRESS, 0, {"n": 2})
    assert code_of(error) == "E505"
    assert error.value.exit_code == 7
    assert store.refs.read(ADDRESS).value == {"n": 1}


def test_of_many_runs_one_moves_a_reference(tmp_path: Path) -> None:
    store, gate = Store(str(tmp_path)), threading.Barrier(6)
    moved: list[int] = []

    def move(number: int) -> None:
        gate.wait()
        try:
            store.refs.move(ADDRESS, 0, {"n": number})
        except Problem:
            return
        moved.append(number)

    threads = [threading.Thread(target=move, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.refs.read(ADDRESS).value] == [{"n": n} for n in moved]


def test_references_do_not_stop_at_the_tenth_generation(store: Store) -> None:
    for generation in range(12):
        store.refs.move(ADDRESS, generation, {"n": generation})
    assert store.refs.read(ADDRESS).value == {"n": 11}


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"3", b"\xff"])
def test_a_reference_that_cannot_be_read_says_which_file_to_move(store: Store, data: bytes) -> None:
    store.refs.move(ADDRESS, 0, {"n": 1})
    name = "refs/Dataset/tiny/1.0.0/00000002.json"
    store.files.put(name, data)
    with pytest.raises(Problem) as error:
        store.refs.read(ADDRESS)
    assert code_of(error) == "E511"
    assert name in str(error.value)
    store.files.remove(name)
    assert store.refs.read(ADDRESS).value == {"n": 1}


# ---------------------------------------------------------------- the store as a whole


def test_a_store_is_made_once_and_known_again(store: Store) -> None:
    store.check()
    store.prepare()
    store.prepare()
    assert store.files.read("format") == FORMAT
    assert store.files.read(".gitignore") == b"*\n"


@pytest.mark.parametrize("data", [b"", b"bigcode-store 2\n", b"something else"])
def test_a_store_of_another_format_is_left_alone(store: Store, data: bytes) -> None:
    store.files.put("format", data)
    for look in (store.check, store.prepare):
        with pytest.raises(Problem) as error:
            look()
        assert code_of(error) == "E511"
    assert store.files.read("format") == data


def test_scratch_space_is_the_same_for_one_key_until_it_is_dropped(store: Store) -> None:
    folder = store.scratch("k")
    (folder / "checkpoint").write_text("x")
    assert (store.scratch("k") / "checkpoint").exists()
    assert not (store.scratch("other") / "checkpoint").exists()
    store.drop_scratch("k")
    assert not (store.scratch("k") / "checkpoint").exists()


# ---------------------------------------------------------------- tables


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "blob": st.text(max_size=4),
            "n": st.integers(-5, 5),
            "ids": st.lists(st.sampled_from(["MIT", "ISC"]), max_size=2),
        }
    ),
    max_size=12,
)
SCHEMA = pa.schema([("blob", pa.string()), ("n", pa.int64()), ("ids", pa.list_(pa.string()))])


@given(rows=ROWS, cut=st.integers(0, 12))
def test_equal_tables_have_equal_bytes_however_they_came_to_be(rows: list[dict[str, Any]], cut: int) -> None:
    whole = pa.Table.from_pylist(rows, SCHEMA)
    pieces = pa.concat_tables([whole.slice(0, cut), whole.slice(cut)]).replace_schema_metadata(
        {"made": "by a test"}
    )
    assert encode_table(pieces) == encode_table(whole)
    assert decode_table(encode_table(whole)).to_pylist() == rows
    assert decode_table(encode_table(whole), ["n"]).column_names == ["n"]


def test_a_table_is_checked_when_it_is_read(store: Store) -> None:
    table = pa.table({"n": [1, 2]})
    key = store.objects.put(encode_table(table))
    assert read_table(store.objects, key).equals(table)
    with pytest.raises(Problem) as error:
        read_table(store.objects, "0" * 64)
    assert code_of(error) == "E504"


def test_two_actions_differ_when_their_outputs_do() -> None:
    one = action()
    assert replace(one, partition="1") != one
    assert Action.from_json(one.as_json()) == one
