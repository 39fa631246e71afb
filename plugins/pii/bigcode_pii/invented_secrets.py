"""More invented secrets: passwords, keys of further issuers, and their look-alikes.

Contexts were written as those of `invented_people`; `password-word`, `password-in-comment` and `key-without-name` are
there because no pattern of this plugin can find them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from random import Random
from string import ascii_letters, ascii_lowercase, digits

from bigcode_pii.invented import draw, draw_hex, draw_word
from bigcode_pii.invented_people import Labelled, Maker, Piece, around, draw_login, unlike

_ALNUM = ascii_letters + digits
_BASE64 = _ALNUM + "+/"
_COMMON = "sunflower butterfly elephant mountain chocolate football dragonfly waterfall"


def draw_password(rng: Random) -> str:
    """As people make them up: a word with letters exchanged, digits and signs."""
    word = draw_word(rng).capitalize()
    return rng.choice((
        f"{word}{rng.randint(10, 2030)}!",
        f"{word.replace('a', '@').replace('o', '0')}#{rng.randint(1, 99)}",
        f"{draw_word(rng)}{rng.randint(100, 999)}",
        f"{rng.randint(1, 9)}{word}_{draw(rng, ascii_lowercase, 3)}{rng.randint(1, 9)}",
    ))  # fmt: skip


def _database(rng: Random) -> tuple[Piece, ...]:
    scheme = rng.choice(("postgres", "mysql", "amqp", "mongodb+srv", "ftp"))
    where = f"@{draw_word(rng)}.{draw_word(rng)}.com:5432/main"
    return (
        f'"{scheme}://{draw_login(rng)}:',
        Labelled(draw_password(rng).replace("@", "").replace("#", "."), "PASSWORD"),
        f'{where}"',
    )


def _password(rng: Random) -> tuple[Piece, ...]:
    name = rng.choice(
        ("password", "PASSWORD", "dbPassword", "smtp_passwd", "admin_pwd", "userPass", "passphrase")
    )
    return around(
        rng, Labelled(draw_password(rng), "PASSWORD"),
        (f'{name} = "', '"'), (f"{name}: '", "',"), (f'"{name}": "', '",'), (f'client.login(user, {name}="', '")'),
        (f"${name} = '", "';"), (f'String {name} = "', '";'), (f'.set("{name}", "', '")'),
        (f"define('{name.upper()}', '", "');"), (f'if ({name} == "', '") {'),
    )  # fmt: skip


def _key_of(rng: Random, text: str) -> tuple[Piece, ...]:
    name = rng.choice(("conn", "cfg.auth", "value", "API", "client_secret", "AuthToken", "credential"))
    return around(
        rng,
        Labelled(text, "KEY"),
        (f'{name} = "', '"'),
        (f"{name}: ", ""),
        (f"export {name.upper()}=", ""),
        ("new Client('", "')"),
    )


def _basic(rng: Random) -> tuple[Piece, ...]:
    text = base64.b64encode(f"{draw_login(rng)}:{draw_password(rng)}".encode()).decode()
    return around(
        rng, Labelled(text, "KEY"), ('"Authorization": "Basic ', '"'), ("-H 'Authorization: Basic ", "'")
    )


def _as_password(*frames: tuple[str, str]) -> Maker:
    return lambda rng: around(rng, Labelled(draw_password(rng), "PASSWORD"), *frames)


def _telegram(rng: Random) -> tuple[Piece, ...]:
    return 'Bot("', Labelled(f"{draw(rng, '123456789', 9)}:AA{draw(rng, _ALNUM, 33)}", "KEY"), '")'


POSITIVES: Mapping[str, Maker] = {
    "password": _password,
    "password-line": _as_password(("DB_PASSWORD=", ""), ("  password: ", ""), ("export PGPASSWORD=", "")),
    "password-flag": _as_password(
        ("mysqldump --password=", " -u x"), ("sshpass -p '", "' ssh x"), ("--db-password ", "")
    ),
    "password-tag": _as_password(("<password>", "</password>")),
    "password-word": lambda rng: ('password = "', Labelled(rng.choice(_COMMON.split()), "PASSWORD"), '"'),
    "password-in-comment": _as_password(("# staging login is deploy / ", "")),
    "password-in-url": _database,
    "azure-storage": lambda rng: (
        "AccountKey=",
        Labelled(draw(rng, _BASE64, 86) + "==", "KEY"),
        ";Endpoint=x",
    ),
    "twilio": lambda rng: _key_of(rng, "SK" + draw_hex(rng, 32)),
    "telegram": _telegram,
    "hugging-face": lambda rng: _key_of(rng, "hf" + "_" + draw(rng, ascii_letters, 34)),
    "digital-ocean": lambda rng: _key_of(rng, "do" + "p_v1_" + draw_hex(rng, 64)),
    "shopify": lambda rng: _key_of(rng, "shp" + "at_" + draw_hex(rng, 32)),
    "basic-auth": _basic,
    "key-without-name": lambda rng: (f'{draw_word(rng)} = "', Labelled(draw(rng, _BASE64, 40), "KEY"), '"'),
}


NEGATIVES: Mapping[str, Maker] = {
    "password-reference": unlike(
        "PASSWORD",
        lambda rng: ('password = "', "${DB_PASSWORD}", '"'),
        lambda rng: ("password = ", f'getenv("{draw_word(rng).upper()}_PASS")', ""),
        lambda rng: ("password: ", "{{ vault_db_password }}", ""),
        lambda rng: ("password=", f"settings.{draw_word(rng)}", ","),
        lambda rng: ("postgres://", "user:password", "@localhost/main"),
    ),
    "password-label": unlike(
        "PASSWORD",
        lambda rng: ('"password": "', "Enter your password", '"'),
        lambda rng: ("password_hint = '", "at least 8 characters", "'"),
        lambda rng: ('PASSWORD_FIELD = "', f"{draw_word(rng)}_{draw_word(rng)}", '"'),
        lambda rng: ('<input type="', "password", '" name="pwd1">'),
        lambda rng: ('reset_password_url = "', f"/accounts/{draw_word(rng)}/reset2", '"'),
    ),
    "password-hash": unlike(
        "PASSWORD",
        lambda rng: ('password = "', "$2b$12$" + draw(rng, _ALNUM, 53), '"'),
        lambda rng: ("password: ", hashlib.md5(rng.randbytes(8), usedforsecurity=False).hexdigest(), ""),
        lambda rng: ("userPassword: ", "{SSHA}" + draw(rng, _ALNUM, 32), ""),
    ),
    "certificate": lambda rng: (
        "-----BEGIN CERTIFICATE-----\n",
        Labelled("\n".join(draw(rng, _BASE64, 64) for _ in range(4)), "KEY", positive=False),
        "\n-----END CERTIFICATE-----",
    ),
}  # fmt: skip
