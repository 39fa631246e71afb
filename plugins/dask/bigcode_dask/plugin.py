"""The component `dask`."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="dask",
            version=1,
            slot="executor",
            factory="bigcode_dask.executor:DaskExecutor",
            config="bigcode_dask.config:DaskConfig",
            summary="Tasks on a local Dask cluster, or on the scheduler at an address.",
        ),
    )
