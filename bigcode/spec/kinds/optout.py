"""OptOutSnapshot: whose code is left out. The names stand in a salted list file, never in the spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Bytes, Model, Prose, Seconds, Share, Spec, Uses
from bigcode.spec.dates import Date
from bigcode.spec.slots import Slot

Scope = Literal["owner", "repository", "path", "blob", "commit-author", "issue-author"]


class CommonProperty(Model):
    """Text that many share and nobody's opt-out takes from others: licence texts, stubs, tiny files."""

    owners: Annotated[int, Field(ge=2)] = 5
    min_bytes: Bytes = 64


class Containment(Model):
    """Shares of an opted-out file's shingles that another file holds."""

    remove: Share = 0.8
    """From here on it is a copy."""
    review: Share = 0.5
    """From here on a person is asked."""


class Signals(Model):
    """Declarations in the repositories themselves."""

    reader: Annotated[Uses | None, Slot("observer")] = None
    honour: bool = True
    """Whether a declaration takes the files out that it covers, or is recorded only."""


class OptOutSnapshotSpec(Spec):
    source: str
    """Path of the list file, relative to the workspace."""
    as_of: Date
    pin: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Digest of the sealed list; the salt inside the list keeps it from being guessed."""
    signers: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = ()
    """Public keys (Ed25519, hex) whose signature counts; the store's own key when empty."""
    scopes: tuple[Scope, ...] = ("owner", "repository")
    verification: Annotated[str, Prose] = ""
    min_levels: dict[Scope, Annotated[int, Field(ge=0, le=5)]] = Field(default_factory=dict)
    """Least identity level by scope from which on an entry is honoured; entries below it are counted as pending."""
    purposes: tuple[str, ...] = ()
    """What the build is for; a wish that speaks of other purposes alone is passed over."""
    copies: Literal["exact", "normalised", "contained", "keep"] = "exact"
    """Which copies under other names go along: equal bytes; equal but for white space; or the text inside others."""
    fingerprints: Annotated[Uses, Slot("observer")] = Uses(uses="dedup.winnow")
    """What finds normalised and contained copies."""
    containment: Containment = Containment()
    contested: Literal["keep", "remove"] = "keep"
    """What becomes of copies whose origin is not clear."""
    common_property: CommonProperty = CommonProperty()
    consent: Literal["opt_out", "opt_in"] = "opt_out"
    """Whether files stay unless somebody objects, or go unless their owner has agreed."""
    signals: Signals = Signals()
    honour_within: Annotated[Seconds, Prose] = 90 * 86400.0
