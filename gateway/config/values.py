"""Parsers of the values in the file.

Each takes a YAML value (text, a number's digits, true/false, null) or a value already parsed, and
raises pydantic's error with a description of what is allowed. The description never contains the
value, which may be a secret.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import MappingProxyType
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BeforeValidator, PlainValidator, SecretStr
from pydantic_core import PydanticCustomError

from gateway.config.yaml_tree import Number
from gateway.domain.resolution import lines
from gateway.domain.units import Micros

T = TypeVar("T")
Network = IPv4Network | IPv6Network

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
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
_MAX_DURATION = 3650 * 86400 * 10**6  # microseconds of ten years
_MAX_USD = Decimal(1_000_000_000)  # a thousand such budgets in micro-dollars fit a BIGINT

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
    """Reject a value; `allowed` describes what is allowed."""
    raise PydanticCustomError("config", "{allowed}", {"allowed": allowed})


def read_flag(value: object) -> bool:
    """Parse `true` or `false`, also as text from the environment."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        refuse("true or false")
    return value


def integer(least: int, most: int, what: str = "an integer") -> Callable[[object], int]:
    """Return a parser of integers from `least` to `most`, inclusive."""

    def read(value: object) -> int:
        is_int = isinstance(value, int) and not isinstance(value, bool)
        if not is_int and not (isinstance(value, str) and _INTEGER.fullmatch(value)):
            refuse(f"{what} from {least} to {most}")
        number = int(str(value))
        if not least <= number <= most:
            refuse(f"{what} from {least} to {most}")
        return number

    return read


def read_decimal(value: object) -> Decimal | None:
    """Parse an exact decimal; None if the value is not a plain number, or is a binary float."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    return None


def decimal_between(least: str, most: str, *, above: bool = False) -> Callable[[object], Decimal]:
    """Return a parser of decimals from `least` to `most`; `above`: `least` is excluded."""
    allowed = (
        f"a number {'above' if above else 'from'} {least} {'and up to' if above else 'to'} {most}"
    )

    def read(value: object) -> Decimal:
        number = read_decimal(value)
        if number is None or not Decimal(least) <= number <= Decimal(most):
            refuse(allowed)
        if above and number == Decimal(least):
            refuse(allowed)
        return number

    return read


def usd(*, above_zero: bool = False) -> Callable[[object], Micros]:
    """Return a parser of dollar amounts, exact to the micro-dollar, without binary floats."""
    least = "above 0" if above_zero else "0 or more"
    allowed = f"US dollars, {least}, at most {_MAX_USD}, at most 6 decimals, such as 40 or 0.052"

    def read(value: object) -> Micros:
        dollars = read_decimal(value)
        if dollars is None or not 0 <= dollars <= _MAX_USD or (above_zero and dollars == 0):
            refuse(allowed)
        micros = dollars * 1_000_000
        if micros != micros.to_integral_value():
            refuse(allowed)
        return Micros(int(micros))

    return read


def read_duration(value: object) -> timedelta:
    """Parse `500ms`, `4s`, `15m`, `24h` or `30d`: one unit, decimals allowed (`1.5h`)."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    microseconds = Decimal(match[1]) * _UNIT_MICROSECONDS[match[2]] if match else None
    if microseconds is None or microseconds > _MAX_DURATION:
        refuse("a duration with a unit: 500ms, 4s, 15m, 24h, 30d")
    return timedelta(microseconds=int(microseconds))


def duration_text(length: timedelta) -> str:
    """Format a duration as in the file, in the largest unit that gives an integer: `15m`."""
    microseconds = length // timedelta(microseconds=1)
    for unit in reversed(_UNIT_MICROSECONDS):
        if microseconds and microseconds % _UNIT_MICROSECONDS[unit] == 0:
            return f"{microseconds // _UNIT_MICROSECONDS[unit]}{unit}"
    return f"{Decimal(microseconds) / 1000:f}ms"


def duration(least: str, most: str) -> Callable[[object], timedelta]:
    """Return a parser of durations from `least` to `most`, inclusive."""
    lowest, highest = read_duration(least), read_duration(most)

    def read(value: object) -> timedelta:
        length = read_duration(value)
        if not lowest <= length <= highest:
            refuse(f"a duration from {least} to {most}")
        return length

    return read


def read_seconds(value: object) -> int:
    """Parse a video's length in whole seconds: `8` or `8s`."""
    text = value[:-1] if isinstance(value, str) and value.endswith("s") else value
    return integer(1, 86_400, "whole seconds (8 or 8s)")(text)


def is_name(value: object) -> bool:
    """Whether the value is a valid name."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def read_name(value: object) -> str:
    """Parse a name, which appears in URLs, metrics and on command lines."""
    if not is_name(value):
        refuse("a name: 1 to 63 letters, digits, - _ or ., starting with a letter or digit")
    return str(value)


def read_glob(value: object) -> str:
    """Parse a case-sensitive pattern with `*` (any text) and `?` (one character)."""
    if not isinstance(value, str) or not _GLOB.fullmatch(value):
        refuse('a pattern such as "google/*": letters, digits, . _ : / @ ~ + - with * and ?')
    return str(value)


def read_hash(value: object) -> str:
    """Parse `sha256:<64 hex digits>` into lower case."""
    match = _HASH.fullmatch(value.lower()) if isinstance(value, str) else None
    if match is None:
        refuse("sha256:<64 hex digits>, from `video-gateway keys hash`")
    if match[1] in _HASHES_OF_NOTHING:
        refuse("the hash of a key; this is the hash of an empty text")
    if match[1] in _HASHES_OF_GUESSES or match[1] == _PLACEHOLDER:
        refuse(
            "the hash of a key that nobody can guess; this is the hash of a well-known word, or an"
            " example: make a key with `video-gateway keys create`"
        )
    return match[0]


def read_resolution(value: object) -> str:
    """Parse a resolution whose number of lines is known (`domain/resolution.py`)."""
    if not isinstance(value, str) or value != value.strip() or lines(value) is None:
        refuse("a resolution: 360p, 480p, 720p, 768p, 1080p, 1K, 2K, 4K, or another <lines>p")
    return str(value)


def read_network(value: object) -> Network:
    """Parse a CIDR such as `10.0.0.0/8`, or one address."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    allowed = "a network such as 10.0.0.0/8 or fd00::/8, without host bits"
    if not isinstance(value, str) or isinstance(value, Number):
        refuse(allowed)
    try:
        return ip_network(value)
    except ValueError:
        refuse(allowed)


def secret(least: int, what: str, unit: str = "characters") -> Callable[[object], SecretStr]:
    """Return a parser of one-line secrets of at least `least` characters or bytes."""

    def read(value: object) -> SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not isinstance(text, str) or text != text.strip() or not text.isprintable():
            refuse(f"{what}: text of at least {least} {unit} without line breaks or outer spaces")
        if (len(text) if unit == "characters" else len(text.encode())) < least:
            refuse(f"{what}: at least {least} {unit}")
        return SecretStr(str(text))

    return read


def rotating_secret(least: int, what: str) -> Callable[[object], SecretStr]:
    """Return a parser of one signing secret, or two separated by a space during a rotation."""
    read_one = secret(least, what)

    def read(value: object) -> SecretStr:
        text = read_one(value)
        parts = text.get_secret_value().split(" ")
        if len(parts) > 2:
            refuse(f"{what}, or two separated by one space during a rotation")
        for part in parts:
            read_one(part)
        return text

    return read


def read_header_secret(value: object) -> SecretStr:
    """Parse a bearer key. It is sent in a header, so it must be visible ASCII."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str) or not re.fullmatch(r"[!-~]+", text):
        refuse("a key: non-empty visible ASCII without spaces or line breaks")
    return SecretStr(str(text))


_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # RFC 9110, section 5.6.2
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]{0,2000}[!-~])?")
_MOST_HEADERS = 20
# Headers that the gateway sets itself, or that would change how the body is read.
_OWN_HEADERS = re.compile(
    r"(?:webhook-|x-openrouter-).*|host|connection|content-.*|transfer-encoding|te|trailer|upgrade"
    r"|expect|user-agent",
    re.IGNORECASE,
)


def read_headers(value: object) -> Mapping[str, SecretStr]:
    """Parse the headers that a subscriber wants: at most 20, none of the gateway's own."""
    allowed = (
        f"a mapping of at most {_MOST_HEADERS} header names to values, such as {{X-Token: a-token}}"
        "; not Host, Connection, Content-*, User-Agent, Webhook-* or X-OpenRouter-*"
    )
    if not isinstance(value, Mapping) or len(value) > _MOST_HEADERS:
        refuse(allowed)
    found: dict[str, SecretStr] = {}
    for name, text in value.items():
        plain = text.get_secret_value() if isinstance(text, SecretStr) else str(text)
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            refuse(allowed)
        if _OWN_HEADERS.fullmatch(name) or not _HEADER_VALUE.fullmatch(plain):
            refuse(allowed)
        found[name] = SecretStr(plain)
    if len({name.lower() for name in found}) < len(found):
        refuse(allowed)
    return MappingProxyType(found)


def at_least_one(values: tuple[T, ...]) -> tuple[T, ...]:
    """Reject an empty list."""
    if not values:
        refuse("a list with at least one entry")
    return values


def or_null(read: Callable[[object], Any]) -> Callable[[object], Any]:
    """Return a parser that also accepts null and the empty text that `${NAME:-}` leaves."""

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
NonEmptyGlobs = Annotated[tuple[Glob, ...], AfterValidator(at_least_one)]


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


FormerNames = Annotated[tuple[Name, ...], BeforeValidator(_one_or_many)]
"""Names that a team or a key had before it was renamed: one, or a list."""
