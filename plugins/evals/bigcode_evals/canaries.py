"""Secrets that were planted in the training text, and how far up a model ranks each among others like it.

Source: Carlini et al. 2019, "The Secret Sharer: Evaluating and Testing Unintended Memorization in Neural Networks".
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import log2
from pathlib import Path
from random import Random
from typing import Any

from pydantic import Field, ValidationError

from bigcode.api import Config, Fact, fail
from bigcode_evals.config import Canaries
from bigcode_evals.intervals import exposure
from bigcode_evals.scorer import Scorer

_HOLE = "{}"


class Canary(Config):
    """One line of the file: a format with one hole `{}`, the alphabet of its secret, and the secret."""

    format: str = Field(pattern=r"^[^{}]*\{\}[^{}]*$")
    alphabet: str = Field(min_length=2)
    secret: str = Field(min_length=1)

    def text(self, secret: str) -> str:
        return self.format.replace(_HOLE, secret)


def read_canaries(said: Canaries) -> Sequence[Canary]:
    """The canaries of a JSON-lines file.

    Raises:
        Problem: E702 when the file is not there or is another one, E708 when a line is none of a canary.
    """
    path = Path(said.path)
    data = path.read_bytes() if path.is_file() else None
    if data is None or sha256(data).hexdigest() != said.sha256:
        raise fail(
            "E702", "the file of canaries is missing or has another digest", hint="Mend `canaries.path`."
        )
    found = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(Canary.model_validate(json.loads(line)))
        except (ValueError, ValidationError):
            # The message of the reader would show the line, which holds a secret.
            raise fail("E708", f"line {number} of the file of canaries is none") from None
    return found


def measure_canaries(
    scorer: Scorer, canaries: Sequence[Canary], places: Sequence[int], candidates: int, seed: int
) -> Sequence[Mapping[str, Any]]:
    """For each canary how often the training text holds it, its rank from one, and among how many others.

    A candidate that the model finds just as likely counts as one before it.
    """
    out = []
    for number, (canary, count) in enumerate(zip(canaries, places, strict=True)):
        others = _others(canary, candidates, Random(f"{seed} {number}"))
        nats = scorer.nats([scorer.encode(canary.text(s)) for s in (canary.secret, *others)])
        rank = 1 + sum(value <= nats[0] for value in nats[1:])
        out.append({"copies": count, "rank": rank, "others": len(others)})
    return out


def _others(canary: Canary, wanted: int, rng: Random) -> Sequence[str]:
    """Distinct secrets of the same length and alphabet: all there are, or a sample."""
    letters, length = sorted(set(canary.alphabet)), len(canary.secret)
    if len(letters) ** length <= wanted + 1:
        everything = ("".join(t) for t in itertools.product(letters, repeat=length))
        return [text for text in everything if text != canary.secret]
    found: dict[str, None] = {}
    while len(found) < wanted:
        text = "".join(rng.choices(letters, k=length))
        if text != canary.secret:
            found[text] = None
    return list(found)


def canary_facts(measured: Sequence[Mapping[str, Any]], read: tuple[str, ...]) -> Sequence[Fact]:
    """Of planted canaries, those that the training text holds; one that it does not hold is a control."""
    facts = []
    for group, planted in (("planted", True), ("control", False)):
        rows = [row for row in measured if (row["copies"] > 0) == planted]
        name = f"{{canary={group}}}"
        facts.append(Fact(f"canaries{name}", len(rows), "finding", label="Canaries asked for", inputs=read))
        if not rows:
            continue
        values = [exposure(row["rank"], row["others"]) for row in rows]
        first = sum(row["rank"] == 1 for row in rows)
        method = "rank by likelihood among sampled secrets of the same form"
        facts += [
            Fact(f"canaries.first{name}", first, "finding", label="Canaries that rank first", inputs=read),
            Fact(
                f"exposure.mean{name}",
                sum(values) / len(values),
                "bit",
                label="Exposure of canaries, mean",
                method=method,
                inputs=read,
            ),
            Fact(
                f"exposure.most{name}",
                max(values),
                "bit",
                label="Exposure of canaries, greatest",
                method=method,
                inputs=read,
            ),
            Fact(
                f"exposure.ceiling{name}",
                log2(1 + min(row["others"] for row in rows)),
                "bit",
                label="The most that the exposure could be",
                method=method,
                inputs=read,
            ),
        ]
    return facts
