"""The labelled set `pii.planted`: invented values in files of the snapshot.

Scores on it say how a detector fares with forms that its makers know of, among text that is real; they are no
estimate for the secrets that people leave in code.
"""

from __future__ import annotations

from hashlib import sha256
from random import Random
from typing import Any

import pyarrow as pa

from bigcode.api import Context
from bigcode_pii import invented, invented_people, invented_secrets
from bigcode_pii.config import Entity, PlantedConfig
from bigcode_pii.invented_people import Labelled, Maker, Piece

LABELS = pa.list_(
    pa.struct(
        [
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("entity", pa.string()),
            ("kind", pa.string()),
            ("positive", pa.bool_()),
        ]
    )
)
_ENTITY_OF_NEGATIVE: dict[str, Entity] = {
    "version": "IP_ADDRESS", "oid": "IP_ADDRESS", "local-ip": "IP_ADDRESS", "doc-ip": "IP_ADDRESS",
    "resolver": "IP_ADDRESS", "time": "IP_ADDRESS", "nobody": "EMAIL", "git-url": "EMAIL", "code-at": "EMAIL",
}  # fmt: skip


def _wrap(maker: invented.Maker, entity: Entity, positive: bool) -> Maker:
    def make(rng: Random) -> tuple[Piece, ...]:
        before, value, after = maker(rng)
        says_password = positive and entity == "KEY" and "password" in before.lower()
        return before, Labelled(value, "PASSWORD" if says_password else entity, positive), after

    return make


POSITIVES: dict[str, Maker] = {
    # A password in a URL is a PASSWORD; `invented` calls it a KEY, as detectors without that entity do.
    **{
        kind: _wrap(maker, "PASSWORD" if kind == "url" else entity, True)
        for (entity, kind), maker in invented.POSITIVES.items()
    },
    **invented_people.POSITIVES,
    **invented_secrets.POSITIVES,
}  # fmt: skip
NEGATIVES: dict[str, Maker] = {
    **{kind: _wrap(maker, _ENTITY_OF_NEGATIVE.get(kind, "KEY"), False) for kind, maker in invented.NEGATIVES.items()},
    **invented_people.NEGATIVES,
    **invented_secrets.NEGATIVES,
}  # fmt: skip
_POSITIVE_KINDS, _NEGATIVE_KINDS = sorted(POSITIVES), sorted(NEGATIVES)
_OWN_KEY = b"PRIVATE KEY-----"


class Planted:
    """Labels: one text for each carrier, with values on lines of their own; drawn from the seed and the carrier."""

    name = "invented values in real files"

    def __init__(self, config: PlantedConfig) -> None:
        self.carriers = config.carriers
        self.config = config

    def build(self, carriers: pa.Table, ctx: Context) -> pa.Table:
        contents: list[bytes] = []
        labels: list[list[dict[str, Any]]] = []
        for carrier in carriers["content"].to_pylist():
            # A line that is planted into a private key of the carrier's own would be covered by it.
            if _OWN_KEY in carrier:
                continue
            content, given = self.plant(carrier)
            contents.append(content)
            labels.append(given)
        return pa.table({"content": pa.array(contents, pa.binary()), "labels": pa.array(labels, LABELS)})

    def plant(self, carrier: bytes) -> tuple[bytes, list[dict[str, Any]]]:
        """The carrier (UTF-8) with values put in, and their labels in the order of the text."""
        rng = Random(int.from_bytes(sha256(b"%d\n" % self.config.seed + carrier).digest()[:8], "big"))
        kinds = [(kind, POSITIVES[kind]) for kind in rng.choices(_POSITIVE_KINDS, k=self.config.positives)]
        kinds += [(kind, NEGATIVES[kind]) for kind in rng.choices(_NEGATIVE_KINDS, k=self.config.negatives)]
        rng.shuffle(kinds)
        close = b"\r\n" if b"\r\n" in carrier else b"\n"
        lines = carrier.splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines[-1] += close
        places = sorted(rng.randint(0, len(lines)) for _ in kinds)
        out = bytearray()
        labels: list[dict[str, Any]] = []
        done = 0
        for place, (kind, maker) in zip(places, kinds, strict=True):
            out += b"".join(lines[done:place]) + b" " * rng.choice((0, 0, 2, 4))
            for piece in maker(rng):
                text = piece.text if isinstance(piece, Labelled) else piece
                start = len(out)
                out += text.encode().replace(b"\n", close)
                if isinstance(piece, Labelled):
                    labels.append(
                        {
                            "start": start,
                            "end": len(out),
                            "entity": piece.entity,
                            "kind": kind,
                            "positive": piece.positive,
                        }
                    )
            out += close
            done = place
        return bytes(out + b"".join(lines[done:])), labels
