"""Token shards made by hand, in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bigcode_train.order.fim import Marks
from bigcode_train.tokens.token_files import TokenFiles

END = 0
MARKS = Marks(prefix=1, middle=2, suffix=3, pad=4)
FIRST = 5


def make_files(lengths: Sequence[int], languages: Sequence[str] = (), source: str = "") -> TokenFiles:
    """Documents of so many tokens, the end-of-text token included. Tokens count up from document to document, so that
    each tells where it stands: token `i` of all is `FIRST + i`."""
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    ids = (FIRST + np.arange(offsets[-1])).astype(np.uint32)
    ids[offsets[1:] - 1] = END
    names = sorted(set(languages))
    header = {"end": END, "source": source, "languages_list": names, "shards": ["part-0"]}
    numbers = np.array([names.index(name) for name in languages], np.uint16) if languages else None
    return TokenFiles(ids, offsets, header, None, numbers, np.arange(len(lengths)))
