"""Settings of the executor; workers, threads and address are `Runtime` fields of the resources."""

from __future__ import annotations

from typing import Annotated

from bigcode.api import Config, Runtime, Seconds


class DaskConfig(Config):
    """How a cluster is started and reached; nothing here has a part in what is computed."""

    dashboard: Annotated[str, Runtime] = ""
    """Address of the local cluster's dashboard, for example `127.0.0.1:8787`; none by default."""
    connect_within: Annotated[Seconds, Runtime] = 60.0
    """How long to wait for the workers of a local cluster, or for the scheduler at an address and its first worker."""
    alone_for: Annotated[Seconds, Runtime] = 30.0
    """How long a cluster without any worker is waited for; then its tasks are given up. Dask's own configuration may
    say another time under `bigcode.alone-for`."""
