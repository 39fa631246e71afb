"""Digests of local files and folders that a user brings."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from bigcode.api import fail


def digest_folder(path: Path) -> str:
    """sha256 in hex of a file; of a folder, of the lines `sha256  relative/path` of its files, sorted by path.

    Links are not followed, and hidden files (of version control, of an editor) are left out.
    """
    if path.is_file():
        return _digest(path)
    whole = sha256()
    for file in sorted(path.rglob("*"), key=lambda file: file.relative_to(path).as_posix()):
        relative = file.relative_to(path)
        if (
            file.is_file()
            and not file.is_symlink()
            and not any(part.startswith(".") for part in relative.parts)
        ):
            whole.update(f"{_digest(file)}  {relative.as_posix()}\n".encode())
    return whole.hexdigest()


def check_folder(path: str, expected: str, what: str) -> Path:
    """The path, if its content has the digest that is expected.

    Raises:
        Problem: E109 if there is nothing to read, E702 if it is something else than was pinned.
    """
    place = Path(path)
    if not path or not place.exists():
        raise fail(
            "E109",
            f"{what}: there is nothing at the path given",
            hint="name a local file or folder in `path`",
        )
    found = digest_folder(place)
    if found != expected:
        raise fail(
            "E702",
            f"{what} has the digest {found}, not the one pinned",
            hint=f"set sha256 to {found} if that is meant",
        )
    return place


def _digest(file: Path) -> str:
    digest = sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
