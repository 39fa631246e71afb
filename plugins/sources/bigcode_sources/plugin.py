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
            version=2,
            slot="collector",
            factory="bigcode_sources.git:GitCollector",
            config="bigcode_sources.config:GitConfig",
            summary="Pinned commits of Git repositories, read without a checkout",
        ),
        Component(
            name="sources.git-commits",
            version=1,
            slot="collector",
            factory="bigcode_sources.commits:CommitsCollector",
            config="bigcode_sources.config:CommitsConfig",
            summary="Commits of Git repositories with message, diff and authors",
        ),
        Component(
            name="sources.tables",
            version=1,
            slot="collector",
            factory="bigcode_sources.tables:TablesCollector",
            config="bigcode_sources.config_tables:TablesConfig",
            summary="Rows of Parquet or JSON-lines tables that already hold source files",
        ),
        Component(
            name="sources.npm",
            version=1,
            slot="collector",
            factory="bigcode_sources.npm:NpmCollector",
            config="bigcode_sources.config:NpmConfig",
            summary="Pinned packages of an npm registry, verified and unpacked in memory",
        ),
        Component(
            name="sources.gharchive",
            version=1,
            slot="collector",
            factory="bigcode_sources.inventory:InventoryCollector",
            config="bigcode_sources.config_events:InventoryConfig",
            summary="An inventory of repositories from archives of public events",
        ),
        Component(
            name="sources.gharchive-issues",
            version=1,
            slot="collector",
            factory="bigcode_sources.issues:IssuesCollector",
            config="bigcode_sources.config_events:IssuesConfig",
            summary="Issues and their comments from archives of public events",
        ),
        Component(
            name="sources.swh",
            version=1,
            slot="collector",
            factory="bigcode_sources.swh:SwhCollector",
            config="bigcode_sources.config_tables:SwhConfig",
            summary="Files that a Software Heritage manifest names, each verified against its identifier",
        ),
    )
