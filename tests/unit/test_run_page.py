"""The page of a training run, drawn from its journal."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

from bigcode.cards.run_page import render_run

LINES: list[dict[str, Any]] = [
    *({"series": "train", "step": n, "loss": 9.0 / n, "lr": 0.1, "grad_norm": 1.0, "tokens": 64 * n, "seconds": n / 2}
      for n in range(1, 40)),
    *({"series": "layers", "step": n, "h.2": 0.5, "h.10": 0.25} for n in (10, 20, 30)),
    *({"series": "ranges", "step": n, "h.2.rms": 1.5, "h.2.max": 9.0, "logits.rms": 2.0, "logits.max": 77.0}
      for n in (10, 20, 30)),
    {"series": "spikes", "step": 20, "loss": 5.0, "loss_sigmas": 8.0, "grad_norm": 2.0, "grad_norm_sigmas": 1.0,
     "skipped": 1.0, "documents": "tiny:part-0.parquet:3, <odd>:1"},
    {"series": "order", "step": 1, "digest": "ab"},
    *({"series": "system", "step": n, "cpu": 0.5, "memory": 2.0**30, "joules": 50.0 * n, "seconds": float(n)}
      for n in (10, 20, 30)),
]  # fmt: skip


class Reader(HTMLParser):
    """The elements that are open, and the text of headings, captions and cells."""

    VOID = ("meta", "rect", "line", "polyline", "circle", "link", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: dict[str, list[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """What closes itself opens nothing."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.words.setdefault(self.open[-1], []).append(data.strip())


def test_the_page_has_a_part_for_each_series_and_is_well_formed() -> None:
    reader = Reader(render_run("Model/tiny@1.0.0", LINES, ""))
    assert not reader.open
    heads = [
        "Contents",
        "In short",
        "Course",
        "Steps that stood out",
        "Gradient by layer",
        "Activations and logits",
    ]
    assert reader.words["h2"] == [*heads, "Machine"]
    captions = reader.words["figcaption"]
    assert {"Training loss, nats a token", "Norm of the gradient", "Learning rate", "Tokens a second"} <= set(
        captions
    )
    assert {"Load of the processors, by second", "Metered power, W, by second"} <= set(captions)


def test_a_spike_names_its_documents_and_nothing_is_read_as_markup() -> None:
    page = render_run("Model/tiny@1.0.0", LINES, "")
    cells = Reader(page).words["td"]
    assert {"thrown away", "tiny:part-0.parquet:3, <odd>:1"} <= set(cells)
    assert "<odd>" not in page


def test_layers_stand_in_their_order() -> None:
    page = render_run("Model/tiny@1.0.0", LINES, "")
    assert page.index(">h.2<") < page.index(">h.10<")


def test_the_page_follows_from_the_journal_whatever_its_order() -> None:
    page = render_run("Model/tiny@1.0.0", LINES, "")
    assert render_run("Model/tiny@1.0.0", LINES[::-1], "") == page
    assert render_run("Model/tiny@1.0.0", json.loads(json.dumps(LINES)), "") == page


def test_it_stands_alone() -> None:
    assert not re.search(r"(src|href)=\"(?!#)", render_run("Model/tiny@1.0.0", LINES, ""))


def test_a_short_or_older_journal_has_what_it_has() -> None:
    one = Reader(render_run("Model/tiny@1.0.0", LINES[:1], ""))
    assert one.words["h2"] == ["Contents", "In short"]
    plain = [{"series": "train", "step": n, "loss": 2.0} for n in (1, 2)]
    assert Reader(render_run("Model/tiny@1.0.0", plain, "")).words["h2"] == ["Contents", "In short", "Course"]
    assert not Reader(render_run("Model/tiny@1.0.0", [], "")).open
