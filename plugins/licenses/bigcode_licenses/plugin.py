"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Column, Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="licenses.text",
            version=1,
            slot="observer",
            grain="name",
            factory="bigcode_licenses.observer:LicenseText",
            config="bigcode_licenses.config:LicenseConfig",
            summary="Licences stated by licence files, by package metadata and by headers of source files",
            writes=(
                Column("license_ids", "list<string>"),
                Column("license_scores", "list<double>"),
                Column("license_role", "string"),
                Column("license_attribution", "bool"),
            ),
            golden="f7e748066aa2d6a8169a3a5160ced06f7c5ebe418f37390f4657fa8c79857d83",
        ),
    )
