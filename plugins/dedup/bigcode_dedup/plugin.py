"""Descriptors of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="dedup.minhash",
            version=1,
            slot="clusterer",
            factory="bigcode_dedup.minhash:MinHashClusters",
            config="bigcode_dedup.config:MinHashConfig",
            summary="Clusters of near-duplicates by MinHash signatures and banding.",
            golden="da59221c5775b8739800d30cb9d803057298af9f9fb1c4d55269df9fd9927ea0",
        ),
    )
