"""The bytes behind tokens."""

from __future__ import annotations

from tokenizers import Tokenizer

from bigcode_train.tokens.encoder import bytes_as_letters


def find_head(text: bytes, number: int) -> int:
    """The byte at which character `number` of a text begins that may begin within one."""
    if text.isascii():
        return number
    return [place for place, byte in enumerate(text) if byte & 0xC0 != 0x80][number]


def token_texts(tokenizer: Tokenizer) -> list[bytes]:
    """The bytes that each token of a byte-level vocabulary stands for, by id; control tokens stand for none."""
    vocabulary = tokenizer.get_vocab()
    texts = [b""] * (max(vocabulary.values()) + 1)
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    values = {letter: byte for byte, letter in enumerate(bytes_as_letters())}
    for token, number in vocabulary.items():
        if token not in special:
            texts[number] = bytes(values[letter] for letter in token)
    return texts


def is_whole(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
