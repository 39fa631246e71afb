"""Descriptors of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Column, Component, hookimpl

_FINDINGS = "list<struct<start:int64,end:int64,entity:string,score:double,surrogate:string>>"
_WRITES = {
    "plain.license": (
        Column("license_ids", "list<string>"),
        Column("license_scores", "list<double>"),
        Column("license_role", "string"),
        Column("license_attribution", "bool"),
    ),
    "plain.language": (Column("language", "string"), Column("generated", "bool")),
    "plain.pii": (Column("pii", _FINDINGS),),
}


@hookimpl
def bigcode_components() -> Iterable[Component]:
    observers = [
        Component(
            name=name,
            version=1,
            slot="observer",
            grain="blob",
            factory=f"bigcode_plain.observers:{name.partition('.')[2].title()}",
            config="bigcode_plain.config:PlainConfig",
            summary="Says the same of every file, for benchmarks",
            writes=writes,
        )
        for name, writes in _WRITES.items()
    ]
    meter = Component(
        name="plain.meter",
        version=1,
        slot="executor",
        factory="bigcode_plain.executor:MeteringExecutor",
        config="bigcode_plain.config:PlainConfig",
        summary="One task at a time, with what each takes",
    )
    return [*observers, meter]
