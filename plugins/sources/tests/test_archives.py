"""What an archive from outside may and may not do."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.api import Problem
from bigcode_sources.archive import METADATA_BYTES, unpack
from bigcode_sources.config import Limits

Make = Callable[..., bytes]
LIMITS = Limits()


def header(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, target, size
    return entry


def zip_of(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in entries:
            entry = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            entry.compress_type = method
            archive.writestr(entry, content)
    return packed.getvalue()


def special(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, 10))
    entry.external_attr = (mode | 0o644) << 16
    return entry


def code_of(error: pytest.ExceptionInfo[Problem]) -> str:
    return error.value.diagnostics[0].code


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "w"])
def test_a_tar_is_read_below_its_top_folder_however_it_is_packed(make_tar: Make, mode: str) -> None:
    data = make_tar(("p-1/setup.py", b"x = 1\n"), ("p-1/src/p/core.py", b"y = 2\n"), mode=mode)
    found = unpack("p 1", data, LIMITS)
    assert dict(found.files) == {"setup.py": b"x = 1\n", "src/p/core.py": b"y = 2\n"}
    assert found.newest == 1_700_000_000
    assert found.warnings == ()


def test_a_zip_is_read_below_its_top_folder() -> None:
    found = unpack("p 1", zip_of((special("p-1/a.py", stat.S_IFREG), b"a"), ("p-1/d/b.py", b"b")), LIMITS)
    assert dict(found.files) == {"a.py": b"a", "d/b.py": b"b"}
    assert found.newest == 1_714_979_290


def test_without_a_single_top_folder_paths_stay_whole(make_tar: Make) -> None:
    assert set(unpack("p", make_tar(("a/x.py", b""), ("b/x.py", b"")), LIMITS).files) == {"a/x.py", "b/x.py"}
    assert set(unpack("p", make_tar(("a/x.py", b""), ("setup.py", b"")), LIMITS).files) == {
        "a/x.py",
        "setup.py",
    }


@pytest.mark.parametrize("time", [0, -5, 315_532_800, 1_580_601_600])
def test_a_placeholder_is_no_release_time(make_tar: Make, time: int) -> None:
    entry = header("p/a.py")
    entry.mtime = time
    assert unpack("p", make_tar(entry), LIMITS).newest == 0


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (header("p/../../etc/passwd"), "leaves the source"),
        (header("/etc/passwd"), "absolute"),
        (header("C:/windows/system.ini"), "absolute"),
        (header("p/..\\..\\x"), "backslash"),
        (header("p/\x1b[2Jx"), "control character"),
        (header("p/\udcff.py"), "not UTF-8"),
        (header("p/link", tarfile.SYMTYPE, "/etc/passwd"), "symbolic link"),
        (header("p/hard", tarfile.LNKTYPE, "p/ok.py"), "hard link"),
        (header("p/null", tarfile.CHRTYPE), "device"),
        (header("p/disk", tarfile.BLKTYPE), "device"),
        (header("p/pipe", tarfile.FIFOTYPE), "pipe"),
        (header("p/odd", b"Z"), "not a plain file"),
        (header("p/./ok.py"), "earlier member"),
        (header("p/../q", tarfile.DIRTYPE), "leaves the source"),
    ],
)
def test_an_unsafe_member_of_a_tar_is_refused_and_the_rest_is_kept(
    make_tar: Make, entry: tarfile.TarInfo, reason: str
) -> None:
    found = unpack("p 1", make_tar(("p/ok.py", b"fine"), entry, ("p/too.py", b"fine")), LIMITS)
    assert set(found.files) == {"ok.py", "too.py"}
    assert [(w.code, w.severity) for w in found.warnings] == [("E704", "warning")]
    assert reason in found.warnings[0].message
    assert found.warnings[0].message.isprintable()


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("../../etc/passwd", "leaves the source"),
        ("/etc/passwd", "absolute"),
        (special("p/link", stat.S_IFLNK), "symbolic link"),
        (special("p/pipe", stat.S_IFIFO), "pipe"),
        (special("p/null", stat.S_IFCHR), "device"),
    ],
)
def test_an_unsafe_member_of_a_zip_is_refused_and_the_rest_is_kept(
    entry: str | zipfile.ZipInfo, reason: str
) -> None:
    found = unpack("p 1", zip_of(("p/ok.py", b"fine"), (entry, b"/etc/passwd")), LIMITS)
    assert set(found.files) == {"ok.py"}
    assert [w.code for w in found.warnings] == ["E704"]
    assert reason in found.warnings[0].message


def test_zip_methods_that_unpack_without_bound_and_encrypted_members_are_refused() -> None:
    packed = unpack("p", zip_of(("p/a.py", b"a"), method=zipfile.ZIP_BZIP2), LIMITS)
    assert not packed.files
    assert "compression method" in packed.warnings[0].message

    data = bytearray(zip_of(("p/a.py", b"a")))
    at = data.index(b"PK\x01\x02") + 8
    struct.pack_into("<H", data, at, 1)
    locked = unpack("p", bytes(data), LIMITS)
    assert not locked.files
    assert "encrypted" in locked.warnings[0].message


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_first_of_two_members_with_one_path_is_kept(make_tar: Make) -> None:
    for data in (
        make_tar(("p/a.py", b"first"), ("p/a.py", b"second"), ("p/b.py", b"")),
        zip_of(("p/a.py", b"first"), ("p/a.py", b"second"), ("p/b.py", b"")),
    ):
        found = unpack("p 1", data, LIMITS)
        assert found.files["a.py"] == b"first"
        assert ["`p/a.py`" in w.message for w in found.warnings] == [True]


def test_binary_and_large_files_are_left_out_and_counted_once(make_tar: Make) -> None:
    latin, nul, large = ("p/l.py", b"\xe9t\xe9"), ("p/n.bin", b"a\0b"), ("p/big.py", b"x" * 2000)
    found = unpack("p 1", make_tar(latin, nul, large, ("p/ok.py", "été".encode())), Limits(file_bytes=1000))
    assert set(found.files) == {"ok.py"}
    assert [(w.code, w.message) for w in found.warnings] == [
        ("E704", "p 1: left out 1 file over 1000 bytes"),
        ("E706", "p 1: left out 2 files not readable as UTF-8 text"),
    ]


def test_a_flood_of_refusals_is_cut_short(make_tar: Make) -> None:
    links = [header(f"p/{n}", tarfile.SYMTYPE, "x") for n in range(150)]
    warnings = unpack("p 1", make_tar(*links), LIMITS).warnings
    assert len(warnings) == 101
    assert "50 more" in warnings[-1].message


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(files=3), "more than 3 members"),
        (Limits(bytes=3000), "more than 3000 bytes"),
        (Limits(ratio=2), "more than 2 times its size"),
    ],
)
def test_an_archive_over_a_limit_is_refused_whole(make_tar: Make, limits: Limits, reason: str) -> None:
    entries = [(f"p/{n}.py", b"z" * 8000) for n in range(4)]
    for data in (make_tar(*entries), zip_of(*entries)):
        with pytest.raises(Problem) as error:
            unpack("p 1", data, limits)
        assert code_of(error) == "E705"
        assert reason in str(error.value)


def test_a_bomb_is_refused_before_it_is_unpacked(make_tar: Make) -> None:
    """Sixty-four megabytes of zeros: the tar by its ratio while it streams, the zip by its directory."""
    zeros = bytes(64 * 2**20)
    for data in (make_tar(("p/zeros", zeros)), zip_of(("p/zeros", zeros))):
        with pytest.raises(Problem) as error:
            unpack("p 1", data, Limits(file_bytes=128 * 2**20))
        assert code_of(error) == "E705"


def test_a_size_that_a_header_only_claims_is_refused(make_tar: Make) -> None:
    data = bytearray(make_tar(("p/a.py", b"x"), mode="w"))
    data[124:136] = b"77777777777\0"
    data[148:156] = f"{sum(data[:148]) + 8 * 32 + sum(data[156:512]):06o}\0 ".encode()
    with pytest.raises(Problem) as error:
        unpack("p 1", bytes(data), LIMITS)
    assert "unpacks to more than" in str(error.value)


def test_a_member_header_without_end_is_refused(make_tar: Make) -> None:
    entry = header("p/a.py")
    entry.pax_headers = {"comment": "".join(chr(97 + n % 26) * (n % 7) for n in range(METADATA_BYTES))}
    with pytest.raises(Problem) as error:
        unpack("p 1", make_tar(entry), LIMITS)
    assert "header is larger" in str(error.value)


@pytest.mark.parametrize("cut", [10, 60, 120])
def test_a_damaged_archive_is_one_diagnostic(make_tar: Make, cut: int) -> None:
    for data in (
        make_tar(("p/a.py", bytes(range(65, 90)) * 40)),
        zip_of(("p/a.py", bytes(range(65, 90)) * 40)),
    ):
        with pytest.raises(Problem) as error:
            unpack("p 1", data[:cut], LIMITS)
        assert code_of(error) == "E705"


names = st.lists(
    st.sampled_from(
        ["..", ".", "", "a", "b.py", "/", "//", "\\", "C:", "é", "\udc80", "\x00", "\n", " ", "..."]
    )
    | st.text(max_size=4),
    min_size=1,
    max_size=6,
).flatmap(lambda parts: st.sampled_from(["/".join(parts), "".join(parts)]))


def assert_safe(path: str) -> None:
    assert path
    assert not path.startswith("/")
    assert "\\" not in path
    assert not {"", ".", ".."} & set(path.split("/"))
    path.encode()


@given(st.lists(names, max_size=5))
def test_no_name_of_a_tar_member_leads_out_of_the_archive(crafted: list[str]) -> None:
    packed = io.BytesIO()
    with tarfile.open(
        fileobj=packed, mode="w", errors="surrogateescape", format=tarfile.GNU_FORMAT
    ) as archive:
        for name in crafted:
            # Only what survives the trip through a header can be crafted.
            if "\0" not in name and name == name.encode(errors="surrogatepass").decode(
                errors="surrogatepass"
            ):
                try:
                    archive.addfile(header(name))
                except UnicodeEncodeError:
                    continue
    for path in unpack("p", packed.getvalue(), LIMITS).files:
        assert_safe(path)


@given(st.lists(names, max_size=5))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_name_of_a_zip_member_leads_out_of_the_archive(crafted: list[str]) -> None:
    data = zip_of(*((name, b"") for name in crafted if name == name.encode(errors="replace").decode()))
    for path in unpack("p", data, LIMITS).files:
        assert_safe(path)


@given(
    st.binary(max_size=600)
    | st.tuples(
        st.sampled_from(["w", "w:gz", "zip"]), st.integers(0, 1500), st.binary(min_size=1, max_size=8)
    )
)
@settings(deadline=None)
def test_bytes_that_anybody_made_give_files_or_one_problem(crafted: bytes | tuple[str, int, bytes]) -> None:
    if isinstance(crafted, tuple):
        mode, at, change = crafted
        entries = [("p/a.py", b"abc" * 50), ("p/b.py", b"xyz")]
        data = bytearray(zip_of(*entries) if mode == "zip" else _tar(entries, mode))
        data[at : at + len(change)] = change
        crafted = bytes(data)
    try:
        paths = list(unpack("p", crafted, LIMITS).files)
    except Problem as problem:
        paths, codes = [], {d.code for d in problem.diagnostics}
    else:
        codes = {"E705"}
    assert codes == {"E705"}
    for path in paths:
        assert_safe(path)


def _tar(entries: list[tuple[str, bytes]], mode: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, content in entries:
            archive.addfile(header(name, size=len(content)), io.BytesIO(content))
    return packed.getvalue()
