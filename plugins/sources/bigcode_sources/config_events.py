"""What a spec says to the collectors that read archives of public events."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from bigcode.api import Config, Runtime
from bigcode_sources.config import BOTS, distinct
from bigcode_sources.config_tables import Table


class EventsConfig(Config):
    """Settings of both collectors of events."""

    archives: Annotated[tuple[Table, ...], Field(min_length=1)]
    """Hourly archives, JSON lines in gzip, as GH Archive publishes them. Together they are one window."""
    root: Annotated[str, Runtime] = ""
    """Folder that relative paths start from; the engine sets it to the workspace."""

    @field_validator("archives")
    @classmethod
    def _archives_differ(cls, archives: tuple[Table, ...]) -> tuple[Table, ...]:
        distinct((a.path for a in archives), "archive")
        return archives


class InventoryConfig(EventsConfig):
    """Settings of `sources.gharchive`."""

    least_stars: Annotated[int, Field(ge=0)] = 0
    """Repositories with fewer, counted as the larger of stars seen given and stars last told, are left out."""
    forks: bool = True
    """Whether repositories known to be forks are listed."""


class IssuesConfig(EventsConfig):
    """Settings of `sources.gharchive-issues`."""

    shortest: Annotated[int, Field(ge=0)] = 10
    """Messages with fewer characters are left out."""
    longest: Annotated[int, Field(ge=1)] = 7000
    """Messages with more characters are left out."""
    mentions: bool = False
    """Whether `@login` stays in a message; otherwise it reads `@user`."""
    bots: tuple[str, ...] = BOTS
    """Patterns of logins whose messages are left out, in any case of letters."""
