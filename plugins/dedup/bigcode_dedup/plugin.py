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
            golden="cfde07940b58d32ec10a1efb5d1c1d86a907977ca79cb3c9231afdf75bdc59e2",
        ),
        Component(
            name="dedup.winnow",
            version=1,
            slot="observer",
            factory="bigcode_dedup.copies.winnow:CopyPrints",
            config="bigcode_dedup.config:WinnowConfig",
            summary="What copies are found by: a digest of the text without white space, and winnowed prints.",
            grain="blob",
            writes=(Column("normal", "string"), Column("prints", "binary")),
            golden="4f332d8e30ca1f7e59b1b7bc91dec137956a4bff259cc56b7a4e12084fba017e",
        ),
    )
