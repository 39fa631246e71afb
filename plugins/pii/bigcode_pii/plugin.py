"""Descriptors of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Column, Component, hookimpl

FINDINGS = "list<struct<start:int64,end:int64,entity:string,score:double,surrogate:string>>"


WRITES = (
    Column("pii", FINDINGS),
    Column("pii_kinds", "list<string>"),
    *(
        Column(name, "int64")
        for name in ("pii_email", "pii_ip", "pii_key", "pii_password", "pii_username", "pii_name")
    ),
)


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
        Component(
            name="pii.gated",
            version=1,
            slot="observer",
            grain="blob",
            factory="bigcode_pii.gated:Gated",
            config="bigcode_pii.config:GatedConfig",
            summary="E-mail and machine addresses, keys, passwords, names and user names: one pass, then checks.",
            writes=WRITES,
            golden="35ec15bedbf96fe6123af4eab6827ace4bb3853a17999927f7c874028d057259",
        ),
        Component(
            name="pii.verified",
            version=1,
            slot="observer",
            grain="blob",
            factory="bigcode_pii.verified:Verified",
            config="bigcode_pii.config:VerifiedConfig",
            summary="As pii.gated, without keys and passwords that a small trained classifier takes back.",
            writes=WRITES,
            golden="35ec15bedbf96fe6123af4eab6827ace4bb3853a17999927f7c874028d057259",
        ),
        Component(
            name="pii.ner",
            version=1,
            slot="observer",
            grain="blob",
            factory="bigcode_pii.ner:Ner",
            config="bigcode_pii.config:NerConfig",
            deterministic=False,
            summary="A checkpoint for token classification, brought by the user, over windows that overlap.",
            writes=WRITES,
        ),
        Component(
            name="pii.planted",
            version=1,
            slot="labels",
            factory="bigcode_pii.planted:Planted",
            config="bigcode_pii.config:PlantedConfig",
            summary="Invented values and look-alikes in files of the snapshot.",
        ),
        Component(
            name="pii.published",
            version=1,
            slot="labels",
            factory="bigcode_pii.published:Published",
            config="bigcode_pii.config:PublishedConfig",
            summary="Lines that others published with labels, from a local file or folder.",
        ),
        Component(
            name="pii.annotated",
            version=1,
            slot="labels",
            factory="bigcode_pii.annotated:Annotated",
            config="bigcode_pii.annotated_config:AnnotatedConfig",
            summary="Texts that people annotated, in the form of BigCode's sets, from a local file or folder.",
        ),
    )
