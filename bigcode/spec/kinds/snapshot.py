"""Snapshot: source text as it was collected, pinned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Bytes, Model, Prose, Share, Spec, Uses
from bigcode.spec.dates import Date
from bigcode.spec.slots import Slot

Access = Literal["public", "open", "gated", "stewards", "closed"]


class Expected(Model):
    """How large a snapshot will be, as its authors declare it, for the estimate of a plan and nothing else.

    What was collected counts instead, once there is something.
    """

    bytes: Annotated[Bytes, Field(ge=1)]
    """Size of the text."""
    files: Annotated[int, Field(ge=1)] | None = None
    """As many as there were to so much text where the estimate was fitted, unless given."""
    owners: Annotated[int, Field(ge=1)] | None = None
    units: Annotated[int, Field(ge=1)] | None = None
    """Sources to fetch, where the collector does not list all of them yet."""
    source: str = ""
    """Where the numbers come from."""
    as_of: Date | None = None


class SnapshotSpec(Spec):
    collector: Annotated[Uses, Slot("collector")]
    legal_basis: Annotated[str, Prose] = ""
    access: Annotated[Access, Prose] = "stewards"
    """Who may read what was collected: anybody (`public`, `open`), people who were let in one by one (`gated`), those
    who look after the data (`stewards`), or nobody by hand (`closed`)."""
    buckets: Annotated[int, Field(ge=1, le=65536)] = 1024
    blob_partitions: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Partitions of the blobs by digest prefix; as many as buckets unless given."""
    pin: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Digest of the list of collected files tables; when given, another result is refused."""
    tolerate: Share = 0.0
    """Share of sources that may turn out to be gone or broken; they are counted, and more end the run."""
    expects: Annotated[Expected | None, Prose] = None
    """Declared size of a snapshot that is not collected yet."""
