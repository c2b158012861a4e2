"""The kinds of value that the file holds, each with its one way to be written.

Every reader takes what YAML gave (text, a number's digits, true/false, null) or the value already
made, and raises pydantic's error with the words for what is allowed. The words never repeat the
value: it may be a secret.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BeforeValidator, PlainValidator, SecretStr
from pydantic_core import PydanticCustomError

from gateway.config.tree import Number
from gateway.domain.resolution import lines
from gateway.domain.units import Micros

T = TypeVar("T")
Network = IPv4Network | IPv6Network

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})")
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_GLOB = re.compile(r"[A-Za-z0-9._:/@~+*?-]{1,200}")
_HASH = re.compile(r"sha256:([0-9a-f]{64})")

_UNIT_MICROSECONDS = {
    "ms": 1_000,
    "s": 10**6,
    "m": 60 * 10**6,
    "h": 3600 * 10**6,
    "d": 86400 * 10**6,
}
_LONGEST = 3650 * 86400 * 10**6  # microseconds of ten years
_MOST_USD = Decimal(1_000_000_000)  # micro-dollars of a thousand such budgets still fit a BIGINT

# `printf '' | sha256sum` and `echo | sha256sum`: what a script prints when its variable was empty.
_EMPTY = ("", "\n")
_GUESSED = (
    "test", "secret", "password", "changeme", "change-me", "admin", "key", "token", "example",
    "default", "demo", "vg_test", "vg_...", "foo", "bar", "12345678", "hello", "letmein", "root",
)  # fmt: skip
"""Texts whose hash anybody looks up; the first one stood in this project's own documentation."""


def _hashes(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(hashlib.sha256(text.encode()).hexdigest() for text in texts)


_PLACEHOLDER = "0" * 64  # of the documentation
_HASHES_OF_NOTHING = _hashes(_EMPTY)
_HASHES_OF_GUESSES = _hashes(each for text in _GUESSED for each in (text, f"{text}\n"))


def refuse(allowed: str) -> NoReturn:
    """Say that a value is not allowed here, by what is allowed."""
    raise PydanticCustomError("config", "{allowed}", {"allowed": allowed})


def read_flag(value: object) -> bool:
    """`true` or `false`, also as text (from the environment)."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        refuse("true or false")
    return value


def whole(least: int, most: int, what: str = "a whole number") -> Callable[[object], int]:
    """A reader of integers within bounds, both included."""

    def read(value: object) -> int:
        is_int = isinstance(value, int) and not isinstance(value, bool)
        if not is_int and not (isinstance(value, str) and _WHOLE.fullmatch(value)):
            refuse(f"{what} from {least} to {most}")
        number = int(str(value))
        if not least <= number <= most:
            refuse(f"{what} from {least} to {most}")
        return number

    return read


def read_decimal(value: object) -> Decimal | None:
    """The exact decimal, or None where the value is no plain number. A binary float is none."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    return None


def decimal_between(least: str, most: str, *, above: bool = False) -> Callable[[object], Decimal]:
    """A reader of decimals from `least` to `most`; `above`: `least` itself is not allowed."""
    words = (
        f"a number {'above' if above else 'from'} {least} {'and up to' if above else 'to'} {most}"
    )

    def read(value: object) -> Decimal:
        number = read_decimal(value)
        if number is None or not Decimal(least) <= number <= Decimal(most):
            refuse(words)
        if above and number == Decimal(least):
            refuse(words)
        return number

    return read


def usd(*, above_zero: bool = False) -> Callable[[object], Micros]:
    """A reader of dollar amounts, exact to the micro-dollar; never through a binary float."""
    least = "above 0" if above_zero else "0 or more"
    words = f"US dollars, {least}, at most {_MOST_USD}, at most 6 decimals, such as 40 or 0.052"

    def read(value: object) -> Micros:
        dollars = read_decimal(value)
        if dollars is None or not 0 <= dollars <= _MOST_USD or (above_zero and dollars == 0):
            refuse(words)
        micros = dollars * 1_000_000
        if micros != micros.to_integral_value():
            refuse(words)
        return Micros(int(micros))

    return read


def read_duration(value: object) -> timedelta:
    """`500ms`, `4s`, `15m`, `24h`, `30d`; one unit, decimals allowed (`1.5h`)."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    microseconds = Decimal(match[1]) * _UNIT_MICROSECONDS[match[2]] if match else None
    if microseconds is None or microseconds > _LONGEST:
        refuse("a duration with its unit: 500ms, 4s, 15m, 24h, 30d")
    return timedelta(microseconds=int(microseconds))


def duration_text(length: timedelta) -> str:
    """A duration as the file would write it, in the largest unit that leaves no rest: `15m`."""
    microseconds = length // timedelta(microseconds=1)
    for unit in reversed(_UNIT_MICROSECONDS):
        if microseconds and microseconds % _UNIT_MICROSECONDS[unit] == 0:
            return f"{microseconds // _UNIT_MICROSECONDS[unit]}{unit}"
    return f"{Decimal(microseconds) / 1000:f}ms"


def duration(least: str, most: str) -> Callable[[object], timedelta]:
    """A reader of durations within bounds, both included, given as the file writes them."""
    lowest, highest = read_duration(least), read_duration(most)

    def read(value: object) -> timedelta:
        length = read_duration(value)
        if not lowest <= length <= highest:
            refuse(f"a duration from {least} to {most}")
        return length

    return read


def read_seconds(value: object) -> int:
    """A video's length in whole seconds: `8` or `8s`."""
    text = value[:-1] if isinstance(value, str) and value.endswith("s") else value
    return whole(1, 86_400, "whole seconds (8 or 8s)")(text)


def is_name(value: object) -> bool:
    """Whether this can be the name of something."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def read_name(value: object) -> str:
    """A name: it stands in URLs, metrics and on command lines."""
    if not is_name(value):
        refuse("a name: letters, digits, - _ . and at most 63 of them, a letter or digit first")
    return str(value)


def read_glob(value: object) -> str:
    """A pattern with `*` (anything) and `?` (one character); case matters."""
    if not isinstance(value, str) or not _GLOB.fullmatch(value):
        refuse('a pattern such as "google/*": letters, digits, . _ : / @ ~ + - with * and ?')
    return str(value)


def read_hash(value: object) -> str:
    """`sha256:<64 hex digits>`, lower-case whatever was written."""
    match = _HASH.fullmatch(value.lower()) if isinstance(value, str) else None
    if match is None:
        refuse("sha256:<64 hex digits>, as `video-gateway keys hash` prints it")
    if match[1] in _HASHES_OF_NOTHING:
        refuse("the hash of a key; this is the hash of an empty text, so anyone would fit it")
    if match[1] in _HASHES_OF_GUESSES or match[1] == _PLACEHOLDER:
        refuse(
            "the hash of a key that nobody can guess; this is the hash of a well-known word, or an"
            " example: make a key with `video-gateway keys create`"
        )
    return match[0]


def read_resolution(value: object) -> str:
    """A resolution whose lines are known, so that it can be compared (`domain/resolution.py`)."""
    if not isinstance(value, str) or value != value.strip() or lines(value) is None:
        refuse("a resolution: 360p, 480p, 720p, 768p, 1080p, 1K, 2K, 4K, or another <lines>p")
    return str(value)


def read_network(value: object) -> Network:
    """A CIDR such as `10.0.0.0/8`, or one address."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    words = "a network such as 10.0.0.0/8 or fd00::/8, with no address bits beyond its prefix"
    if not isinstance(value, str) or isinstance(value, Number):
        refuse(words)
    try:
        return ip_network(value)
    except ValueError:
        refuse(words)


def secret(least: int, what: str, unit: str = "characters") -> Callable[[object], SecretStr]:
    """A reader of one-line secrets, no space around them, of `least` characters or bytes."""

    def read(value: object) -> SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not isinstance(text, str) or text != text.strip() or not text.isprintable():
            refuse(f"{what}: text of at least {least} {unit}, no line break or space around it")
        if (len(text) if unit == "characters" else len(text.encode())) < least:
            refuse(f"{what}: at least {least} {unit}")
        return SecretStr(str(text))

    return read


def rotating_secret(least: int, what: str) -> Callable[[object], SecretStr]:
    """A reader of one signing secret, or of two with a space between while it is rotated."""
    read_one = secret(least, what)

    def read(value: object) -> SecretStr:
        whole_text = read_one(value)
        parts = whole_text.get_secret_value().split(" ")
        if len(parts) > 2:
            refuse(f"{what}, or two with one space between while it is rotated")
        for part in parts:
            read_one(part)
        return whole_text

    return read


def read_header_secret(value: object) -> SecretStr:
    """A bearer key: it travels in a header, so visible ASCII only."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str) or not re.fullmatch(r"[!-~]+", text):
        refuse("a key: not empty, visible ASCII without spaces or line breaks")
    return SecretStr(str(text))


def at_least_one(values: tuple[T, ...]) -> tuple[T, ...]:
    """The list, if there is something in it."""
    if not values:
        refuse("a list of at least one")
    return values


def or_null(read: Callable[[object], Any]) -> Callable[[object], Any]:
    """The reader, or None for null and for the empty text that `${NAME:-}` leaves."""

    def read_optional(value: object) -> Any:
        return None if value is None or value == "" else read(value)

    return read_optional


Flag = Annotated[bool, PlainValidator(read_flag)]
Name = Annotated[str, PlainValidator(read_name)]
Glob = Annotated[str, PlainValidator(read_glob)]
KeyHash = Annotated[str, PlainValidator(read_hash)]
Cidr = Annotated[Network, PlainValidator(read_network)]
Usd = Annotated[Micros, PlainValidator(usd())]
UsdAboveZero = Annotated[Micros, PlainValidator(usd(above_zero=True))]
SomeGlobs = Annotated[tuple[Glob, ...], AfterValidator(at_least_one)]


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


FormerNames = Annotated[tuple[Name, ...], BeforeValidator(_one_or_many)]
"""Names that a team or a key had before it was renamed: one, or a list."""
