"""Records without the people in them: numbers for those who talk in an issue, and no address of anybody.

Who wrote a record stays in the store, where opt-outs need it. What is written says `user-1`, `user-2` within one
conversation, so that one can follow who answers whom and cannot follow a person from one conversation to another.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

_PATH = r"^issues/(?P<number>\d+)(?:/comments/(?P<comment>\d+))?$"
_CODE = r"(?P<code>^(?P<fence>```+|~~~+).*?(?:^(?P=fence)|\Z)|`[^`\n]+`)"
_MENTION = re.compile(
    _CODE + r"|(?<![\w`/@.+-])@[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}(?![\w@]|/)",
    re.DOTALL | re.MULTILINE,
)
"""Code, or a name that is addressed: an at sign that ends no word, as in an e-mail address, and begins no scope."""
_NUMBERED = re.compile(r"\0([at])(\d+)\0")
_TELLING = re.compile(r"[0-9-]")
_END = r"(?![A-Za-z0-9_]|-[A-Za-z0-9])"
_MAIL = (
    r"[ \t]*[<(\[{]?[ \t]*(?:mailto:)?[^\s<>()\[\]{}@,;:\"'`]+"
    r"(?:@|[ \t]*[<(\[{][ \t]*(?i:at)[ \t]*[>)\]}][ \t]*)"
    r"[^\s<>()\[\]{}@,;:\"'`]+(?:[ \t]*[>)\]}])?"
)
ADDRESS = "<EMAIL>"
"""Stands where the address of an author of a commit stood."""


def conversations_of(table: pa.Table) -> tuple[pa.Array, pa.Array]:
    """The conversation of each row (string: host, owner, repository and number of the issue; null for other rows), and
    the id of the comment (int64; -1 for the issue itself)."""
    parts = pc.extract_regex(table["path"].combine_chunks(), _PATH)
    home = [table[name].combine_chunks() for name in ("host", "owner", "repository")]
    comment = pc.struct_field(parts, "comment")
    ids = pc.if_else(pc.equal(comment, ""), "-1", comment).cast(pa.int64())
    return pc.binary_join_element_wise(*home, pc.struct_field(parts, "number"), "\0"), ids


def writers_of(table: pa.Table) -> pa.Array:
    """The first author of each row in lower case; null where there is none."""
    lists = pc.list_slice(table["authors"].combine_chunks(), 0, 1)
    first = pc.binary_join(pc.fill_null(lists, pa.scalar([], pa.list_(pa.string()))), "")
    return pc.if_else(pc.equal(first, ""), None, pc.utf8_lower(first))


def number_writers(table: pa.Table) -> dict[str, dict[str, int]]:
    """For each conversation its writers' numbers, from one on, by the first message of each: the issue, then comments
    by time and id.

    Args:
        table: host, owner, repository, path: string; released: int64; authors: list<string>; all messages that were
            collected, so that a number does not depend on which of them are kept.
    """
    conversation, comment = conversations_of(table)
    rows = pa.table(
        {
            "conversation": conversation,
            "opens": pc.greater_equal(comment, 0),
            "released": table["released"].combine_chunks(),
            "comment": comment,
            "writer": writers_of(table),
        }
    )
    rows = rows.filter(pc.and_(pc.is_valid(rows["conversation"]), pc.is_valid(rows["writer"])))
    out: dict[str, dict[str, int]] = {}
    ordered = rows.sort_by([(name, "ascending") for name in rows.column_names])
    pairs = zip(ordered["conversation"].to_pylist(), ordered["writer"].to_pylist(), strict=True)
    for name, writer in pairs:
        numbers = out.setdefault(name, {})
        numbers.setdefault(writer, len(numbers) + 1)
    return out


def pseudonymise(
    kept: pa.Table, texts: Sequence[str], numbers: Mapping[str, Mapping[str, int]]
) -> tuple[list[str | None], list[str]]:
    """`user-N` of each kept message, None where nobody is known to have written it; and its text without logins.

    Who is addressed and wrote a kept message of the conversation reads `@user-N`, anybody else `@user`. Those whose
    messages all went, because they asked for it or for another reason, are not told from each other.
    """
    conversation, _ = conversations_of(kept)
    names, writers = conversation.to_pylist(), writers_of(kept).to_pylist()
    talk = [name is not None and writer is not None for name, writer in zip(names, writers, strict=True)]
    known = {name: dict.fromkeys(numbers.get(name, ()), 0) for name in names if name is not None}
    for name, writer in itertools.compress(zip(names, writers, strict=True), talk):
        known[name][writer] = numbers[name][writer]
    authors = [
        f"user-{known[name][writer]}" if said else None
        for name, writer, said in zip(names, writers, talk, strict=True)
    ]
    return authors, [hide(text, known.get(name, {})) for name, text in zip(names, texts, strict=True)]


def hide(text: str, writers: Mapping[str, int]) -> str:
    """A text that names the writers by their numbers, wherever they are addressed, linked to, or named by a login that
    is no ordinary word; a number of zero is not written. Others who are addressed outside of code are `@user`."""
    lowered = text.lower()
    for login in sorted(writers, key=lambda login: (-len(login), login)):
        if login in lowered:
            text = _named(login).sub(partial(_mark, writers[login]), text)
    if "@" in text:
        text = _MENTION.sub(lambda found: found["code"] or "@user", text)
    return _NUMBERED.sub(_write, text)


def _write(found: re.Match[str]) -> str:
    number = "" if found[2] == "0" else f"-{found[2]}"
    return f"{'@' if found[1] == 'a' else ''}user{number}"


def _mark(number: int, found: re.Match[str]) -> str:
    """A number between NULs, which no text holds, so that what is written here is not taken for text."""
    return f"\0{'a' if found['at'] else 't'}{number}\0"


def _named(login: str) -> re.Pattern[str]:
    bare = r"(?<![\w@.-])" if _TELLING.search(login) else r"(?<=github\.com/)"
    return re.compile(rf"(?:(?<![\w@])(?P<at>@)|{bare}){re.escape(login)}{_END}", re.IGNORECASE)


def hide_accounts(text: str, accounts: Sequence[str]) -> str:
    """The text of a commit without the addresses and mentions of those who wrote it."""
    lowered = text.lower()
    for account in accounts:
        if account.lower() not in lowered:
            continue
        name = re.escape(account)
        if "@" in account:
            text = re.sub(rf"(?<![\w.+-]){name}(?![\w-])", ADDRESS, text, flags=re.IGNORECASE)
        else:
            text = re.sub(rf"(?<![\w@])@{name}{_END}", "@user", text, flags=re.IGNORECASE)
    return text


def without_mail(values: pa.Array) -> pa.Array:
    """Strings without e-mail addresses, also those with `(at)`, and without the brackets around them."""
    # Headers repeat from file to file.
    encoded = values.dictionary_encode()
    plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(encoded.dictionary, _MAIL, ""))
    return plain.take(encoded.indices)
