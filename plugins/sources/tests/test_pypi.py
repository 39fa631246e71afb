"""`sources.pypi` against an index on the loopback interface."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bigcode.api import Problem, Unit
from bigcode.testing.context import CollectContext
from bigcode_sources.config import PypiConfig
from bigcode_sources.pip_settings import read_pip_settings
from bigcode_sources.pypi import PypiCollector

Make = Callable[..., bytes]
WRONG = "0" * 64


@pytest.fixture
def archive(make_tar: Make) -> bytes:
    return make_tar(("Demo_Kit-1.0/setup.py", b"import os\n"), ("Demo_Kit-1.0/src/kit.py", b"K = 1\n"))


def collector(sha256: str, index: str = "", **more: Any) -> PypiCollector:
    releases = [{"name": "Demo_Kit", "version": "1.0", "sha256": sha256}]
    return PypiCollector(PypiConfig.model_validate({"releases": releases, "index": index, **more}))


def only(source: PypiCollector) -> Unit:
    (unit,) = source.units()
    return unit


def failure(source: PypiCollector, ctx: CollectContext) -> Any:
    with pytest.raises(Problem) as error:
        source.fetch(only(source), ctx)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.hint
    assert not ctx.kept
    return diagnostic


def test_a_release_becomes_rows(index: Any, ctx: CollectContext, archive: bytes) -> None:
    source = collector(index.publish("demo-kit", "Demo_Kit-1.0.tar.gz", archive), index.url)
    assert source.fetch(only(source), ctx).to_pylist() == [
        {
            "host": "pypi",
            "owner": "demo-kit",
            "repository": "demo-kit",
            "revision": "1.0",
            "path": path,
            "released": 1_700_000_000,
            "content": content,
        }
        for path, content in (("setup.py", b"import os\n"), ("src/kit.py", b"K = 1\n"))
    ]
    assert ctx.warnings == []


def test_a_kept_download_needs_no_index(ctx: CollectContext, archive: bytes) -> None:
    source = collector(ctx.keep(archive), "http://127.0.0.1:9/simple")
    assert source.fetch(only(source), ctx).num_rows == 2


def test_a_download_is_kept(index: Any, ctx: CollectContext, archive: bytes) -> None:
    sha256 = index.publish("demo-kit", "demo_kit-1.0.tar.gz", archive)
    source = collector(sha256, index.url)
    first = source.fetch(only(source), ctx)
    asked = len(index.asked)
    assert source.fetch(only(source), ctx).equals(first)
    assert len(index.asked) == asked
    assert list(ctx.kept) == [sha256]


def test_wheels_and_other_versions_are_not_looked_at(index: Any, ctx: CollectContext, archive: bytes) -> None:
    index.publish("demo-kit", "demo_kit-1.0-py3-none-any.whl", b"wheel")
    index.publish("demo-kit", "demo_kit-1.1.tar.gz", b"other")
    sha256 = index.publish("demo-kit", "demo_kit-1.0.tar.gz", archive)
    collector(sha256, index.url).fetch(only(collector(sha256)), ctx)
    assert [path for path in index.asked if path.startswith("/files/")] == ["/files/demo_kit-1.0.tar.gz"]


def test_the_archive_with_the_pinned_digest_is_chosen_even_when_the_page_shows_none(
    index: Any, ctx: CollectContext, archive: bytes
) -> None:
    index.publish("demo-kit", "demo_kit-1.0.zip", b"another packing", declare="")
    sha256 = index.publish("demo-kit", "demo_kit-1.0.tar.gz", archive, declare="")
    source = collector(sha256, index.url)
    assert source.fetch(only(source), ctx).num_rows == 2


def test_a_release_that_is_not_there_is_missing(index: Any, ctx: CollectContext) -> None:
    assert failure(collector(WRONG, index.url), ctx).code == "E701"
    index.publish("demo-kit", "demo_kit-2.0.tar.gz", b"later")
    assert failure(collector(WRONG, index.url), ctx).code == "E701"


def test_another_archive_under_the_same_version_is_altered(
    index: Any, ctx: CollectContext, archive: bytes
) -> None:
    real = index.publish("demo-kit", "demo_kit-1.0.tar.gz", archive)
    found = failure(collector(WRONG, index.url), ctx)
    assert found.code == "E702"
    assert real in found.message
    assert WRONG in found.message


def test_bytes_that_differ_from_what_the_page_declares_are_altered(
    index: Any, ctx: CollectContext, archive: bytes
) -> None:
    pinned = hashlib.sha256(archive).hexdigest()
    index.publish("demo-kit", "demo_kit-1.0.tar.gz", archive + b"!", declare=pinned)
    assert failure(collector(pinned, index.url), ctx).code == "E702"


def test_an_index_that_is_away_is_one_diagnostic_without_credentials(ctx: CollectContext) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        found = failure(collector(WRONG, f"http://robot:hunter2@127.0.0.1:{port}/simple"), ctx)
    assert found.code == "E703"
    assert f"127.0.0.1:{port}" in found.message
    assert "hunter2" not in f"{found.message} {found.hint}"


def test_an_index_that_fails_is_asked_three_times_and_one_that_refuses_once(
    index: Any, ctx: CollectContext
) -> None:
    index.troubles = [503] * 9
    assert failure(collector(WRONG, index.url), ctx).code == "E703"
    assert len(index.asked) == 3
    index.asked, index.troubles = [], [403]
    assert failure(collector(WRONG, index.url), ctx).code == "E703"
    assert len(index.asked) == 1


def test_a_passing_trouble_is_not_noticed(index: Any, ctx: CollectContext, archive: bytes) -> None:
    sha256 = index.publish("demo-kit", "demo_kit-1.0.tar.gz", archive)
    index.troubles = [500, 502]
    source = collector(sha256, index.url)
    assert source.fetch(only(source), ctx).num_rows == 2


def test_an_address_that_is_no_index_is_one_diagnostic(ctx: CollectContext) -> None:
    assert failure(collector(WRONG, "nowhere"), ctx).code == "E703"
    assert failure(collector(WRONG, "gopher://127.0.0.1/simple"), ctx).code == "E703"


def test_an_archive_larger_than_the_limit_is_not_downloaded_to_the_end(
    index: Any, ctx: CollectContext, archive: bytes
) -> None:
    sha256 = index.publish("demo-kit", "demo_kit-1.0.tar.gz", archive)
    source = collector(sha256, index.url, limits={"bytes": "100B"})
    with pytest.raises(Problem, match="E705"):
        source.fetch(only(source), ctx)


def test_without_an_index_the_one_of_pip_is_asked(
    index: Any, ctx: CollectContext, archive: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = collector(index.publish("demo-kit", "demo_kit-1.0.tar.gz", archive))
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    assert source.fetch(only(source), ctx).num_rows == 2

    settings = tmp_path / "pip.conf"
    settings.write_text(f"[global]\nno-index = true\nfind-links = {tmp_path}\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    ctx.kept.clear()
    (tmp_path / "demo_kit-1.0.tar.gz").write_bytes(archive)
    assert source.fetch(only(source), ctx).num_rows == 2


def test_a_second_source_of_pip_stands_in_for_one_that_is_away(
    index: Any, ctx: CollectContext, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = collector(index.publish("demo-kit", "demo_kit-1.0.tar.gz", archive))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", index.url)
    assert source.fetch(only(source), ctx).num_rows == 2


def test_settings_of_pip_are_read_in_its_order(tmp_path: Path) -> None:
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text(
        "[global]\nindex-url = https://user.test/simple\nextra-index-url =\n  https://a.test\n  https://b.test\n"
        "[download]\ncert = /ca.pem\n[install]\ncert = /other.pem\n"
    )
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://site.test/simple\n")
    home = {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "none")}
    found = read_pip_settings(home, prefix=str(tmp_path))
    assert found.index == "https://site.test/simple"
    assert found.extra_indexes[-2:] == ("https://a.test", "https://b.test")
    assert found.certificate == "/ca.pem"
    assert (
        read_pip_settings({**home, "PIP_INDEX_URL": "https://env.test"}, str(tmp_path)).index
        == "https://env.test"
    )


def test_units_are_sorted_named_and_independent_of_spelling_order_and_index() -> None:
    a = {"name": "Zope.Thing", "version": "1", "sha256": WRONG}
    b = {"name": "alpha", "version": "2.0", "sha256": WRONG}
    one = list(PypiCollector(PypiConfig.model_validate({"releases": [a, b]})).units())
    renamed = {**a, "name": "zope-thing"}
    two = PypiCollector(
        PypiConfig.model_validate({"releases": [b, renamed], "index": "http://x.test"})
    ).units()
    assert one == list(two)
    assert [u.name for u in one] == ["alpha-2.0", "zope-thing-1"]
    assert json.loads(json.dumps(one[0].identity)) == {
        "name": "alpha",
        "version": "2.0",
        "sha256": WRONG,
        "limits": {"files": 20000, "bytes": 268435456, "fileBytes": 1048576, "ratio": 200},
    }


@pytest.mark.parametrize(
    "releases",
    [
        [],
        [{"name": "a", "version": "1", "sha256": "abc"}],
        [{"name": "../a", "version": "1", "sha256": WRONG}],
        [{"name": "a", "version": "1; x", "sha256": WRONG}],
        [{"name": "a.b", "version": "1", "sha256": WRONG}, {"name": "A-b", "version": "1", "sha256": WRONG}],
    ],
)
def test_a_spec_that_pins_nothing_or_twice_is_refused(releases: list[dict[str, str]]) -> None:
    with pytest.raises(ValidationError):
        PypiConfig.model_validate({"releases": releases})


def test_units_of_all_collectors_load_nothing_heavy() -> None:
    code = (
        "import sys, bigcode_sources.plugin as p, bigcode_sources.config, bigcode_sources.pypi, bigcode_sources.git,"
        "bigcode_sources.tables, bigcode_sources.npm, bigcode_sources.commits, bigcode_sources.inventory,"
        "bigcode_sources.issues, bigcode_sources.swh; p.bigcode_components();"
        "heavy = {'pyarrow', 'unearth', 'httpx2', 'packaging', 'fsspec'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
