"""Invented personal data and secrets, and what is easily taken for them.

Every value is drawn at run time from a seeded generator, so that no file of the repository holds one.
A maker returns a line of text as (before, value, after); only the value carries the label.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from random import Random
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits

from bigcode_pii.config import Entity

Line = tuple[str, str, str]
Maker = Callable[[Random], Line]

_ALNUM = ascii_letters + digits
_BASE64 = _ALNUM + "+/"
_URL_SAFE = _ALNUM + "-_"


def draw(rng: Random, alphabet: str, length: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(length))


def draw_word(rng: Random) -> str:
    """A word that can be spoken, of four to eight letters."""
    return "".join(rng.choice("bdfghklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(2, 4)))


def draw_ipv4(rng: Random) -> str:
    while True:
        address = IPv4Address(rng.randrange(1 << 24, 224 << 24))
        if address.is_global:
            return str(address)


def draw_ipv6(rng: Random) -> str:
    groups = [f"2a{rng.randrange(256):02x}", *(f"{rng.randrange(1, 1 << 16):x}" for _ in range(7))]
    cut = rng.choice((0, 2, 3))
    return ":".join(groups) if not cut else ":".join(groups[:cut]) + "::" + ":".join(groups[cut + 2 :])


def draw_hex(rng: Random, length: int) -> str:
    return draw(rng, "0123456789abcdef", length)


def _email(rng: Random) -> Line:
    more = rng.choice(("", f".{draw_word(rng)}", str(rng.randint(2, 99)), f"_{draw_word(rng)}", "+dev"))
    ending = rng.choice(
        ("com", "org", "net", "de", "fr", "io", "co.uk", "edu", "com.br", "dev", "info", "ac.jp")
    )
    address = f"{draw_word(rng)}{more}@{draw_word(rng)}{draw_word(rng)}.{ending}"
    before, after = rng.choice((
        ('author = "Somebody <', '>"'), ("# Contact: ", "."), ("<a href='mailto:", "'>mail</a>"),
        ('  "email": "', '",'), (" * @author ", ""), ("send(to='", "')"), ("maintainer=", ""),
        ("(", ")"), ('echo "a\\n', '"'),
    ))  # fmt: skip
    return before, address, after


def _ip(rng: Random) -> Line:
    before, after = rng.choice((
        ("host: ", ""), ('server = "', '"'), ("http://", ":8080/status"), ("ping -c 1 ", ""), ("  - ", ""),
        ('connect("', '", 22)'), ("# runs on ", ""), ("deny from ", ";"), ('["', '"]'), ("A 300 IN ", ""),
    ))  # fmt: skip
    return before, draw_ipv4(rng), after


def _ip6(rng: Random) -> Line:
    before, after = rng.choice(
        (("host: ", ""), ('server = "', '"'), ("http://[", "]:80/"), ("AAAA ", ""), ("addr=", ","))
    )
    return before, draw_ipv6(rng), after


def _quoted(rng: Random, value: str) -> Line:
    name = rng.choice(("key", "TOKEN", "auth", "credentials", "value"))
    before, after = rng.choice(
        ((f'{name} = "', '"'), (f"{name}: ", ""), (f"'{name}' => '", "',"), (f"export {name.upper()}=", ""))
    )
    return before, value, after


def _version(rng: Random, top: int) -> str:
    return ".".join(str(rng.randint(1, top)) for _ in range(4))


def _slack(rng: Random) -> Line:
    return _quoted(rng, "xo" + f"xb-{draw(rng, digits, 11)}-{draw(rng, digits, 12)}-{draw(rng, _ALNUM, 24)}")


def _jwt(rng: Random) -> Line:
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": draw_word(rng), "iat": rng.randrange(10**9, 2 * 10**9)})
    encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts]
    return _quoted(rng, ".".join([*encoded, draw(rng, _URL_SAFE, 43)]))


def _private_key(rng: Random) -> Line:
    kind = rng.choice(("RSA ", "EC ", "OPENSSH ", ""))
    end = rng.choice(("\n", "\\n"))
    body = end.join(draw(rng, _BASE64, 64) for _ in range(rng.randint(3, 12)))
    return f"-----BEGIN {kind}PRIVATE KEY-----{end}", body, f"{end}-----END {kind}PRIVATE KEY-----"


def _assigned(rng: Random) -> Line:
    name = rng.choice(
        ("api_key", "API_SECRET", "clientSecret", "access_key", "db_password", "authToken", "SECRET_KEY")
    )
    value = rng.choice(
        (draw(rng, _ALNUM, 32), draw_hex(rng, 40), draw(rng, _BASE64, 40), draw(rng, _URL_SAFE, 24))
    )
    before, after = rng.choice((
        (f'{name} = "', '"'), (f"  {name}: '", "'"), (f'"{name}": "', '",'), (f"{name.upper()}=", ""),
        (f'set("{name}", "', '")'), (f'private String {name} = "', '";'), (f"{name} => '", "',"),
    ))  # fmt: skip
    return before, value, after


def _header(rng: Random) -> Line:
    return "curl -H 'Authorization: Bearer ", draw(rng, _URL_SAFE, 40), "' https://service.example/"


def _url_password(rng: Random) -> Line:
    scheme = rng.choice(("postgres", "https", "amqp", "mysql", "redis"))
    return (
        f'url = "{scheme}://{draw_word(rng)}:',
        draw(rng, _ALNUM, rng.randint(12, 24)),
        '@db.service.example/main"',
    )


POSITIVES: Mapping[tuple[Entity, str], Maker] = {
    ("EMAIL", "email"): _email,
    ("IP_ADDRESS", "ipv4"): _ip,
    ("IP_ADDRESS", "ipv6"): _ip6,
    ("KEY", "aws"): lambda rng: _quoted(rng, "AK" + "IA" + draw(rng, ascii_uppercase + "234567", 16)),
    ("KEY", "github"): lambda rng: _quoted(rng, "gh" + rng.choice("pousr") + "_" + draw(rng, _ALNUM, 36)),
    ("KEY", "gitlab"): lambda rng: _quoted(rng, "gl" + "pat-" + draw(rng, _URL_SAFE, 20)),
    ("KEY", "slack"): _slack,
    ("KEY", "google"): lambda rng: _quoted(rng, "AI" + "za" + draw(rng, _URL_SAFE, 35)),
    ("KEY", "stripe"): lambda rng: _quoted(rng, "sk_" + "live_" + draw(rng, _ALNUM, 24)),
    ("KEY", "sendgrid"): lambda rng: _quoted(
        rng, f"S{'G'}.{draw(rng, _URL_SAFE, 22)}.{draw(rng, _URL_SAFE, 43)}"
    ),
    ("KEY", "npm"): lambda rng: _quoted(rng, "np" + "m_" + draw(rng, _ALNUM, 36)),
    ("KEY", "jwt"): _jwt,
    ("KEY", "private-key"): _private_key,
    ("KEY", "assigned"): _assigned,
    ("KEY", "header"): _header,
    ("KEY", "url"): _url_password,
}


def _pick(*lines: Callable[[Random], tuple[str, str, str]]) -> Maker:
    return lambda rng: rng.choice(lines)(rng)


def _digest(rng: Random, name: str) -> str:
    return hashlib.new(name, rng.randbytes(16)).hexdigest()


_RESOLVERS = ("8.8.8.8", "1.1.1.1", "9.9.9.9", "208.67.222.222")
_WRITTEN = ("YOUR_API_KEY_HERE", "xxxxxxxxxxxxxxxxxxxx", "<insert-token>", "changeme123456")
_NOBODY = (
    "user@example.com",
    "me@mail.example.org",
    "root@localhost",
    "x@y.test",
    "you@yourdomain.com",
    "a@b.invalid",
)

NEGATIVES: Mapping[str, Maker] = {
    "hash": _pick(
        lambda rng: ('checksum = "', _digest(rng, "md5"), '"'),
        lambda rng: ('"sha256": "', _digest(rng, "sha256"), '",'),
        lambda rng: ("rev: ", _digest(rng, "sha1"), ""),
        lambda rng: ("# built from ", _digest(rng, "sha1"), ""),
        lambda rng: ('password_hash = "', _digest(rng, "sha256"), '"'),
        lambda rng: ("--hash=sha256:", _digest(rng, "sha256"), " \\"),
    ),
    "integrity": lambda rng: ('"integrity": "', "sha512-" + draw(rng, _BASE64, 86) + "==", '",'),
    "uuid": _pick(
        lambda rng: ('id = "', str(uuid.UUID(int=rng.getrandbits(128))), '"'),
        lambda rng: ('"token": "', str(uuid.UUID(int=rng.getrandbits(128))), '",'),
    ),
    "version": _pick(
        lambda rng: ('version = "', _version(rng, 30), '"'),
        lambda rng: ("Chrome/", f"{rng.randint(40, 120)}.0.{rng.randint(100, 255)}.{rng.randint(1, 200)}", " Safari"),
        lambda rng: ("pip install thing==", _version(rng, 99), ""),
        lambda rng: ("See section ", _version(rng, 12), " of it."),
        lambda rng: ("lib-", _version(rng, 9), ".tar.gz"),
    ),
    "oid": lambda rng: ('oid = "1.3.6.1.', _version(rng, 9), '.1"'),
    "local-ip": _pick(
        lambda rng: ("host: ", f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randint(1, 254)}", ""),
        lambda rng: ('server = "', f"192.168.{rng.randrange(256)}.{rng.randint(1, 254)}", '"'),
        lambda rng: ("listen ", "127.0.0.1", ":8000;"),
        lambda rng: ("gateway 172.16.", f"{rng.randrange(256)}.{rng.randint(1, 254)}", ""),
        lambda rng: ("addr = ", f"fe80::{draw_hex(rng, 4)}:{draw_hex(rng, 4)}", ""),
        lambda rng: ("group ", f"239.{rng.randrange(256)}.0.{rng.randint(1, 254)}", ""),
    ),
    "doc-ip": _pick(
        lambda rng: ("host: ", rng.choice(("192.0.2.", "198.51.100.", "203.0.113.")) + str(rng.randint(1, 254)), ""),
        lambda rng: ("host: ", f"2001:db8::{draw_hex(rng, 4)}:{draw_hex(rng, 4)}", ""),
    ),
    "resolver": lambda rng: ("nameserver ", rng.choice(_RESOLVERS), ""),
    "time": lambda rng: ('taken = "', f"20{rng.randint(10, 30)}:{rng.randint(10, 12)}:28", ' 10:30:45"'),
    "nobody": lambda rng: ('email = "', rng.choice(_NOBODY), '"'),
    "git-url": lambda rng: ("git clone ", f"git@{draw_word(rng)}.com:{draw_word(rng)}/{draw_word(rng)}.git", ""),
    "code-at": _pick(
        lambda rng: ("", f"@{draw_word(rng)}.{draw_word(rng)}.setter", ""),
        lambda rng: ('"', f"@{draw_word(rng)}/{draw_word(rng)}", '": "^1.2.3",'),
        lambda rng: ("y = ", f"{draw_word(rng)}@self.{draw_word(rng)}", "(x)"),
        lambda rng: ('"', f"{draw_word(rng)}@2x.png", '"'),
        lambda rng: ("npm i ", f"{draw_word(rng)}@{rng.randint(1, 9)}.{rng.randint(0, 9)}.0", ""),
    ),
    "public-key": _pick(
        lambda rng: ("", "ssh-" + "rsa AAAAB3NzaC1yc2E" + draw(rng, _BASE64, 200), " laptop"),
        lambda rng: ("", "ssh-" + "ed25519 AAAAC3NzaC1lZDI1NTE5" + draw(rng, _BASE64, 44), ""),
        lambda rng: ('public_key = "', draw(rng, _BASE64, 64), '"'),
    ),
    "placeholder": _pick(
        lambda rng: ('api_key = "', rng.choice(_WRITTEN), '"'),
        lambda rng: ("token = ", f'os.environ["{draw_word(rng).upper()}_TOKEN"]', ""),
        lambda rng: ("password: ", "${DB_PASSWORD}", ""),
        lambda rng: ('AWS_ACCESS_KEY_ID = "AK', "IA" + "IOSFODNN7EXAMPLE", '"'),
        lambda rng: ('secret_name = "', f"{draw_word(rng)}-{draw_word(rng)}-credentials-v2", '"'),
        lambda rng: ("auth_token = ", f"get_token_{draw_word(rng)}(request)", ""),
        lambda rng: ("tokenizer = ", f'"{draw_word(rng)}_{draw_word(rng)}_base_v{rng.randint(1, 9)}"', ""),
    ),
    "blob": lambda rng: ("url(data:image/png;base64,", draw(rng, _BASE64, 120), ")"),
    "lower": lambda rng: ('word_key = "', draw(rng, ascii_lowercase, 24), '"'),
}  # fmt: skip
