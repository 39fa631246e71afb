"""How often a model finds the true next line of a held-out file among lines of other held-out files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from bigcode.api import Fact, ProcessContext, fail
from bigcode.api.canonical import canonical
from bigcode_evals.config import ContinuationConfig
from bigcode_evals.scorer import Scorer, lay_out
from bigcode_evals.texts import Document, by_project, read_documents, sample_by_project

# A line with less text than this says little about what comes before it.
_LEAST = 8
_SAMPLE = 16 * 1024 * 1024
_TRIES = 64


@dataclass(frozen=True, slots=True)
class Item:
    """Lines of a file, and the candidates for the next one; `truth` is the place of the true one."""

    prefix: str
    choices: tuple[str, ...]
    truth: int


class Continuation:
    """A process with the inputs `model` and `held_out`, and the output `results`: results.json.

    A candidate counts by the mean log-likelihood of its bytes, its line break before it included. The lines of
    an item are of one language where the split has enough of it.
    """

    def __init__(self, config: ContinuationConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        """Rank the candidates of all items.

        Raises:
            Problem: E707 when the held-out split has too little text, E805 when the model lacks its tokenizer.
        """
        documents = sample_by_project(read_documents(ctx, "held_out"), _SAMPLE)
        items = draw_items(documents, self.config)
        scorer = Scorer(lay_out(ctx), self.config.context, self.config.threads)
        answers = []
        for number, item in enumerate(items, start=1):
            answers.append(best_choice(scorer, item))
            ctx.progress(number, len(items))
        right = sum(answer == item.truth for answer, item in zip(answers, items, strict=True))
        path = ctx.scratch / "results.json"
        truths = [item.truth for item in items]
        path.write_bytes(canonical({"answers": answers, "choices": self.config.choices, "truths": truths}))
        ctx.save("results", path)
        read = tuple(entry.digest for name in ("model", "held_out") for entry in ctx.entries(name))
        for fact in _facts(right, len(items), self.config.choices, read):
            ctx.fact(fact)


def best_choice(scorer: Scorer, item: Item) -> int:
    """The place of the candidate that the model finds likeliest per byte."""
    nats = scorer.nats_after(scorer.encode(item.prefix), [scorer.encode(choice) for choice in item.choices])
    rates = [loss / len(choice.encode()) for loss, choice in zip(nats, item.choices, strict=True)]
    return rates.index(min(rates))


def draw_items(documents: Sequence[Document], config: ContinuationConfig) -> Sequence[Item]:
    """Distinct items from all projects in turn; the same documents, seed and settings give the same ones. They are
    fewer than asked for where the split is small.

    Raises:
        Problem: E707 when no file has a line to ask for, or no other file has lines to set beside it.
    """
    rng = Random(config.seed)
    lines = {document: document.text.split("\n") for document in documents}
    pools: dict[str, list[tuple[Document, str]]] = {"": []}
    for document in documents:
        for line in lines[document]:
            if len(line.strip()) >= _LEAST:
                pools[""].append((document, line))
                if document.language:
                    pools.setdefault(document.language, []).append((document, line))
    turns = []
    for _, files in sorted(by_project(documents).items()):
        places = [(document, place) for document in files for place in _places(lines[document])]
        rng.shuffle(places)
        turns.append(places)
    items: list[Item] = []
    for turn in range(config.items * _TRIES):
        if len(items) == config.items or not any(turns):
            break
        places = turns[turn % len(turns)]
        if not places:
            continue
        document, place = places.pop()
        truth = lines[document][place]
        for pool in (pools.get(document.language, []), pools[""]):
            others = _others(rng, pool, document, truth, config.choices - 1)
            if others is not None:
                before = lines[document][max(0, place - config.prefix_lines) : place]
                items.append(_item(rng, before, truth, others))
                break
    if not items:
        raise fail("E707", "the held-out split has too little text for lines to be compared")
    return items


def _places(lines: Sequence[str]) -> Sequence[int]:
    """Lines that can be asked for: with some text, after a line that ends in text.

    Tokens then do not reach across the line break, whatever the candidate, as a tokenizer starts a token there.
    """
    return [
        place
        for place in range(1, len(lines))
        if len(lines[place].strip()) >= _LEAST and lines[place - 1] and not lines[place - 1][-1].isspace()
    ]


def _others(
    rng: Random, pool: Sequence[tuple[Document, str]], document: Document, truth: str, wanted: int
) -> list[str] | None:
    """Distinct lines of other files, or None when they were not found after a number of tries."""
    found: list[str] = []
    for _ in range(_TRIES * wanted if pool else 0):
        other, line = rng.choice(pool)
        if other.digest != document.digest and line != truth and line not in found:
            found.append(line)
            if len(found) == wanted:
                return found
    return None


def _item(rng: Random, before: Sequence[str], truth: str, others: Sequence[str]) -> Item:
    choices = [truth, *others]
    rng.shuffle(choices)
    return Item("\n".join(before), tuple(f"\n{choice}" for choice in choices), choices.index(truth))


def _facts(right: int, items: int, choices: int, read: tuple[str, ...]) -> Sequence[Fact]:
    """Counts are measured; what a card shows of them is derived."""
    method = "mean log-likelihood per byte of a line after the lines before it"
    return (
        Fact("items", items, "line", label="Lines asked for", inputs=read),
        Fact("items.right", right, "line", label="Lines found", inputs=read, method=method),
        Fact("items.choices", items * choices, "line", label="Lines to choose from", inputs=read),
        Fact(
            "accuracy.continuation",
            right / items,
            "1",
            "derived",
            "True next line ranked first",
            formula="r / n",
            terms=(("n", "items"), ("r", "items.right")),
        ),
        Fact(
            "chance",
            items / (items * choices),
            "1",
            "derived",
            "Chance of a guess",
            formula="n / c",
            terms=(("c", "items.choices"), ("n", "items")),
        ),
    )
