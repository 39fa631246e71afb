"""Project: who stewards the work, what was decided and promised, and what is declared about it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Model, Prose, Runtime, Spec
from bigcode.spec.dates import Date


class Person(Model):
    name: str
    affiliation: str = ""
    consent_to_be_named: Date | None = None
    conduct_signed: Date | None = None
    ip_signed: Date | None = None


class Group(Model):
    name: str
    purpose: str = ""
    members: tuple[str, ...] = ()
    chairs: tuple[str, ...] = ()
    escalation: str = ""


class Notice(Model):
    date: Date
    audience: str
    text: str
    source: str = ""


class LedgerLine(Model):
    payer: str
    purpose: str
    amount: float | None = None
    currency: str = "USD"
    hours: float | None = None
    estimate: bool = False
    source: str = ""


class Event(Model):
    date: Date
    title: str
    source: str = ""


class Milestone(Model):
    name: str
    planned: Date | None = None
    delivered: Date | None = None
    decision: str = ""


class Promise(Model):
    id: str
    text: str
    made: Date
    cadence: str = ""
    status: Literal["open", "kept", "broken", "withdrawn"] = "open"
    evidence: str = ""


class Approval(Model):
    """How many people of which groups must approve a kind of decision."""

    kind: str
    groups: tuple[str, ...]
    minimum: Annotated[int, Field(ge=1)] = 1


class Approver(Model):
    """A person whose signature on a decision record counts, by the public key in hex (Ed25519)."""

    name: str
    group: str
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Execution(Model):
    """Where and how the work is done; never part of a key."""

    store: str = ""
    cards: str = ""
    releases: str = ""
    executor: str = "auto"
    workers: Annotated[int, Field(ge=1)] | None = None
    threads_per_worker: Annotated[int, Field(ge=1)] = 1
    address: str = ""
    trackers: tuple[str, ...] = ("mlflow",)
    tracking_uri: str = ""
    """Where a tracker keeps its runs; its own place in the store when empty."""


class ProjectSpec(Spec):
    title: Annotated[str, Prose]
    summary: Annotated[str, Prose] = ""
    stewards: Annotated[tuple[str, ...], Prose] = ()
    contact: Annotated[str, Prose] = ""
    members: Annotated[tuple[Person, ...], Prose] = ()
    groups: Annotated[tuple[Group, ...], Prose] = ()
    notices: Annotated[tuple[Notice, ...], Prose] = ()
    studies: Annotated[tuple[str, ...], Prose] = ()
    ledgers: Annotated[tuple[LedgerLine, ...], Prose] = ()
    timeline: Annotated[tuple[Event, ...], Prose] = ()
    milestones: Annotated[tuple[Milestone, ...], Prose] = ()
    promises: Annotated[tuple[Promise, ...], Prose] = ()
    small_cell: Annotated[int, Field(ge=1)] = 5
    """Counts of people below this are withheld from every output."""
    approvals: Annotated[tuple[Approval, ...], Prose] = ()
    approvers: Annotated[tuple[Approver, ...], Prose] = ()
    execution: Annotated[Execution, Runtime] = Execution()
