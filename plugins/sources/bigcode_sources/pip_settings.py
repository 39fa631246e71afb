"""Where pip looks for packages on this machine, read as pip reads it: files, then the environment."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_KEYS = ("index-url", "extra-index-url", "find-links", "trusted-host", "no-index", "cert")


@dataclass(frozen=True, slots=True)
class PipSettings:
    """An empty `index` is the public default, unless `no_index` forbids all of them."""

    index: str = ""
    extra_indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    certificate: str = ""
    no_index: bool = False


def read_pip_settings(environment: Mapping[str, str] = os.environ, prefix: str = sys.prefix) -> PipSettings:
    """The settings of `pip download`: global, user and environment files, PIP_CONFIG_FILE, then PIP_ variables.

    A file that is missing or not in pip's form is passed over, as the variables may still say enough.
    """
    values: dict[str, str] = {}
    if environment.get("PIP_CONFIG_FILE") != os.devnull:
        for path in _files(environment, prefix):
            values.update(_read(path))
    for key in _KEYS:
        value = environment.get(f"PIP_{key.upper().replace('-', '_')}", "")
        if value:
            values[key] = value
    return PipSettings(
        index=values.get("index-url", ""),
        extra_indexes=tuple(values.get("extra-index-url", "").split()),
        find_links=tuple(values.get("find-links", "").split()),
        trusted_hosts=tuple(values.get("trusted-host", "").split()),
        certificate=values.get("cert", ""),
        no_index=values.get("no-index", "").lower() in ("1", "true", "yes", "on", "y", "t"),
    )


def _files(environment: Mapping[str, str], prefix: str) -> Iterator[Path]:
    for folder in reversed((environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)):
        yield Path(folder, "pip", "pip.conf")
    yield Path("/etc/pip.conf")
    home = Path(environment.get("HOME") or Path.home())
    yield home / ".pip" / "pip.conf"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config", "pip", "pip.conf")
    yield Path(prefix, "pip.conf")
    if environment.get("PIP_CONFIG_FILE"):
        yield Path(environment["PIP_CONFIG_FILE"])


def _read(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text("utf-8"))
    except (OSError, ValueError, configparser.Error):
        return {}
    found: dict[str, str] = {}
    for section in ("global", "download"):
        if parser.has_section(section):
            found.update({key: value for key, value in parser.items(section) if key in _KEYS})
    return found
