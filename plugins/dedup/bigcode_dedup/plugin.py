"""Descriptors of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Column, Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="dedup.minhash",
            version=2,
            slot="clusterer",
            factory="bigcode_dedup.minhash:MinHashClusters",
            config="bigcode_dedup.config:MinHashConfig",
            summary="Groups of likely near-duplicates by MinHash signatures and banding.",
            golden="da59221c5775b8739800d30cb9d803057298af9f9fb1c4d55269df9fd9927ea0",
        ),
        Component(
            name="copies.winnow",
            version=1,
            slot="observer",
            factory="bigcode_dedup.copies.winnow:CopyPrints",
            config="bigcode_dedup.config:WinnowConfig",
            summary="What copies are found by: a digest of the text without white space, and winnowed prints.",
            grain="blob",
            writes=(Column("normal", "string"), Column("prints", "binary")),
            golden="",
        ),
    )
