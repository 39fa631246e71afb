"""datatrove, read to write: filter, exact deduplication in three stages, MinHash in four, Parquet out.

Two things differ from datatrove as shipped. Words are those of code and not spaCy's English ones, which would be no
comparison. And rows are written through `flat`: its writer takes the columns of the first row, but only some
rows get a `duplicate_count` from its exact deduplication.
"""

from __future__ import annotations

from pathlib import Path

from common import BANDS, NGRAM, ROWS, arguments, passes, words
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.exact_dedup import ExactDedupConfig
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import TextNormConfig
from datatrove.utils.word_tokenizers import WordTokenizer

AS_IT_IS = TextNormConfig(
    lowercase=False,
    norm_whitespace=False,
    remove_punctuation=False,
    norm_unicode_diacritics=False,
    norm_numbers=False,
)


class CodeWords(WordTokenizer):
    def word_tokenize(self, text: str) -> list[str]:
        return words(text)

    def sent_tokenize(self, text: str) -> list[str]:
        return text.splitlines()

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


def document(self: object, data: dict, path: str, id_in_file: int | str) -> dict:
    """A row of the corpus as datatrove's own."""
    names = {name: data[name] for name in ("owner", "repository", "revision", "path")}
    return {
        "text": data["content"],
        "id": "/".join((data["repository"], data["revision"], data["path"])),
        "metadata": names,
    }


def flat(self: object, found: Document) -> dict:
    names = {name: found.metadata[name] for name in ("owner", "repository", "revision", "path")}
    return {"content": found.text, "id": found.id, **names}


def row(self: object, data: dict, path: str, id_in_file: int | str) -> dict:
    """A row that `flat` wrote."""
    return {"text": data.pop("content"), "id": data.pop("id"), "metadata": data}


def text_of(found: Document) -> str:
    return found.text


def is_good(found: Document) -> bool:
    return passes(found.text)


def writer(folder: Path) -> ParquetWriter:
    return ParquetWriter(str(folder), adapter=flat, compression="zstd")


def main() -> None:
    corpus, out, workers = arguments()
    tasks = max(workers, len(list(corpus.glob("*.parquet"))))
    exact = ExactDedupConfig(content_getter=text_of)
    near = MinhashConfig(
        n_grams=NGRAM,
        num_buckets=BANDS,
        hashes_per_bucket=ROWS,
        norm_config=AS_IT_IS,
        hash_config=HashConfig(precision=64),
    )
    signature = MinhashDedupSignature(str(out / "signatures"), config=near)
    signature.word_tokenizer = CodeWords()

    def source() -> ParquetReader:
        return ParquetReader(str(corpus), adapter=document, text_key="content", glob_pattern="*.parquet")

    def distinct() -> ParquetReader:
        return ParquetReader(str(out / "distinct"), adapter=row, text_key="content")

    stages = [
        ([source(), LambdaFilter(is_good), writer(out / "good")], tasks),
        ([_good(out), ExactDedupSignature(str(out / "hashes"), exact)], tasks),
        ([ExactFindDedups(str(out / "hashes"), str(out / "copies"), exact)], 1),
        ([_good(out), ExactDedupFilter(str(out / "copies"), exact), writer(out / "distinct")], tasks),
        ([distinct(), signature], tasks),
        ([MinhashDedupBuckets(str(out / "signatures"), str(out / "buckets"), config=near)], BANDS),
        ([MinhashDedupCluster(str(out / "buckets"), str(out / "remove"), config=near)], 1),
        ([distinct(), MinhashDedupFilter(str(out / "remove")), writer(out / "kept")], tasks),
    ]
    for number, (pipeline, count) in enumerate(stages):
        LocalPipelineExecutor(
            pipeline, tasks=count, workers=min(workers, count), logging_dir=str(out / "logs" / str(number))
        ).run()


def _good(out: Path) -> ParquetReader:
    return ParquetReader(str(out / "good"), adapter=row, text_key="content")


if __name__ == "__main__":
    main()
