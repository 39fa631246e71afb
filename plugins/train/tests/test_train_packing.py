"""Rows for training: nothing lost, nothing cut short, nothing that depends on who asks for which part."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from token_arrays import END, FIRST, MARKS, make_files

from bigcode.api import Problem
from bigcode_train.order import blocks, fim
from bigcode_train.order.mixture import plan_mixture
from bigcode_train.order.packing import Recipe, Sequences
from bigcode_train.tokens.token_files import TokenFiles

Packing = Literal["documents", "best-fit", "starcoder"]
packings = pytest.mark.parametrize("packing", ["documents", "best-fit", "starcoder"])
LENGTHS = [int(n) for n in np.random.default_rng(5).integers(1, 150, 300)]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a size that a test fills several of."""
    monkeypatch.setattr(blocks, "LEAST_TOKENS", 1 << 12)
    monkeypatch.setattr(blocks, "LEAST_ROWS", 8)


def make_sequences(files: TokenFiles | list[TokenFiles], **changes: Any) -> Sequences:
    recipe = replace(Recipe(64, 7, 0.5, 0.5, MARKS), **changes)
    several = files if isinstance(files, list) else [files]
    return Sequences(several, recipe, plan_mixture(several, seed=recipe.seed, stage=recipe.stage))


def rows_an_epoch(sequences: Sequences) -> int:
    (stream,) = sequences.blocks
    return stream.rows_an_epoch


def stretches_of(row: list[int]) -> list[list[int]]:
    """What stands between end-of-text tokens in a row, without its opening."""
    found: list[list[int]] = [[]]
    for token in row[1:]:
        found[-1].append(token)
        if token == END:
            found.append([])
    return [stretch for stretch in found if stretch]


def fill_in(stretch: list[int]) -> list[int]:
    """Put the middle of a stretch back into its place, where it was moved. The marks must stand as they should."""
    if MARKS.prefix not in stretch:
        return stretch
    closed = stretch[-1:] if stretch[-1] == END else []
    stretch = stretch[: len(stretch) - len(closed)]
    assert Counter(token for token in stretch if token < FIRST) == Counter(MARKS[:3])
    suffix, middle = stretch.index(MARKS.suffix), stretch.index(MARKS.middle)
    assert stretch[0] == MARKS.prefix
    assert suffix < middle
    if suffix == 1:
        # Prefix and middle are told as one: what follows them in the document is the suffix.
        return stretch[middle + 1 :] + stretch[2:middle] + closed
    return stretch[1:suffix] + stretch[middle + 1 :] + stretch[suffix + 1 : middle] + closed


def test_the_middle_moves_to_the_end_and_nothing_is_lost() -> None:
    ids = np.arange(10, 20)
    patch = fim.cut_between_tokens(10, (0.3, 0.6))
    told = {
        order: np.concatenate(fim.rearrange(ids, patch, order, MARKS)).tolist()
        for order in (fim.PSM, fim.SPM)
    }
    assert told[fim.PSM] == [1, 10, 11, 12, 3, 16, 17, 18, 19, 2, 13, 14, 15]
    assert told[fim.SPM] == [1, 3, 16, 17, 18, 19, 2, 10, 11, 12, 13, 14, 15]


@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=60),
    width=st.integers(16, 64),
    epoch=st.integers(0, 3),
    fim_rate=st.sampled_from([0.0, 0.5, 1.0]),
    packing=st.sampled_from(["documents", "best-fit"]),
)
def test_every_token_is_seen_in_every_epoch_and_every_row_is_full(
    lengths: list[int], width: int, epoch: int, fim_rate: float, packing: Packing
) -> None:
    files = make_files(lengths)
    sequences = make_sequences(files, width=width, fim_rate=fim_rate, packing=packing)
    count = rows_an_epoch(sequences)
    rows = sequences.rows(epoch * count, (epoch + 1) * count)
    assert rows.shape == (count, width + 1)
    seen = np.zeros(len(files.ids), int)
    ends = 0
    for row in rows.tolist():
        assert MARKS.pad not in row
        for stretch in stretches_of(row):
            text = [token - FIRST for token in fill_in(stretch) if token != END]
            # A stretch is one piece of one document, in its order.
            assert text == list(range(text[0], text[0] + len(text))) if text else True
            seen[text] += 1
            ends += stretch[-1] == END
    inner = np.delete(np.arange(len(files.ids)), files.offsets[1:] - 1)
    assert (seen[inner] >= 1).all()
    assert ends >= len(lengths)
    # Less than a row of each block repeats, beside room that was kept for control tokens and not asked for.
    added = blocks.growth_of(packing, "token") * (len(lengths) + sum(lengths) / (width - 3))
    assert seen.sum() + ends - sum(lengths) < width * len(sequences.blocks[0]) + added


@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=60),
    fim_rate=st.sampled_from([0.5, 1.0]),
    packing=st.sampled_from(["documents", "best-fit"]),
)
def test_control_tokens_are_added_and_never_cut_off(
    lengths: list[int], fim_rate: float, packing: Packing
) -> None:
    sequences = make_sequences(make_files(lengths), width=32, fim_rate=fim_rate, packing=packing)
    for row in sequences.rows(0, rows_an_epoch(sequences)).tolist():
        for stretch in stretches_of(row):
            fill_in(stretch)


@packings
def test_ranks_see_parts_of_the_same_batches(packing: Packing) -> None:
    files = make_files(LENGTHS)
    whole = make_sequences(files, packing=packing).rows(0, 48)
    for world in (2, 3, 8):
        parts = [
            make_sequences(files, packing=packing).rows(r * 48 // world, (r + 1) * 48 // world)
            for r in range(world)
        ]
        assert np.array_equal(np.concatenate(parts), whole)


@packings
@pytest.mark.parametrize("position", [0, 1, 17, 400, 1200])
def test_a_run_that_goes_on_sees_what_it_would_have_seen(packing: Packing, position: int) -> None:
    files = [make_files(LENGTHS, source="a"), make_files(LENGTHS[:80], source="b")]
    uninterrupted = make_sequences(files, packing=packing)
    for first in range(0, position, 100):
        uninterrupted.rows(first, first + 1)
    resumed = make_sequences(files, packing=packing)
    span = (position, position + 30)
    assert np.array_equal(resumed.rows(*span), uninterrupted.rows(*span))
    assert resumed.digest(*span) == uninterrupted.digest(*span)
    assert resumed.places(*span) == uninterrupted.places(*span)


def test_going_on_lays_out_no_block_before() -> None:
    sequences = make_sequences(make_files(LENGTHS))
    late = 1000 * rows_an_epoch(sequences) + 3
    sequences.rows(late, late + 4)
    assert sequences._plan.cache_info().misses <= 2
    assert len(sequences.blocks[0]) > 4


def test_the_digest_tells_samples_apart() -> None:
    files = make_files(LENGTHS)
    digests = [
        make_sequences(files, **change).digest(0, 8)
        for change in (
            {},
            {"seed": 8},
            {"stage": 1},
            {"fim_rate": 0.0},
            {"packing": "best-fit"},
            {"width": 65},
        )
    ]
    assert len({*digests, make_sequences(files).digest(8, 16)}) == len(digests) + 1
    assert make_sequences(files).digest(0, 8) == digests[0]
    assert len(digests[0]) == 32


def test_another_epoch_brings_the_same_documents_in_another_order_and_otherwise_cut() -> None:
    sequences = make_sequences(make_files(LENGTHS))
    count = rows_an_epoch(sequences)
    first, second = sequences.rows(0, count), sequences.rows(count, 2 * count)
    assert not np.array_equal(first[:8], second[:8])
    texts = [{token for row in rows.tolist() for token in row if token >= FIRST} for rows in (first, second)]
    assert texts[0] == texts[1]
    assert sequences.documents(0, count) == [(0, document) for document in range(len(LENGTHS))]


def test_a_row_opens_with_what_its_first_prediction_sees() -> None:
    sequences = make_sequences(make_files(LENGTHS), fim_rate=0.0)
    ends = set((np.cumsum(LENGTHS) - 1).tolist())
    for opening, first, *_ in sequences.rows(0, 200).tolist():
        if opening != END and first != END:
            assert first == opening + 1
        elif first != END:
            # A document begins: the token before its first is the end of another.
            assert first == FIRST or first - FIRST - 1 in ends


def test_a_document_whose_middle_moved_is_cut_only_where_no_row_holds_it() -> None:
    lengths = [int(n) for n in np.random.default_rng(1).integers(9, 60, 400)]
    files = make_files(lengths)
    for packing in ("documents", "best-fit"):
        sequences = make_sequences(files, packing=packing, width=128)
        cut = told = 0
        for place, plan in sequences._plans(0, rows_an_epoch(sequences)):
            for document, piece, _ in plan.row(place.row):
                if piece.patch is not None:
                    told += 1
                    cut += piece.stop - piece.start < lengths[document]
        assert told > 150
        assert cut <= 0.02 * told


def test_the_rates_are_kept() -> None:
    lengths = [int(n) for n in np.random.default_rng(1).integers(12, 60, 3000)]
    sequences = make_sequences(make_files(lengths), fim_rate=0.4, spm_rate=0.3)
    count = rows_an_epoch(sequences)
    orders = Counter(order for place, plan in sequences._plans(0, count) for *_, order in plan.row(place.row))
    moved = orders[fim.PSM] + orders[fim.SPM]
    assert moved / 3000 == pytest.approx(0.4, abs=0.03)
    assert orders[fim.SPM] / moved == pytest.approx(0.3, abs=0.04)


def test_best_fit_cuts_fewer_documents() -> None:
    lengths = [int(n) for n in np.minimum(np.random.default_rng(2).lognormal(3.5, 1.0, 2000), 400)]
    cuts = {}
    for packing in ("documents", "best-fit"):
        sequences = make_sequences(
            make_files([n + 1 for n in lengths]), packing=packing, width=512, fim_rate=0.0
        )
        rows = sequences.rows(0, rows_an_epoch(sequences))
        cuts[packing] = int((rows[:, -1] != END).sum())
    assert cuts["best-fit"] < 0.7 * cuts["documents"]


def test_starcoder_packing_cuts_chunks_and_fills_them_up() -> None:
    files = make_files(LENGTHS)
    plain = make_sequences(files, packing="starcoder", fim_rate=0.0)
    count = rows_an_epoch(plain)
    assert count == sum(-(-int(n) // 64) for n in tokens_of_blocks(plain))
    texts = Counter(token for row in plain.rows(0, count)[:, 1:].tolist() for token in row if token != END)
    assert set(texts) == {int(token) for token in files.ids if token != END}
    moved = make_sequences(files, packing="starcoder", fim_rate=1.0)
    rows = moved.rows(0, count)
    assert rows.shape == (count, 65)
    # Control tokens make chunks longer than a row, and what is over is cut off, as it was there.
    assert (rows == MARKS.prefix).sum() > count
    assert (rows[:, -1] != MARKS.pad).all()


def tokens_of_blocks(sequences: Sequences) -> list[int]:
    (stream,) = sequences.blocks
    lengths = np.array(LENGTHS)
    return [int(lengths[stream.read(0, number)].sum()) for number in range(len(stream))]


def test_documents_are_named_by_source_shard_and_row() -> None:
    two = [make_files([30, 40], source="stack"), make_files([50], source="issues")]
    places = make_sequences(two, width=16).places(0, 60)
    assert places == ["stack/part-0:0", "stack/part-0:1", "issues/part-0:0"]
    assert make_sequences(two[0], width=16).places(0, 20) == ["part-0:0", "part-0:1"]


def test_shares_of_sources_hold_in_tokens_and_are_counted() -> None:
    two = [make_files(LENGTHS, source="stack"), make_files(LENGTHS[:50], source="issues")]
    weights = [{"name": "stack", "weight": 3.0}, {"name": "issues", "weight": 1.0}]
    sequences = Sequences(two, Recipe(64, 7, 0.5, 0.5, MARKS), plan_mixture(two, weights))
    counts = {count.source: count for count in sequences.counts(0, 1000)}
    assert counts["stack"].tokens == pytest.approx(750 * 64, abs=128)
    assert counts["issues"].epochs == pytest.approx(250 / sequences.blocks[1].rows_an_epoch, abs=0.02)
    own = sequences.blocks[1].rows_an_epoch
    assert sequences.counts(0, 4 * own)[0].epochs == pytest.approx(1, abs=1.5 / own)
    streams = [place.stream for place in sequences.locate(0, 1000)]
    assert {name: streams.count(i) * 64 for i, name in enumerate(("stack", "issues"))} == {
        name: count.tokens for name, count in counts.items()
    }


def test_a_recipe_that_the_tokenizer_cannot_serve_is_refused() -> None:
    files = make_files(LENGTHS)
    for marks, packing in ((fim.Marks(-1, -1, -1), "documents"), (fim.Marks(1, 2, 3), "starcoder")):
        with pytest.raises(Problem) as raised:
            make_sequences(files, marks=marks, packing=packing)
        assert raised.value.diagnostics[0].code == "E106"
    make_sequences(files, marks=fim.Marks(-1, -1, -1), fim_rate=0.0).rows(0, 2)
