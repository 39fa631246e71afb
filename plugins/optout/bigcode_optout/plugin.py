"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Column, Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="optout.signals",
            version=1,
            slot="observer",
            grain="file",
            factory="bigcode_optout.observer:Signals",
            config="bigcode_optout.config:SignalsConfig",
            summary="What a repository itself says about the training of models on it",
            writes=(
                Column(
                    "signals",
                    "list<struct<kind:string,says:string,text:string,digest:string,pattern:string>>",
                ),
            ),
            golden="ed41688e46308be79a0e607e34db74fbee96a07ebff287c43c4885420da4672f",
        ),
    )
