"""What the plugin offers; loading it imports nothing heavy."""

from __future__ import annotations

from bigcode.api import Component, hookimpl


@hookimpl
def bigcode_components() -> tuple[Component, ...]:
    return (
        Component(
            name="sources.pypi",
            version=1,
            slot="collector",
            factory="bigcode_sources.pypi:PypiCollector",
            config="bigcode_sources.config:PypiConfig",
            summary="Pinned source releases of a package index, verified and unpacked in memory",
        ),
        Component(
            name="sources.git",
            version=1,
            slot="collector",
            factory="bigcode_sources.git:GitCollector",
            config="bigcode_sources.config:GitConfig",
            summary="Pinned commits of Git repositories, read without a checkout",
        ),
        Component(
            name="sources.tables",
            version=1,
            slot="collector",
            factory="bigcode_sources.tables:TablesCollector",
            config="bigcode_sources.config:TablesConfig",
            summary="Rows of Parquet or JSON-lines tables that already hold source files",
        ),
    )
