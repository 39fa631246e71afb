"""Build the benchmark corpus: `python benchmarks/corpus.py [--into FOLDER] [--sets XS S full]`.

Source releases of PyPI, pinned one by one in `releases.txt`, are fetched from the index that pip is configured with,
compared with their pins and unpacked in memory; nothing in them is run. Text files with one of sixty extensions, in
UTF-8 and of at most a mebibyte, become rows of Parquet shards of about 50 MB of text, and so do the licence and
metadata files at the top of an archive, without which no file would have a licence.

`S` holds a tenth of the paths and `XS` a hundredth, chosen by a hash of repository and path: all releases of a file
stay together, so that the share of near-duplicates stays that of the whole. What stands for a whole release, its
licence and metadata, is in every set.

A download that is there already is not asked for again, and a set whose shards match its manifest stays as it is.
Exits 1 when a set holds other rows than those that `corpus.lock.json` records; `--lock` writes that file.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "benchmarks"
"""Where everything goes that a benchmark fetches or makes; git ignores it."""
RELEASES = HERE / "releases.txt"
LOCK = HERE / "corpus.lock.json"
SETS = {"XS": 100, "S": 10, "full": 1}
"""Each set holds one path in so many; each smaller one lies within the larger ones."""
EXTENSIONS = frozenset({
    "bash", "bat", "c", "cc", "cfg", "cmake", "cpp", "cs", "css", "cu", "cuh", "cxx", "go", "h", "hpp",
    "html", "hxx", "ini", "inl", "ipynb", "java", "js", "json", "jsx", "kt", "lua", "m4", "md", "mjs",
    "php", "pl", "pm", "po", "pot", "proto", "ps1", "pxd", "pxi", "py", "pyi", "pyx", "r", "rb", "rs",
    "rst", "scala", "scss", "sh", "sql", "tcl", "tex", "toml", "ts", "tsx", "txt", "vue", "xml", "yaml",
    "yml", "zsh",
})  # fmt: skip
TOP_FILES = ("license", "licence", "copying", "notice", "pkg-info")
"""How the names of licence and metadata files start, in lower case."""
FILE_BYTES = 2**20
ARCHIVE_BYTES = 2**28
SHARD_BYTES = 50_000_000
SCHEMA = pa.schema(
    [
        ("host", pa.string()),
        ("owner", pa.string()),
        ("repository", pa.string()),
        ("revision", pa.string()),
        ("path", pa.string()),
        ("released", pa.int64()),
        ("content", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Release:
    project: str
    version: str
    sha256: str


def read_releases(path: Path = RELEASES) -> list[Release]:
    """The pins, in the order of the file."""
    lines = path.read_text().splitlines()
    return [Release(*line.split()) for line in lines if line and not line.startswith("#")]


def fetch(release: Release, folder: Path) -> Path:
    """The archive of a release, from `folder` or else from the index that pip is configured with.

    Raises:
        bigcode.api.Problem: when no index has the release with this digest.
    """
    path = folder / release.sha256
    if not path.exists():
        from bigcode_sources.index import download_release

        data = download_release(release.project, release.version, release.sha256, ARCHIVE_BYTES)
        partial = path.with_suffix(".partial")
        partial.write_bytes(data)
        partial.replace(path)
    return path


def members(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Name, time and content of the plain files of a tar or zip archive that may belong to the corpus."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and _wanted(entry.filename, entry.file_size):
                    yield entry.filename, 0, archive.read(entry)
    else:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r|*") as archive:
            for member in archive:
                if member.isreg() and _wanted(member.name, member.size):
                    stream = archive.extractfile(member)
                    assert stream is not None, "a plain file has content"
                    yield member.name, int(member.mtime), stream.read()


def _wanted(name: str, size: int) -> bool:
    extension = PurePosixPath(name).suffix.lower().removeprefix(".")
    return 0 < size <= FILE_BYTES and (extension in EXTENSIONS or stands_for_release(name.partition("/")[2]))


def stands_for_release(path: str) -> bool:
    """Whether a path below the top folder of an archive is that of a licence or of package metadata."""
    return "/" not in path and path.lower().startswith(TOP_FILES)


def rows(release: Release, data: bytes) -> list[dict[str, object]]:
    """The corpus rows of an archive, sorted by path, below its single top folder."""
    found: dict[str, str] = {}
    newest = 0
    for name, time, content in members(data):
        parts = [part for part in name.split("/") if part not in ("", ".")]
        path = "/".join(parts[1:])
        if not path or ".." in parts or not path.isprintable() or path in found or b"\0" in content:
            continue
        try:
            found[path] = content.decode()
        except UnicodeDecodeError:
            continue
        newest = max(newest, time)
    same = {"host": "pypi", "owner": release.project, "repository": release.project}
    return [
        {**same, "revision": release.version, "path": path, "released": newest, "content": content}
        for path, content in sorted(found.items())
    ]


def in_set(repository: str, path: str, every: int) -> bool:
    """Whether all releases of a path belong to the set that holds one path in `every`."""
    if stands_for_release(path):
        return True
    value = hashlib.sha256(f"{repository}\0{path}".encode()).digest()
    return int.from_bytes(value[:8], "big") % every == 0


@dataclass
class Shards:
    """Writes the rows of one set; a shard is complete when its text passes SHARD_BYTES."""

    folder: Path
    waiting: list[dict[str, object]] = field(default_factory=list)
    size: int = 0
    written: list[dict[str, object]] = field(default_factory=list)
    content: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, found: Iterable[dict[str, object]]) -> None:
        for row in found:
            text = str(row["content"]).encode()
            self.waiting.append(row)
            self.size += len(text)
            names = "\0".join(str(row[name]) for name in ("repository", "revision", "path"))
            self.content.update(names.encode() + b"\0" + hashlib.sha256(text).digest())
            if self.size >= SHARD_BYTES:
                self._write()

    def close(self) -> dict[str, object]:
        """Write what is left and the manifest, which is returned."""
        self._write()
        manifest = {
            "files": sum(int(str(shard["files"])) for shard in self.written),
            "bytes": sum(int(str(shard["bytes"])) for shard in self.written),
            "content": self.content.hexdigest(),
            "shards": self.written,
        }
        (self.folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        return manifest

    def _write(self) -> None:
        if not self.waiting:
            return
        path = self.folder / f"{len(self.written):05d}.parquet"
        table = pa.Table.from_pylist(self.waiting, SCHEMA)
        pq.write_table(table, path, compression="zstd", compression_level=3, row_group_size=2**14)
        self.written.append(
            {
                "name": path.name,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "files": table.num_rows,
                "bytes": self.size,
            }
        )
        self.waiting, self.size = [], 0


def built(folder: Path) -> dict[str, object] | None:
    """The manifest of a set whose shards are all there and whole, else None."""
    path = folder / "manifest.json"
    if not path.exists():
        return None
    manifest = json.loads(path.read_text())
    for shard in manifest["shards"]:
        file = folder / shard["name"]
        if not file.exists() or hashlib.sha256(file.read_bytes()).hexdigest() != shard["sha256"]:
            return None
    return dict(manifest)


def build(releases: Sequence[Release], into: Path, sets: Sequence[str]) -> dict[str, dict[str, object]]:
    """Manifests by set. The order of rows is that of `releases`, then of paths."""
    done = {name: manifest for name in sets if (manifest := built(into / name)) is not None}
    missing = [name for name in sets if name not in done]
    if not missing:
        return done
    archives = into / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    writers = {}
    for name in missing:
        (into / name).mkdir(exist_ok=True)
        for stale in (into / name).iterdir():
            stale.unlink()
        writers[name] = Shards(into / name)
    with ThreadPoolExecutor(4) as pool:
        for release, path in zip(releases, pool.map(lambda r: fetch(r, archives), releases), strict=True):
            found = rows(release, path.read_bytes())
            print(f"{release.project} {release.version}: {len(found):,} files", file=sys.stderr)
            for name, writer in writers.items():
                writer.add(r for r in found if in_set(str(r["repository"]), str(r["path"]), SETS[name]))
    return done | {name: writer.close() for name, writer in writers.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the benchmark corpus.")
    parser.add_argument("--into", type=Path, default=CACHE / "corpus")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--lock", action="store_true", help="record what the sets hold")
    options = parser.parse_args()
    manifests = build(read_releases(), options.into, options.sets)
    locked = json.loads(LOCK.read_text()) if LOCK.exists() else {}
    differs = False
    for name, manifest in manifests.items():
        now = {key: manifest[key] for key in ("files", "bytes", "content")}
        same = locked.get(name) == now
        differs |= not same
        print(
            f"{name}: {now['files']:,} files, {int(str(now['bytes'])) / 1e6:,.1f} MB, "
            f"{len(list(manifest['shards']))} shards"  # type: ignore[call-overload]
            + ("" if same or options.lock else "; not what corpus.lock.json records")
        )
        locked[name] = now
    if options.lock:
        LOCK.write_text(json.dumps(locked, indent=2, sort_keys=True) + "\n")
        return 0
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
