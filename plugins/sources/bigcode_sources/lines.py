"""Lines of files that somebody else made, plain or gzip, none of them held beyond a bound."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import IO, cast


def read_lines(file: IO[bytes], most: int) -> Iterator[bytes | None]:
    """The lines, None in the place of one longer than `most` bytes.

    Raises:
        OSError, EOFError, zlib.error: when a gzip file is damaged.
    """
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    stream = cast(IO[bytes], gzip.GzipFile(fileobj=file)) if packed else file
    while line := stream.readline(most):
        if len(line) < most or line.endswith(b"\n"):
            yield line
            continue
        while (rest := stream.readline(most)) and not rest.endswith(b"\n"):
            pass
        yield None
