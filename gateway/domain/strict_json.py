"""Parse untrusted JSON strictly and within limits.

The standard library's parser accepts duplicate keys (the last wins), NaN, numbers of any size and
lone surrogates. Each of these could make the gateway price one request and the upstream run another
(docs/reliability.md (c) 15). The limits bound how long one request can block all others.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.domain.data_url import DataUrl, lift

_INT64 = 2**63
_MAX_INT_DIGITS = 19  # of a 64-bit integer; the upstream may not accept larger ones

MAX_DEPTH = 32  # the deepest field of the contract is at 5
MAX_KEYS = 500  # of one object
MAX_ALL_KEYS = 5_000
MAX_VALUES = 50_000  # of all objects and arrays together
MAX_STRING = 4_096  # characters of a string that is neither a prompt nor a URL
MAX_PROMPT = 100_000
# Refused before parsing, which would block all other requests meanwhile: more bytes beside large
# images, and more values, than any real request has (a prompt may have 100,000 commas).
MAX_TEXT = 4_000_000
_MOST_COMMAS = 200_000

_INTEGERS = f"an integer of 64 bits, from {-_INT64} to {_INT64 - 1}"
_URL_STARTS = ("data:", "http://", "https://")


class NotStrict(ValueError):
    """The text is not unambiguous JSON, or exceeds a limit. The message says where and why.

    `field` is the path of the value, like `provider.options.x`, or `body`.
    """

    def __init__(self, words: str, field: str = "body") -> None:
        """Create the error; `words` is for the client and quotes nothing but key names."""
        super().__init__(words)
        self.field = field


@dataclass(frozen=True, slots=True, eq=False)
class _Flaw:
    """A marker in place of an unusable value; its path is determined later."""

    words: str


def parse_object(text: bytes | bytearray) -> dict[str, Any]:
    """Parse the JSON object in `text`: finite floats, 64-bit integers, unique keys.

    Raises:
        NotStrict: with a message for the client, and the path of the value.

    """
    if _is_blank(text):
        raise NotStrict("the body is empty; send a JSON object")
    lifted = lift(text)
    value = _parsed(lifted.text)
    if _put_in(value, lifted.urls) != len(lifted.urls):
        # A placeholder replaced a key, or a client's string looks like one: parse the original.
        value = _parsed(bytes(text))
    _check(value)
    return value


def _is_blank(text: bytes | bytearray) -> bool:
    step = 256 * 1024
    return all(text[start : start + step].isspace() for start in range(0, len(text), step))


def _put_in(root: Mapping[str, Any], urls: Sequence[DataUrl]) -> int:
    """Replace each placeholder by its data URL; return the number of replacements."""
    if not urls:
        return 0
    known = {str(url): url for url in urls}
    places = 0
    stack: list[Any] = [root]
    while stack:
        value = stack.pop()
        if not isinstance(value, dict | list):
            continue
        for place, member in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(member, str):
                if member in known:
                    value[place] = known[member]
                    places += 1
            else:
                stack.append(member)
    return places


def _parsed(text: bytes) -> dict[str, Any]:
    if len(text) > MAX_TEXT:
        raise NotStrict(
            f"the body has {len(text)} bytes beside its images; allowed: at most {MAX_TEXT}"
        )
    # A quote inside a string is escaped, so every other `":` ends a key.
    if len(text) > MAX_ALL_KEYS and text.count(b'":') - text.count(b'\\":') > MAX_ALL_KEYS:
        raise NotStrict(f"the body has more than {MAX_ALL_KEYS} keys")
    if len(text) > _MOST_COMMAS and text.count(b",") > _MOST_COMMAS:
        raise NotStrict(f"the body holds too many values: {MAX_VALUES} at most")
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_constant,
            parse_float=_finite,
            parse_int=_int64,
        )
    except UnicodeDecodeError as error:
        raise NotStrict(f"the body is not valid UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise NotStrict(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise NotStrict(_TOO_DEEP) from None
    if isinstance(value, _Flaw):
        raise NotStrict(value.words)
    if not isinstance(value, dict):
        raise NotStrict(f"the body is {_kind(value)}; send a JSON object")
    return value


_TOO_DEEP = f"the body is nested too deeply: {MAX_DEPTH} levels at most"


def _unique(pairs: list[tuple[str, Any]]) -> "dict[str, Any] | _Flaw":
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return _Flaw(f"the key {_shown(key)} occurs twice in one object")
        seen.add(key)
    raise AssertionError("unreachable: fewer members than pairs means a key twice")


def _constant(name: str) -> _Flaw:
    return _Flaw(f"{name} is not a JSON number")


def _finite(text: str) -> "float | _Flaw":
    value = float(text)
    return value if math.isfinite(value) else _Flaw("the number is too large")


def _int64(text: str) -> "int | _Flaw":
    if len(text.lstrip("-")) <= _MAX_INT_DIGITS:
        value = int(text)
        if -_INT64 <= value < _INT64:
            return value
    return _Flaw(f"{text[:40]} is too large; allowed: {_INTEGERS}")


def _check(root: Mapping[str, Any]) -> None:
    """Reject values beyond the limits, NUL (databases can't store it) and lone surrogates."""
    keys = values = 0
    stack: list[tuple[Any, int, str]] = [(root, 1, "")]
    while stack:
        value, depth, name = stack.pop()
        if isinstance(value, dict):
            keys += len(value)
            values += len(value)
            stack.extend((member, depth + 1, key) for key, member in value.items())
        elif isinstance(value, list):
            values += len(value)
            stack.extend((item, depth + 1, name) for item in value)
        if keys > MAX_ALL_KEYS:
            raise NotStrict(f"the body has more than {MAX_ALL_KEYS} keys")
        if values > MAX_VALUES:
            raise NotStrict(f"the body holds too many values: {MAX_VALUES} at most")
        if _flaw(value, depth, name) is not None:
            raise _located(root)


def _flaw(value: Any, depth: int, name: str) -> str | None:
    """Return what is wrong with one value, itself or as a container; None if it is valid."""
    if isinstance(value, _Flaw):
        return value.words
    if isinstance(value, str):
        return _string_flaw(value, name)
    if not isinstance(value, dict | list):
        return None
    if depth > MAX_DEPTH:
        return _TOO_DEEP
    if isinstance(value, dict):
        if len(value) > MAX_KEYS:
            return f"the object has {len(value)} keys; allowed: at most {MAX_KEYS}"
        return next((flaw for key in value if (flaw := _key_flaw(key)) is not None), None)
    return None


def _string_flaw(text: str, name: str) -> str | None:
    if not text.isascii() and _has_half_pair(text):
        return "the string contains half of a surrogate pair"
    if "\0" in text:
        return "the string contains a NUL character"
    if len(text) <= MAX_STRING or text.startswith(_URL_STARTS):
        return None
    most = MAX_PROMPT if "prompt" in name.lower() else MAX_STRING
    if len(text) <= most:
        return None
    return f"the string has {len(text)} characters; allowed: at most {most}"


def _key_flaw(key: str) -> str | None:
    if "\0" in key:
        return "a key contains a NUL character"
    if len(key) > MAX_STRING:
        return f"a key has {len(key)} characters; allowed: at most {MAX_STRING}"
    return "a key contains half of a surrogate pair" if _has_half_pair(key) else None


def _has_half_pair(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _located(root: Mapping[str, Any]) -> NotStrict:
    """Return the first flaw in document order, with its path."""
    for path, value, depth, name in _members(root, "", 1, ""):
        words = _flaw(value, depth, name)
        if words is not None:
            return NotStrict(f"{path}: {words}" if path else words, path or "body")
    raise AssertionError("unreachable: the same values were flawed a moment ago")


def _members(value: Any, path: str, depth: int, name: str) -> Iterator[tuple[str, Any, int, str]]:
    yield path, value, depth, name
    if depth > MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, member in value.items():
            inner = f"{path}.{_plain(key)}" if path else _plain(key)
            yield from _members(member, inner, depth + 1, key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _members(item, f"{path}[{index}]", depth + 1, name)


def _plain(key: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in key[:60])


def _shown(key: str) -> str:
    return json.dumps(key[:60])


def _kind(value: Any) -> str:
    names = {str: "a string", list: "an array", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
