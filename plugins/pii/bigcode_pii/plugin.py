"""Descriptors of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Column, Component, hookimpl

FINDINGS = "list<struct<start:int64,end:int64,entity:string,score:double,surrogate:string>>"


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="pii.patterns",
            version=1,
            slot="observer",
            grain="blob",
            factory="bigcode_pii.patterns:Patterns",
            config="bigcode_pii.config:PatternsConfig",
            summary="E-mail addresses, addresses of machines and keys, found by patterns and checks.",
            writes=(
                Column("pii", FINDINGS),
                Column("pii_email", "int64"),
                Column("pii_ip", "int64"),
                Column("pii_key", "int64"),
            ),
            golden="d568b5ef43d2f25506c44323f40e74aff0b7222a73d93df52ce5f9fba141a7f0",
        ),
    )
