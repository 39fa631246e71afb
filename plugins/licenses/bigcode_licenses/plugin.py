"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bigcode.api import Column, Component, Diagnostic, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    said = (
        Column("license_ids", "list<string>"),
        Column("license_scores", "list<double>"),
        Column("license_role", "string"),
        Column("license_attribution", "bool"),
    )
    evidence = "list<struct<id:string,score:double,detector:string,start:int64,end:int64,text:string>>"
    return (
        Component(
            name="licenses.text",
            version=1,
            slot="observer",
            grain="name",
            factory="bigcode_licenses.observer:LicenseText",
            config="bigcode_licenses.config:LicenseConfig",
            summary="Licences stated by licence files, by package metadata and by headers of source files",
            writes=said,
            golden="f7e748066aa2d6a8169a3a5160ced06f7c5ebe418f37390f4657fa8c79857d83",
        ),
        Component(
            name="licenses.tiers",
            version=1,
            slot="observer",
            grain="name",
            factory="bigcode_licenses.tiers:LicenseTiers",
            config="bigcode_licenses.config:TiersConfig",
            summary="Licences by two detectors, with the evidence, what is unclear, and the copyright lines",
            writes=(
                *said,
                Column("license_categories", "list<string>"),
                Column("license_evidence", evidence),
                Column("license_unclear", "bool"),
                Column("copyright", "list<string>"),
            ),
            golden="5eaa8e9a64a3297d766f3d523c13eeefeb93c657c3b395731b6829eea4007c72",
        ),
    )


@hookimpl
def bigcode_validate(resource: Any, workspace: Mapping[str, Any]) -> Iterable[Diagnostic]:
    if resource.kind != "LicensePolicy":
        return ()
    from bigcode_licenses.check import check_policy

    return check_policy(resource, workspace)
