"""Download of one pinned source release from a simple index, through unearth."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import httpx2
from packaging.requirements import InvalidRequirement, Requirement
from unearth import Link, PackageFinder
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers import PyPIClient

from bigcode.api import Problem, fail
from bigcode_sources.intake import too_large
from bigcode_sources.pip_settings import PipSettings, read_pip_settings

T = TypeVar("T")

PAUSES = (0.25, 1.0)
"""Seconds before the second and the third attempt, the last one."""
_TIMEOUT = httpx2.Timeout(10.0, connect=5.0)
_BROKEN = (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError)

# A page that is not there is an answer here, and not something to print.
logging.getLogger("unearth").addHandler(logging.NullHandler())


def download_release(project: str, version: str, sha256: str, most_bytes: int, index: str = "") -> bytes:
    """The archive of a source release that has this digest; wheels are never considered.

    Looks in `index`, or in the sources that pip is configured with, one after the other.

    Raises:
        Problem: E701 when no source has the release, E702 when they have it with another digest only,
            E703 when a source could not be asked, E705 when the archive is larger than `most_bytes`.
    """
    settings = PipSettings(index=index) if index else read_pip_settings()
    try:
        requirement = Requirement(f"{project}=={version}")
    except InvalidRequirement:
        raise fail("E701", f"{project} {version}: `{version}` is no version that an index knows") from None
    other, problem = "", None
    with _client(settings) as client:
        for finder in _finders(client, settings):
            try:
                data, seen = patiently(lambda f=finder: _look(f, requirement, sha256, most_bytes))  # type: ignore[misc]
            except _BROKEN as error:
                problem = problem or _unreachable(finder, error)
                continue
            if data is not None:
                return data
            other = other or seen
    if problem:
        raise problem
    if other:
        raise fail(
            "E702",
            f"{project} {version}: the index has sha256 {other}, the spec pins {sha256}",
            hint="Somebody changed the release or the pin. Compare both before you change the spec.",
        )
    raise fail(
        "E701",
        f"{project} {version}: the index has no source release of this version",
        hint="It may have been deleted, or published as wheels alone.",
    )


class _Client(PyPIClient):
    """Raises for every answer but success and not found, which unearth would take for an empty page."""

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        response = super().send(request, **options)
        if response.is_error and response.status_code not in (404, 410):
            response.close()
            response.raise_for_status()
        return response


def _client(settings: PipSettings) -> _Client:
    urls = [url for url in (settings.index, *settings.extra_indexes) if url]
    # Plain http has no certificate to trust; what it brings is held against the pinned digest.
    plain = [httpx2.URL(url).netloc.decode() for url in urls if url.startswith("http://")]
    certificate = settings.certificate
    return _Client(
        trusted_hosts=sorted({*settings.trusted_hosts, *plain}),
        verify=ssl.create_default_context(cafile=certificate) if certificate else True,
        timeout=_TIMEOUT,
        follow_redirects=True,
        auth=MultiDomainBasicAuth(prompting=False, index_urls=urls),
    )


def _finders(client: _Client, settings: PipSettings) -> Iterator[PackageFinder]:
    """One finder for each source, so that one which is away hides no other."""
    links = [place for place in settings.find_links if "://" in place or os.path.exists(place)]
    if settings.no_index and not links:
        raise fail(
            "E703", "pip is configured to use no package index", hint="Set `index`, or unset `no-index`."
        )
    options: dict[str, Any] = {"session": client, "ignore_compatibility": True, "no_binary": [":all:"]}
    if not settings.no_index:
        for url in (settings.index, *settings.extra_indexes):
            yield PackageFinder(index_urls=[url] if url else [], **options)
    for place in links:
        yield PackageFinder(find_links=[place], **options)


def _look(
    finder: PackageFinder, wanted: Requirement, sha256: str, most_bytes: int
) -> tuple[bytes | None, str]:
    """The archive if this source has it, else None and the digest of another archive of the release, if any."""
    other = ""
    for package in finder.find_matches(wanted, allow_yanked=True, allow_prereleases=True):
        link = package.link
        if link.is_vcs:
            continue
        declared = (link.hash_option or {}).get("sha256", [sha256])[0].lower()
        if declared == sha256:
            data = _download(finder, link, most_bytes)
            declared = hashlib.sha256(data).hexdigest()
            if declared == sha256:
                return data, ""
        other = other or declared
    return None, other


def _download(finder: PackageFinder, link: Link, most_bytes: int) -> bytes:
    data = bytearray()
    # A server that packs what is packed already would change the digest.
    with finder.session.get_stream(link.normalized, headers={"Accept-Encoding": "identity"}) as response:
        if response.status_code != 200:
            return b""
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > most_bytes:
                raise too_large(f"{link.filename}: the archive is larger than {most_bytes} bytes")
    return bytes(data)


def download(url: str, source: str, most_bytes: int) -> bytes:
    """What lies at an http or https URL; `source` is what messages call it.

    Raises:
        Problem: E701 when nothing is there, E703 when the server cannot be asked, E705 when it is larger than
            `most_bytes`.
    """
    try:
        with httpx2.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
            return patiently(lambda: _take(client, url, source, most_bytes))
    except httpx2.HTTPStatusError as error:
        status = error.response.status_code
        if status in (404, 410, 451):
            raise fail("E701", f"{source}: the server does not have it") from error
        reason = f"it answers with status {status}"
    except _BROKEN as error:
        reason = (
            "it does not answer in time"
            if isinstance(error, httpx2.TimeoutException)
            else type(error).__name__
        )
    place = re.sub(r"//[^/@\s]*@", "//***@", url).split("/")
    raise fail(
        "E703",
        f"{'/'.join(place[:3])} cannot be reached: {reason}",
        hint="Nothing was changed. Run the command again, or name another place.",
    )


def _take(client: httpx2.Client, url: str, source: str, most_bytes: int) -> bytes:
    data = bytearray()
    # A server that packs what is packed already would change the digest.
    with client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
        response.raise_for_status()
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > most_bytes:
                raise too_large(f"{source}: the file is larger than {most_bytes} bytes")
    return bytes(data)


def patiently(action: Callable[[], T]) -> T:
    """What the action returns, tried again after each of `PAUSES` when the network or the server fails."""
    for pause in PAUSES:
        try:
            return action()
        except httpx2.UnsupportedProtocol:
            raise
        except httpx2.TransportError:
            time.sleep(pause)
        except httpx2.HTTPStatusError as error:
            if error.response.status_code < 500:
                raise
            time.sleep(pause)
    return action()


def _unreachable(finder: PackageFinder, error: Exception) -> Problem:
    if isinstance(error, httpx2.HTTPStatusError):
        reason = f"it answers with status {error.response.status_code}"
    elif isinstance(error, httpx2.TimeoutException):
        reason = "it does not answer in time"
    elif isinstance(error, httpx2.RequestError):
        reason = str(error) or type(error).__name__
    else:
        reason = "what it sends is not a package index"
    # The message names no release, so that many units that fail for one cause say one thing.
    return fail(
        "E703",
        f"the package index {Link(finder.sources[0]['url']).redacted} cannot be reached: {reason}",
        hint="Nothing was changed. Run the command again, or name another index (`index`, PIP_INDEX_URL).",
    )
